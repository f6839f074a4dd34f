"""An entry as a page with a form, as JSON for clients without cookies, and changed with a task that follows."""

import json
from contextlib import suppress

from django import forms
from django.db import DatabaseError, connections
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from hunted import tasks
from hunted.models import Entry, Notice


class EntryForm(forms.Form):
    """A change to what the user has seen: somebody who saw an old version is told so, and nothing is saved."""

    was = forms.IntegerField()
    version = forms.IntegerField()

    def __init__(self, *args, owner, **kwargs):
        super().__init__(*args, **kwargs)
        self.owner = owner

    def clean_was(self):
        entry = Entry.objects.filter(owner=self.owner).first()
        if self.cleaned_data["was"] != (entry.version if entry else 0):
            raise forms.ValidationError("It was changed meanwhile.")
        return self.cleaned_data["was"]

    def save(self):
        Entry.objects.update_or_create(owner=self.owner, defaults={"version": self.cleaned_data["version"]})


def page(request, owner):
    """GET shows the version, POST saves another one."""
    if request.method == "POST":
        form = EntryForm(request.POST, owner=owner)
        if not form.is_valid():
            return HttpResponse(form.errors.as_text(), status=409)
        form.save()
        return redirect(request.path)
    get_token(request)
    entry = Entry.objects.filter(owner=owner).first()
    return HttpResponse(f"<p>version {entry.version if entry else 0}</p>")


@csrf_exempt
def api(request, owner):
    """GET and PUT."""
    if request.method == "PUT":
        version = json.loads(request.body)["version"]
        Entry.objects.update_or_create(owner=owner, defaults={"version": version})
        return JsonResponse({"version": version})
    entry = Entry.objects.filter(owner=owner).first()
    return JsonResponse({"version": entry.version if entry else 0})


@csrf_exempt
async def async_api(request, owner):
    """The same, with Django's asynchronous methods."""
    if request.method == "PUT":
        version = json.loads(request.body)["version"]
        await Entry.objects.aupdate_or_create(owner=owner, defaults={"version": version})
        return JsonResponse({"version": version})
    entry = await Entry.objects.filter(owner=owner).afirst()
    return JsonResponse({"version": entry.version if entry else 0})


@csrf_exempt
@require_POST
def task(request, owner):
    """Save, and leave to a task what comes after it."""
    version = int(request.POST["version"])
    Entry.objects.update_or_create(owner=owner, defaults={"version": version})
    tasks.enqueue(owner, version)
    return JsonResponse({"version": version})


@require_safe
def notices(request):
    """One query of a table that nobody writes to."""
    rows = Notice.objects.all()
    # Ours says why; others have no reasons.
    reason = getattr(rows.db, "reason", None)
    [notice] = rows
    # So that the server's counter says so at once: a session that stays open tells it after ten seconds, and never
    # if it is killed.
    with suppress(DatabaseError), connections[notice._state.db].cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
    return JsonResponse({"notice": notice.text, "from": notice._state.db, "why": reason and reason.value})
