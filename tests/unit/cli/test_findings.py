import pytest

from dormouse.cli.findings import Finding


@pytest.mark.parametrize(("level", "mark"), [("fine", "✓"), ("note", "·"), ("problem", "✗")])
def test_each_level_has_its_mark(level: str, mark: str) -> None:
    assert Finding(level, "home", "text").mark == mark  # type: ignore[arg-type]
