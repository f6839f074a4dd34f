from django.contrib import admin

from notes.models import Note


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin):
    list_display = ["title", "created_at"]
    search_fields = ["title", "content"]
    date_hierarchy = "created_at"
    readonly_fields = ["created_at"]
