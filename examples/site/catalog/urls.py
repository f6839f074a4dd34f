from django.urls import path

from catalog import views

app_name = "catalog"

urlpatterns = [
    path("authors/", views.authors, name="authors"),
    path("countries/", views.Countries.as_view(), name="countries"),
    path("books/<int:author_id>/", views.books, name="books"),
]
