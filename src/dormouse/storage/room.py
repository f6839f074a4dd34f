"""Room on a disk that is left to those who must not run out of it.

A server that cannot write its WAL any more ends at once, and all its clients with it. A clone can be made another
time: so it ends while there is room left for whoever writes meanwhile.
"""

import errno
import os
from typing import Final

__all__ = ["RESERVE_BYTES", "leave_room"]

RESERVE_BYTES: Final = 64 << 20
"""Some seconds of WAL of a server that has much to write, in which the clone is taken away again."""


def leave_room(descriptor: int, to_write: int) -> None:
    """Raises OSError (ENOSPC) if to write so much would use up the reserve of the disk that an open file is on."""
    found = os.fstatvfs(descriptor)
    if found.f_bavail * found.f_frsize - to_write < RESERVE_BYTES:
        reason = f"{os.strerror(errno.ENOSPC)}, since {RESERVE_BYTES >> 20} MB are left to the servers that run"
        raise OSError(errno.ENOSPC, reason)
