"""The one form of the site."""

from django import forms

from notes.models import Note


class NoteForm(forms.ModelForm):
    """A note as someone writes it; blanks alone are no title."""

    class Meta:
        model = Note
        fields = ["title", "content"]
        widgets = {
            "title": forms.TextInput(attrs={"autocomplete": "off"}),
            "content": forms.Textarea(attrs={"rows": 8}),
        }
        labels = {"content": "What to remember"}
        error_messages = {
            "title": {"required": "Give the note a title."},
            "content": {"required": "Write a word or two."},
        }
