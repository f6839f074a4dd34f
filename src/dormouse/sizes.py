"""Amounts of bytes as people read them."""

__all__ = ["size_text"]


def size_text(size_bytes: int) -> str:
    """In the largest unit of which there is one, with three figures at most: `512 B`, `4.2 MB`, `31 GB`."""
    amount, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        # 999.5 would be rounded to 1000.
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}" if unit != "B" and amount < 9.95 else f"{amount:.0f} {unit}"
