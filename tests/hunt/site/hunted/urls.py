from django.urls import include, path

from hunted import views

urlpatterns = [
    path("entries/<owner>/", views.page),
    path("api/entries/<owner>/", views.api),
    path("async/entries/<owner>/", views.async_api),
    path("tasks/<owner>/", views.task),
    path("notices/", views.notices),
    path("", include("config.urls")),
]
