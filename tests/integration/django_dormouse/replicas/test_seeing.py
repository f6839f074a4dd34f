"""Which database served what, and why: in a header, in the debug toolbar, in counters."""

from typing import Any


def headers(path: str) -> Any:
    from django.test import Client

    client = Client()
    return [
        client.get(path).headers.get("Server-Timing"),
        client.post("/write/?title=a").headers.get("Server-Timing"),
    ]


def test_the_header_names_databases_and_reasons(project):
    read, written = project.run(headers, "/read/", settings={"DORMOUSE": {"SERVER_TIMING": True}})

    assert read.partition(";")[0] == "replica"
    assert read.endswith('desc="1 x a replica may answer"')
    assert written.partition(";")[0] == "default"
    assert "1 x a write" in written


def test_it_is_sent_while_debugging_and_else_where_it_is_asked_for(project):
    assert project.run(headers, "/read/") == [None, None]
    assert all(project.run(headers, "/read/", settings={"DEBUG": True}))
    assert project.run(headers, "/read/", settings={"DEBUG": True, "DORMOUSE": {"SERVER_TIMING": False}}) == [
        None,
        None,
    ]


def the_toolbar() -> Any:
    import re

    from debug_toolbar.toolbar import DebugToolbar
    from django.db import connection
    from django.http import HttpResponse
    from django.test import RequestFactory
    from library.models import Note

    from django_dormouse.replicas import Middleware, read_counts

    def view(request: Any) -> HttpResponse:
        Note.objects.count()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        Note.objects.create(title="a")
        Note.objects.count()
        return HttpResponse("<body></body>")

    toolbars = []

    def toolbar_middleware(request: Any) -> HttpResponse:
        toolbar = DebugToolbar(request, view)
        toolbars.append(toolbar)
        response = toolbar.process_request(request)
        for panel in toolbar.enabled_panels:
            panel.generate_stats(request, response)
        return response

    Middleware(toolbar_middleware)(RequestFactory().get("/"))
    panel = toolbars[0].get_panel_by_id("ReplicasPanel")
    rows = re.findall(r"<td>(default|replica)</td>\s*<td>(.*?)</td>", panel.content)
    counts = [[count.alias, count.reason.name, count.count] for count in read_counts()]
    return {"title": panel.nav_subtitle, "rows": rows, "counts": sorted(counts)}


def test_the_debug_toolbars_panel(project):
    settings = {
        "DEBUG": True,
        "STATIC_URL": "static/",
        "INSTALLED_APPS": [
            "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
            "django.contrib.staticfiles", "debug_toolbar", "django_dormouse", "library",
        ],
        "TEMPLATES": [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        "DEBUG_TOOLBAR_PANELS": ["django_dormouse.replicas.panel.ReplicasPanel"],
    }  # fmt: skip

    assert project.run(the_toolbar, settings=settings) == {
        "title": "default 3, replica 1",
        "rows": [
            ["replica", "in use"],
            ["replica", "a replica may answer"],
            ["default", "this database was asked by name"],
            ["default", "a write"],
            ["default", "this request or task has written"],
        ],
        "counts": [["default", "WROTE", 1], ["replica", "REPLICA", 1]],
    }
