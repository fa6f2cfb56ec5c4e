"""The pictures of the report as inline SVG: they follow the page's colours, and say nothing by colour alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from labelwright.inert import inert
from labelwright.report.rows import shorten

MAP_SIZE, MAP_EDGE = 640, 30
_LONGEST = 18
_STEPS = (0.0005, 0.01, 0.03, 0.08, 0.2)  # lower ends of the shades of a heat map


def heat_map(
    transition: Mapping[str, Any], ids: str = "heat", rows: str = "true class", columns: str = "given label"
) -> Markup:
    """Draw the transition matrix, rows = truth, columns = given label; every cell carries its number.

    `ids` keeps those of several maps on a page apart.
    """
    names, matrix = transition["classes"], transition["matrix"]
    k = len(names)
    cell = 62 if k <= 6 else 48 if k <= 12 else 38
    room = _room(names)
    left, top = room + 22, round(room * 0.74) + 26
    width, height = left + k * cell + round(room * 0.6), top + k * cell + 4
    parts = [
        f'<svg class="heat" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-labelledby="{ids}-title {ids}-desc"><title id="{ids}-title">Which class is given for which</title>'
        f'<desc id="{ids}-desc">Rows are the {rows}, columns the {columns}; the table below holds the same numbers.'
        "</desc>",
        f'<text class="axis" x="{left + k * cell / 2:g}" y="14" text-anchor="middle">{columns}</text>',
        f'<text class="axis" transform="translate(14 {top + k * cell / 2:g}) rotate(-90)" text-anchor="middle">'
        f"{rows}</text>",
    ]
    for j, name in enumerate(names):
        x = left + j * cell + cell / 2
        parts.append(f'<text class="name" transform="translate({x:g} {top - 8}) rotate(-45)">{_name(name)}</text>')
    for i, row in enumerate(matrix):
        y = top + i * cell
        parts.append(
            f'<text class="name" x="{left - 8}" y="{y + cell / 2 + 4:g}" text-anchor="end">{_name(names[i])}</text>'
        )
        parts += [_heat_cell(i, j, value, left + j * cell, y, cell) for j, value in enumerate(row)]
    parts.append("</svg>")
    return Markup("".join(parts))


def _heat_cell(i: int, j: int, value: float, x: float, y: float, cell: int) -> str:
    shade = "same" if i == j else f"h{sum(value >= step for step in _STEPS)}"
    number = cell_percent(value) if value >= _STEPS[0] else "·"
    return (
        f'<g class="{shade}"><rect x="{x:g}" y="{y:g}" width="{cell - 2}" height="{cell - 2}" rx="3"/>'
        f'<text x="{x + cell / 2 - 1:g}" y="{y + cell / 2 + 3:g}" text-anchor="middle">{number}</text></g>'
    )


def cell_percent(share: float) -> str:
    """Write a share for a narrow cell: ``0.4``, ``12``, ``100`` (per cent)."""
    value = 100 * share
    return f"{value:.1f}" if 0.05 <= value < 9.95 else "0" if value < 0.05 else f"{value:.0f}"


def _room(names: Sequence[str]) -> int:
    longest = max((len(shorten(inert(name), _LONGEST)) for name in names), default=1)
    return 12 + round(7.4 * longest)


def _name(name: str) -> str:
    return str(escape(shorten(inert(name), _LONGEST)))


def feature_map(plot: Mapping[str, Any]) -> Markup:
    """Draw the map of rows: a colour and a shape a class, a ring for suspects; one path a class keeps it light."""
    size, edge = MAP_SIZE, MAP_EDGE
    span = size - 2 * edge
    paths: dict[int, list[str]] = {}
    rings = []
    small = len(plot["points"]) > 1500
    r = 2.4 if small else 3.4
    for x, y, key, ringed, _ in plot["points"]:
        px, py = edge + x * span, edge + (1 - y) * span
        paths.setdefault(key, []).append(shape(key, px, py, r))
        if ringed:
            rings.append(_circle(px, py, r + 3.2))
    drawn = "".join(f'<path class="k k{key % 9}" d="{"".join(d)}"/>' for key, d in sorted(paths.items()))
    return Markup(
        f'<svg class="map" viewBox="0 0 {size} {size}" role="img" aria-labelledby="map-title map-desc">'
        '<title id="map-title">Map of the rows</title><desc id="map-desc">Near points are rows with similar features; '
        "shape and colour tell the class, a ring a suspect label. The table below holds the numbers.</desc>"
        f'<rect class="frame" x="0.5" y="0.5" width="{size - 1}" height="{size - 1}" rx="8"/>{drawn}'
        f'<path class="ring" d="{"".join(rings)}"/></svg>'
    )


def map_key(key: int) -> Markup:
    """Draw the mark of one class for the legend."""
    return Markup(
        f'<svg class="key" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">'
        f'<path class="k k{key % 9}" d="{shape(key, 8, 8, 5)}"/></svg>'
    )


def ring_key() -> Markup:
    """Draw the ring of a suspect for the legend."""
    return Markup(
        '<svg class="key" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">'
        f'<path class="ring" d="{_circle(8, 8, 6)}"/></svg>'
    )


def shape(key: int, x: float, y: float, r: float) -> str:
    """Return the outline of the mark of class `key` around (x, y); nine shapes before they repeat."""
    kind = key % 9
    if kind == 0:
        return _circle(x, y, r)
    if kind in (4, 5):  # plus, cross
        return _cross(x, y, r * 1.25, turned=kind == 5)
    corners, turn, stretch = {
        1: (4, 45.0, 1.25),  # square
        2: (3, -90.0, 1.4),  # triangle up
        3: (4, 0.0, 1.4),  # diamond
        6: (3, 90.0, 1.4),  # triangle down
        7: (5, -90.0, 1.25),  # pentagon
        8: (2, 0.0, 1.5),  # dash
    }[kind]
    if kind == 8:
        return f"M{x - 1.5 * r:.1f} {y - r / 3:.1f}h{3 * r:.1f}v{r * 0.7:.1f}h{-3 * r:.1f}z"
    points = [
        (
            x + stretch * r * math.cos(math.radians(turn + 360 * i / corners)),
            y + stretch * r * math.sin(math.radians(turn + 360 * i / corners)),
        )
        for i in range(corners)
    ]
    return "M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in points) + "z"


def _circle(x: float, y: float, r: float) -> str:
    return f"M{x - r:.1f} {y:.1f}a{r:g} {r:g} 0 1 0 {2 * r:g} 0a{r:g} {r:g} 0 1 0 {-2 * r:g} 0z"


def _cross(x: float, y: float, r: float, *, turned: bool) -> str:
    w = r * 0.32
    outline = [
        (-w, -r),
        (w, -r),
        (w, -w),
        (r, -w),
        (r, w),
        (w, w),
        (w, r),
        (-w, r),
        (-w, w),
        (-r, w),
        (-r, -w),
        (-w, -w),
    ]
    c = math.cos(math.pi / 4) if turned else 1.0
    s = math.sin(math.pi / 4) if turned else 0.0
    points = [(x + c * a - s * b, y + s * a + c * b) for a, b in outline]
    return "M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in points) + "z"


def bar(share: float, *, tone: str = "plain") -> Markup:
    """Draw a thin bar for a share in [0, 1]; the number stands beside it in the table."""
    width = max(0.0, min(float(share), 1.0)) * 100
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="rail" width="100" height="8"/>'
        f'<rect class="{escape(tone)}" width="{width:.2f}" height="8"/></svg>'
    )


def interval(low: float, estimate: float, high: float) -> Markup:
    """Draw an estimate with its interval on a scale from 0 that holds the upper end."""
    top = _round_up(max(high, estimate, 0.01))
    a, m, b = (20 + 560 * value / top for value in (low, estimate, high))
    ticks = "".join(
        f'<line class="tick" x1="{20 + 560 * i / 4:g}" x2="{20 + 560 * i / 4:g}" y1="24" y2="31"/>'
        f'<text x="{20 + 560 * i / 4:g}" y="48" text-anchor="middle">{100 * top * i / 4:g} %</text>'
        for i in range(5)
    )
    return Markup(
        '<svg class="interval" viewBox="0 0 600 54" role="img" '
        f'aria-label="{100 * estimate:.1f} per cent, from {100 * low:.1f} to {100 * high:.1f} per cent">'
        f'<line class="scale" x1="20" x2="580" y1="24" y2="24"/>{ticks}'
        f'<rect class="range" x="{a:.1f}" y="12" width="{max(b - a, 2):.1f}" height="12" rx="3"/>'
        f'<line class="point" x1="{m:.1f}" x2="{m:.1f}" y1="6" y2="30"/></svg>'
    )


def _round_up(share: float) -> float:
    for step in (0.02, 0.04, 0.1, 0.2, 0.4, 0.6):
        if share <= step:
            return step
    return 1.0


def histogram(rows: Sequence[Sequence[Any]]) -> Markup:
    """Draw bars for rows of (from, to, count); the table beside it holds the numbers."""
    counts = [max(float(row[2] or 0), 0.0) for row in rows]
    top = max([*counts, 1.0])
    wide = 240 / max(len(counts), 1)
    bars = "".join(
        f'<rect x="{i * wide + 0.5:.1f}" y="{60 - 58 * count / top:.1f}" width="{wide - 1:.1f}" '
        f'height="{58 * count / top:.1f}"/>'
        for i, count in enumerate(counts)
    )
    return Markup(
        f'<svg class="histogram" viewBox="0 0 240 61" aria-hidden="true">{bars}'
        '<line x1="0" x2="240" y1="60.5" y2="60.5"/></svg>'
    )
