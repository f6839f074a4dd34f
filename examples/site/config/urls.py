"""Which address leads where."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

admin.site.site_header = "Dormouse example site"
admin.site.site_title = "Dormouse example"
admin.site.index_title = "Catalog and notes"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("catalog/", include("catalog.urls")),
    path("", include("notes.urls")),
]
if settings.TOOLBAR:
    urlpatterns.append(path("__debug__/", include("debug_toolbar.urls")))
