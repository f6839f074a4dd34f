"""Test databases: made past the pooler, with replicas that share the primary's connection."""

from typing import TYPE_CHECKING, Any

from django.db.backends.postgresql.creation import DatabaseCreation as DjangoDatabaseCreation

from django_dormouse import alias

if TYPE_CHECKING:
    from django_dormouse.backend.base import DatabaseWrapper

__all__ = ["DatabaseCreation"]


class DatabaseCreation(DjangoDatabaseCreation):
    """Django's, for aliases that are several ways to one database."""

    connection: "DatabaseWrapper"

    def _create_test_db(self, *args: Any, **kwargs: Any) -> str:
        # On a direct connection: a pooler keeps server connections open, and those keep the database from being
        # dropped. Not in `create_test_db`, whose warnings are about its caller.
        self.connection.use_direct()
        name: str = super()._create_test_db(*args, **kwargs)  # type: ignore[misc]
        return name

    def set_as_test_mirror(self, primary_settings_dict: dict[str, Any]) -> None:
        """Use the primary's own connection under test, and leave this alias out of routing.

        What a TestCase writes is never committed, so no other connection could see it.
        """
        super().set_as_test_mirror(primary_settings_dict)
        settings = self.connection.settings_dict
        ours = alias.of(settings)
        mirror = settings["TEST"]["MIRROR"] or ours.replica_of or ours.direct_of
        if mirror is not None:
            # In place, because other threads' wrappers of this alias share the mapping.
            settings["DORMOUSE"] = {**settings.get("DORMOUSE", {}), "SHARES_CONNECTION_OF": mirror}
            self.connection.become_mirror()
