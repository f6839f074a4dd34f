"""Where a file's data lies on the disk, as far as the file system tells: which of it other files hold as well.

`FS_IOC_FIEMAP` of Linux (kernel documentation, filesystems/fiemap.rst; linux/fiemap.h).
"""

import fcntl
import struct
import sys
from typing import Final

__all__ = ["shared_bytes"]

_FIEMAP: Final = 0xC020660B
"""`_IOWR('f', 11, struct fiemap)`"""
_HEADER: Final = struct.Struct("=QQIIII")
"""start, length, flags, extents that were mapped, extents there is room for, reserved"""
_EXTENT: Final = struct.Struct("=QQQQQIIII")
"""logical, physical, length, two reserved; flags, three reserved"""
_LAST: Final = 0x1
_SHARED: Final = 0x2000
_ROOM: Final = 128
"""Extents for one call; a file of a database has a few, on btrfs after many changes thousands."""


def shared_bytes(descriptor: int) -> int | None:
    """How much of an open file lies where other files have theirs too; None where that cannot be seen.

    What was not written to the disk yet is nobody else's, and not counted.
    """
    if sys.platform != "linux":
        return None
    shared = start = 0
    while True:
        buffer = bytearray(_HEADER.size + _ROOM * _EXTENT.size)
        _HEADER.pack_into(buffer, 0, start, (1 << 64) - 1 - start, 0, 0, _ROOM, 0)
        try:
            fcntl.ioctl(descriptor, _FIEMAP, buffer, True)
        except OSError:
            return None
        mapped = _HEADER.unpack_from(buffer)[3]
        flags = _LAST
        for number in range(mapped):
            logical, _, length, _, _, flags, *_ = _EXTENT.unpack_from(buffer, _HEADER.size + number * _EXTENT.size)
            shared += length if flags & _SHARED else 0
            start = logical + length
        if flags & _LAST:
            return shared
