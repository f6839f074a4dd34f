"""The pages of the notes: a list, a form, a question."""

from django.contrib.messages.views import SuccessMessageMixin
from django.urls import reverse_lazy
from django.views.generic import CreateView, DeleteView, ListView

from notes.forms import NoteForm
from notes.models import Note


class NoteList(ListView):
    """All notes, newest first, a page at a time."""

    model = Note
    paginate_by = 10


class NoteCreate(SuccessMessageMixin, CreateView):
    """The form for a new note; what is wrong with it is said beside the field."""

    model = Note
    form_class = NoteForm
    success_url = reverse_lazy("notes:list")
    success_message = "Saved “%(title)s”."


class NoteDelete(SuccessMessageMixin, DeleteView):
    """GET asks, POST deletes."""

    model = Note
    success_url = reverse_lazy("notes:list")
    success_message = "Deleted the note."
