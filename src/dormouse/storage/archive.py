"""The WAL archive of an incarnation: finished segments as hard links, no process, no second copy.

Paths are relative to the data directory, in which Postgres runs its commands: so a home with spaces, quotes
or `%` in its path does no harm. Hard links need `wal_recycle = off`, because a recycled segment is renamed
and overwritten in place, which would change the archived one as well.
"""

from typing import Final

__all__ = ["ARCHIVE_COMMAND", "REPLICA_RESTORE_COMMAND"]

ARCHIVE_COMMAND: Final = "test ../wal/%f -ef %p || ln %p ../wal/%f"
"""`test -ef` first: after a crash between the link and the server's note of it, the segment comes again.

(`test ! -f … && ln …`, the manual's form, then fails for ever.)
"""

REPLICA_RESTORE_COMMAND: Final = "cp ../../../wal/%f %p"
"""From `replicas/<endpoint>/data` up to the incarnation. A missing file is exit 1: there is no more yet."""
