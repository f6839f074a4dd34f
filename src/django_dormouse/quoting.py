"""Names and texts as SQL writes them, for the statements that take no parameters (CREATE ROLE, ALTER ROLE, …)."""

__all__ = ["identifier", "literal"]


def identifier(name: str) -> str:
    """A name in double quotes. Raises ValueError for one that no object of Postgres can have."""
    if not name or "\0" in name:
        raise ValueError("an empty name, or one with a NUL character")
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in single quotes, whatever `standard_conforming_strings` says."""
    if "\0" in text:
        raise ValueError("a text with a NUL character")
    quoted = "'" + text.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in text else quoted
