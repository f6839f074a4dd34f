from django.contrib import admin
from django.db.models import Count

from catalog.models import Author, Book


class BookInline(admin.TabularInline):
    model = Book
    extra = 1


@admin.register(Author)
class AuthorAdmin(admin.ModelAdmin):
    list_display = ["name", "country", "book_count", "created_at"]
    list_filter = ["country"]
    search_fields = ["name", "country"]
    readonly_fields = ["created_at"]
    inlines = [BookInline]

    def get_queryset(self, request):
        # Counted by the database along with the list, not once per row.
        return super().get_queryset(request).annotate(book_count=Count("books"))

    @admin.display(description="books", ordering="book_count")
    def book_count(self, author):
        return author.book_count


@admin.register(Book)
class BookAdmin(admin.ModelAdmin):
    list_display = ["title", "author", "created_at"]
    list_filter = ["author"]
    list_select_related = ["author"]
    search_fields = ["title", "author__name"]
    autocomplete_fields = ["author"]
    readonly_fields = ["created_at"]
