"""Lines with their bands as inline SVG; every line has its own dashes, and its name at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from labelwright.inert import inert
from labelwright.report.rows import shorten

DASHES = ("", "7 4", "2 4", "10 4 2 4", "4 2", "14 4", "1 3", "8 3 2 3 2 3", "5 5")
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 380, 58, 16, 170, 46


@dataclass(frozen=True, eq=False)
class Line:
    """A named line over `x` (n,), with its band where `low` and `high` are not NaN."""

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None


def line_chart(lines: Sequence[Line], x_label: str, y_label: str, title: str, level: float | None = None) -> Markup:
    """Draw lines over a shared axis; `level` is a thin horizontal line, such as what all labels reach.

    Examples
    --------
    >>> "<polyline" in line_chart([Line("a", np.array([0.0, 1.0]), np.array([0.5, 0.9]))], "labels", "accuracy", "t")
    True
    """
    xs = np.concatenate([line.x for line in lines])
    ys = np.concatenate([part for line in lines for part in (line.y, line.low, line.high) if part is not None])
    ys = np.append(ys[np.isfinite(ys)], level if level is not None else [])
    (x0, x1), (y0, y1) = _span(xs, 0.0), _span(ys, 0.04)

    def at_x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - x0) / (x1 - x0)

    def at_y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - y0) / (y1 - y0)

    parts = [
        f'<svg class="curves" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(inert(title))}; the numbers stand in the table below">'
    ]
    for value in _ticks(y0, y1):
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at_y(value):.1f}" y2="{at_y(value):.1f}"/>'
            f'<text x="{LEFT - 8}" y="{at_y(value) + 4:.1f}" text-anchor="end">{100 * value:.4g} %</text>'
        )
    for value in _ticks(x0, x1):
        parts.append(f'<text x="{at_x(value):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{value:g}</text>')
    parts.append(
        f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2:g}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}'
        f'</text><text class="axis" transform="translate(13 {(TOP + HEIGHT - BOTTOM) / 2:g}) rotate(-90)" '
        f'text-anchor="middle">{escape(y_label)}</text>'
    )
    if level is not None:
        parts.append(
            f'<line class="level" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at_y(level):.1f}" y2="{at_y(level):.1f}"/>'
        )
    ends = _apart([at_y(float(line.y[-1])) for line in lines])
    for i, (line, end) in enumerate(zip(lines, ends, strict=True)):
        parts.append(_drawn(line, i, at_x, at_y, end))
    return Markup("".join([*parts, "</svg>"]))


def _drawn(line: Line, i: int, at_x: Callable[[float], float], at_y: Callable[[float], float], end: float) -> str:
    points = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in zip(line.x.tolist(), line.y.tolist(), strict=True))
    dash = f' stroke-dasharray="{DASHES[i % len(DASHES)]}"' if DASHES[i % len(DASHES)] else ""
    band = ""
    if line.low is not None and line.high is not None and np.isfinite(line.low).all():
        upper = [f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in zip(line.x.tolist(), line.high.tolist(), strict=True)]
        lower = [f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in zip(line.x.tolist(), line.low.tolist(), strict=True)]
        band = f'<polygon class="band" points="{" ".join(upper + lower[::-1])}"/>'
    name = escape(inert(shorten(line.name, 22)))
    return (
        f'<g class="l{i % 9}">{band}<polyline points="{points}"{dash}/>'
        f'<text x="{at_x(float(line.x[-1])) + 8:.1f}" y="{end + 4:.1f}">{name}</text></g>'
    )


def _span(values: NDArray[np.float64], margin: float) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = margin * (high - low) or (0.0 if high > low else 0.5)
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    raw = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(raw))
    step = power * min((m for m in (1, 2, 2.5, 5, 10) if m * power >= raw), default=10)
    return [float(round(value, 10)) for value in np.arange(np.ceil(low / step) * step, high + step * 1e-6, step)]


def _apart(heights: Sequence[float], least: float = 15.0) -> list[float]:
    """Return heights of names, moved down where two would touch."""
    order = np.argsort(heights)
    moved = np.array(heights, dtype=np.float64)
    for above, below in pairwise(order.tolist()):
        moved[below] = max(moved[below], moved[above] + least)
    over = moved[order[-1]] - (HEIGHT - BOTTOM) if len(order) else 0.0
    return (moved - max(over, 0.0)).tolist()
