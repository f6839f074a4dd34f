from django.urls import path

from catalog import views

urlpatterns = [
    path("authors/", views.list_authors),
    path("books/<int:author_id>/", views.list_books),
]
