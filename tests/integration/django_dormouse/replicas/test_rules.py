"""Each rule that keeps a read on the primary, while the replica lags: with it the answer is right, and with a
router that has no rules it is wrong.
"""

from typing import Any

import pytest

OURS = {"DATABASE_ROUTERS": ["django_dormouse.replicas.Router"]}
NAIVE = {"DATABASE_ROUTERS": ["naive.Router"]}


def what_is_seen_meanwhile() -> Any:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.core.exceptions import ValidationError
    from django.db import DatabaseError, transaction
    from django.test import Client
    from library.models import Label, Note, Remark, Shelf

    from django_dormouse.replicas import context
    from django_dormouse.testing import lagging

    def begin() -> None:
        """Another request, of somebody of whom nothing is known: so each rule is alone."""
        context.begin(context.Unit())

    def outcome(act: Callable[[], object]) -> Any:
        try:
            return act()
        except (DatabaseError, Note.DoesNotExist, ValidationError) as error:
            return type(error).__name__

    def in_a_transaction() -> int:
        with transaction.atomic():
            Note.objects.create(title="a")
            begin()  # what was written is one rule, that a transaction is open another
            return Note.objects.filter(title="a").count()

    def after_a_write() -> int:
        Note.objects.create(title="b")
        return Note.objects.filter(title="b").count()

    def by_a_user_who_wrote() -> list[str]:
        client = Client()
        client.post("/write/?title=c")
        titles: list[str] = client.get("/read/").json()["titles"]
        return [title for title in titles if title == "c"]

    def in_a_form() -> str:
        # Somebody else has just taken the name.
        Label.objects.create(name="taken")
        begin()
        told: str = Client().post("/label/?name=taken").json()["told"]
        return told

    def of_a_written_object() -> str:
        note = Note.objects.create(title="d")
        begin()
        Note.objects.using("default").filter(pk=note.pk).update(title="e")
        begin()
        note.refresh_from_db()
        return note.title

    def related_to_a_written_object() -> int:
        shelf = Shelf.objects.create(name="s")
        Note.objects.create(title="f", shelf=shelf)
        begin()
        return shelf.notes.count()

    def got_or_created() -> list[bool]:
        Label.objects.create(name="h")
        begin()
        made = [Label.objects.get_or_create(name="h")[1]]
        begin()
        return [*made, Label.objects.update_or_create(name="h")[1]]

    def locked() -> int:
        Label.objects.create(name="i")
        begin()
        with transaction.atomic():
            begin()
            return len(Label.objects.select_for_update().filter(name="i"))

    def generically_related() -> list[int]:
        note = Note.objects.using("replica").get(title="old")
        changed = [note.remarks.update(text="new")]
        begin()
        return [*changed, note.remarks.all().delete()[0]]

    def by_raw_sql() -> str:
        insert = "INSERT INTO library_note (title) VALUES ('g') RETURNING id, title"
        [note] = Note.objects.raw(insert)
        return str(note.title)

    def of_a_session() -> int:
        client = Client()
        client.force_login(User.objects.get(username="ann"))
        begin()
        return client.get("/who/").json()["user"] == "ann"

    User.objects.all().delete()
    User.objects.create_user("ann")
    Remark.objects.create(about=Note.objects.create(title="old"), text="old")
    seen = {}
    with lagging():
        for act in (
            in_a_transaction, after_a_write, by_a_user_who_wrote, in_a_form, of_a_written_object,
            related_to_a_written_object, got_or_created, locked, generically_related, by_raw_sql, of_a_session,
        ):  # fmt: skip
            begin()
            seen[act.__name__] = outcome(act)
    return seen


RIGHT = {
    "in_a_transaction": 1,
    "after_a_write": 1,
    "by_a_user_who_wrote": ["c"],
    "in_a_form": "taken already",
    "of_a_written_object": "e",
    "related_to_a_written_object": 1,
    "got_or_created": [False, False],
    "locked": 1,
    "generically_related": [1, 1],
    "by_raw_sql": "g",
    "of_a_session": True,
}
WRONG = {
    "in_a_transaction": 0,
    "after_a_write": 0,
    "by_a_user_who_wrote": [],
    "in_a_form": "IntegrityError",
    "of_a_written_object": "DoesNotExist",
    "related_to_a_written_object": 0,
    # Django itself asks for the database to write to in these two.
    "got_or_created": [False, False],
    "locked": 1,
    "generically_related": "ReadOnlyServer",
    "by_raw_sql": "ReadOnlyServer",
    "of_a_session": False,
}


@pytest.mark.parametrize(("router", "expected"), [(OURS, RIGHT), (NAIVE, WRONG)], ids=["ours", "naive"])
def test_what_is_seen_while_the_replica_lags(project, router, expected):
    assert project.run(what_is_seen_meanwhile, settings=router) == expected
