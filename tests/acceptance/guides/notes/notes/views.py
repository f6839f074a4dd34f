from django.shortcuts import get_object_or_404, redirect, render

from notes.forms import NoteForm
from notes.models import Note


def note_list(request):
    return render(request, "notes/list.html", {"notes": Note.objects.order_by("-created_at")})


def note_create(request):
    form = NoteForm(request.POST or None)
    if form.is_valid():
        form.save()
        return redirect("note_list")
    return render(request, "notes/create.html", {"form": form})


def note_delete(request, pk):
    note = get_object_or_404(Note, pk=pk)
    if request.method == "POST":
        note.delete()
        return redirect("note_list")
    return render(request, "notes/delete.html", {"note": note})
