"""Ratios as a picture: a bar each, with its bounds, beside the line where both are equal."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from measuring import Ratio

_ROW, _LEFT, _WIDTH, _TOP, _MOST = 22, 330, 380, 34, 2.0


def write_svg(path: Path, title: str, rows: Sequence[tuple[str, Ratio]]) -> None:
    """One row for each ratio, in the order given."""
    height = _TOP + _ROW * len(rows) + 26
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 70} {height}" '
        f'font-family="sans-serif" font-size="12" role="img" aria-label="{escape(title)}">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="8" y="18" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (name, ratio) in enumerate(rows):
        y = _TOP + _ROW * number
        middle = y + _ROW / 2 - 2
        parts += [
            f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{y + 3}" width="{_x(ratio.median) - _LEFT:.1f}" height="13" fill="#5b8a72"/>',
            f'<path d="M{_x(ratio.low):.1f} {middle}H{_x(ratio.high):.1f}" stroke="#222"/>',
            f'<text x="{_LEFT + _WIDTH + 8}" y="{y + 14}">{ratio.median:.2f} ×</text>',
        ]
    bottom = height - 22
    for mark in (0.5, 1.0, 1.5, 2.0):
        stroke = "#a33" if mark == 1.0 else "#ccc"
        parts += [
            f'<path d="M{_x(mark)} {_TOP - 4}V{bottom}" stroke="{stroke}" stroke-dasharray="3 3"/>',
            f'<text x="{_x(mark)}" y="{height - 8}" text-anchor="middle" fill="#555">{mark:g} ×</text>',
        ]
    path.write_text("\n".join([*parts, "</svg>\n"]), "utf-8")


def _x(value: float) -> float:
    return _LEFT + min(value, _MOST) / _MOST * _WIDTH
