"""Short notes, the newest on top."""

from django.db import models


class Note(models.Model):
    title = models.CharField(max_length=200)
    content = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            # The list is read in this order, a page at a time; the id settles notes of the same microsecond.
            models.Index(fields=["-created_at", "-id"], name="notes_newest_first"),
        ]

    def __str__(self):
        return self.title
