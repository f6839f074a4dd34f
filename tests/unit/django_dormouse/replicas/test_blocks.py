"""Where class-based views read from."""

import asyncio

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.views import View

from django_dormouse.replicas import ReadsFromMixin, context
from django_dormouse.replicas.context import NO_BLOCK, Block

REPLICA = Block(from_replica=True)


class Lazy(HttpResponse):
    """Rendered after the view has returned, as a TemplateResponse is."""

    def __init__(self, seen):
        super().__init__()
        self.seen, self.is_rendered, self.after = seen, False, []

    def add_post_render_callback(self, callback):
        self.after.append(callback)

    def render(self):
        self.seen.append(context.block())
        self.is_rendered = True
        for callback in self.after:
            callback(self)
        return self


@pytest.fixture
def request_():
    context.end()
    return RequestFactory().get("/")


def test_a_view_and_what_it_renders_later_read_from_there(request_):
    seen = []

    class Report(ReadsFromMixin, View):
        reads_from = "replica"

        def get(self, request):
            seen.append(context.block())
            return Lazy(seen)

    response = Report.as_view()(request_)
    assert seen == [REPLICA]
    assert context.block() == NO_BLOCK

    response.render()
    assert seen == [REPLICA, REPLICA]
    assert "render" not in vars(response), "what a cache would have to pickle"


def test_an_async_view_too(request_):
    class Report(ReadsFromMixin, View):
        reads_from = "primary"

        async def get(self, request):
            await asyncio.sleep(0)
            return HttpResponse(repr(context.block()))

    response = asyncio.run(Report.as_view()(request_))

    assert response.content.decode() == repr(Block(from_primary=True))


def test_another_word_is_refused(request_):
    class Report(ReadsFromMixin, View):
        reads_from = "nowhere"

    with pytest.raises(ValueError, match="primary, replica, fresh"):
        Report.as_view()(request_)
