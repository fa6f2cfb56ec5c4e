"""Plots of the tables of a measure as inline SVG: they follow the page's colours, the numbers stand in the table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from labelwright.inert import inert
from labelwright.metrics.report import ReportTable, Scalar
from labelwright.report.plots import shape
from labelwright.report.rows import shorten

WIDTH = 640
MOST_BARS, MOST_CELLS, MOST_POINTS = 30, 20, 2000
_BAR, _NAME = 26, 22
_LEFT, _TOP, _PLOT_HEIGHT = 58, 14, 260
_SHADES = (0.02, 0.1, 0.25, 0.5, 0.75)  # lower ends of the shades of a heat map, in parts of the largest cell


def draw(table: ReportTable) -> Markup:
    """Draw a table as its plot says; numbers that are missing are left out.

    Examples
    --------
    >>> from labelwright.metrics.report import Plot
    >>> draw(ReportTable("Votes", ("class", "votes"), (("cat", 3),), plot=Plot("bars", ("votes",))))[:4]
    Markup('<svg')
    """
    if table.plot is None:
        return Markup("")
    return {"bars": _bars, "lines": _lines, "points": _lines, "heat": _heat}[table.plot.kind](table)


def _bars(table: ReportTable) -> Markup:
    plot = table.plot
    assert plot is not None
    names = [_name(row[0]) for row in table.rows[:MOST_BARS]]
    values = _column(table, plot.y[0])[:MOST_BARS]
    ends = [_column(table, name)[:MOST_BARS] if name else [None] * len(names) for name in (plot.low, plot.high)]
    low, high = _range([*values, *ends[0], *ends[1]], plot.unit, from_zero=True)
    left = 14 + round(7.2 * max((len(name) for name in names), default=1))
    span, foot = WIDTH - left - 96, 8 + _BAR * len(names)

    def at(value: float) -> float:
        return left + span * (value - low) / (high - low)

    marks = [f'<line class="scale" x1="{at(0):.1f}" x2="{at(0):.1f}" y1="4" y2="{foot}"/>']
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        y = 8 + _BAR * i
        marks.append(f'<text class="name" x="{left - 8}" y="{y + 15}" text-anchor="end">{escape(name)}</text>')
        if value is None:
            continue
        start, end = sorted((at(0), at(value)))
        marks.append(
            f'<rect class="fill" x="{start:.1f}" y="{y + 2}" width="{max(end - start, 1):.1f}" height="17" rx="2"/>'
        )
        a, b = ends[0][i], ends[1][i]
        right = end
        if a is not None and b is not None:
            marks.append(
                f'<path class="whisker" d="M{at(a):.1f} {y + 10.5}H{at(b):.1f}M{at(a):.1f} {y + 6}v9'
                f'M{at(b):.1f} {y + 6}v9"/>'
            )
            right = max(right, at(b))
        marks.append(f'<text x="{right + 7:.1f}" y="{y + 15}">{_number(value, plot.unit)}</text>')
    return _svg(table, WIDTH, foot + 6, marks)


def _lines(table: ReportTable) -> Markup:
    plot = table.plot
    assert plot is not None
    xs = _column(table, table.columns[0])
    series = [(name, _column(table, name)) for name in plot.y]
    ends = [_column(table, name) for name in (plot.low, plot.high) if name]
    x_low, x_high = _range(xs, "number", from_zero=False)
    y_low, y_high = _range(
        [v for _, ys in series for v in ys] + [v for e in ends for v in e], plot.unit, from_zero=False
    )
    foot, right = _TOP + _PLOT_HEIGHT, WIDTH - 20

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + (right - _LEFT) * (x - x_low) / (x_high - x_low),
            foot - _PLOT_HEIGHT * (y - y_low) / (y_high - y_low),
        )

    marks = _axes(table.columns[0], x_low, x_high, y_low, y_high, plot.unit, foot, right)
    if len(ends) == 2:
        band = [
            (x, a, b) for x, a, b in zip(xs, *ends, strict=True) if x is not None and a is not None and b is not None
        ]
        if band:
            edge = [at(x, b) for x, _, b in band] + [at(x, a) for x, a, _ in reversed(band)]
            marks.append(f'<path class="band" d="M{_joined(edge)}z"/>')
    for k, (name, ys) in enumerate(series):
        known = [at(x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None][:MOST_POINTS]
        if plot.kind == "lines" and len(known) > 1:
            marks.append(f'<path class="line l{k % 9}" d="M{_joined(known)}"/>')
        if plot.kind == "points" or len(known) <= 40:
            size = 2.2 if len(known) > 400 else 4.0
            marks.append(f'<path class="k k{k % 9}" d="{"".join(shape(k, x, y, size) for x, y in known)}"/>')
        if len(series) > 1:
            y = foot + 50 + _NAME * k
            marks.append(f'<path class="k k{k % 9}" d="{shape(k, _LEFT + 8, y - 4, 5)}"/>')
            marks.append(f'<text class="name" x="{_LEFT + 22}" y="{y}">{escape(_name(name, 60))}</text>')
    return _svg(table, WIDTH, foot + 46 + (_NAME * len(series) if len(series) > 1 else 0), marks)


def _axes(x_name: str, x0: float, x1: float, y0: float, y1: float, unit: str, foot: float, right: float) -> list[str]:
    marks = []
    for i in range(5):
        y, x = foot - _PLOT_HEIGHT * i / 4, _LEFT + (right - _LEFT) * i / 4
        marks.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        marks.append(
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(y0 + (y1 - y0) * i / 4, unit)}</text>'
        )
        marks.append(
            f'<text x="{x:.1f}" y="{foot + 17}" text-anchor="middle">{_number(x0 + (x1 - x0) * i / 4, "number")}</text>'
        )
    middle = (_LEFT + right) / 2
    named = escape(_name(x_name, 60))
    return [*marks, f'<text class="axis" x="{middle}" y="{foot + 35}" text-anchor="middle">{named}</text>']


def _heat(table: ReportTable) -> Markup:
    plot = table.plot
    assert plot is not None
    names = [_name(row[0]) for row in table.rows[:MOST_CELLS]]
    columns = [(_name(name), _column(table, name)[:MOST_CELLS]) for name in plot.y[:MOST_CELLS]]
    largest = max((abs(v) for _, values in columns for v in values if v is not None), default=0.0) or 1.0
    cell = 58 if len(columns) <= 8 else 44
    left = 18 + round(7.2 * max((len(name) for name in names), default=1))
    top = 18 + round(5.2 * max((len(name) for name, _ in columns), default=1))
    marks = []
    for j, (name, values) in enumerate(columns):
        x = left + j * cell
        marks.append(
            f'<text class="name" transform="translate({x + cell / 2:g} {top - 8}) rotate(-45)">{escape(name)}</text>'
        )
        for i, value in enumerate(values):
            shade = sum(abs(value or 0.0) / largest >= step for step in _SHADES)
            y = top + i * 34
            said = "" if value is None else _number(value, plot.unit).removesuffix("\u00a0%")
            marks.append(
                f'<g class="h{shade}"><rect x="{x}" y="{y}" width="{cell - 2}" height="32" rx="3"/>'
                f'<text x="{x + cell / 2 - 1:g}" y="{y + 20}" text-anchor="middle">{said}</text></g>'
            )
    marks += [
        f'<text class="name" x="{left - 8}" y="{top + i * 34 + 20}" text-anchor="end">{escape(name)}</text>'
        for i, name in enumerate(names)
    ]
    return _svg(table, left + cell * len(columns) + 60, top + 34 * len(names) + 4, marks, "heat chart")


def _svg(table: ReportTable, width: float, height: float, marks: Sequence[str], css: str = "chart") -> Markup:
    title = escape(shorten(inert(table.title), 120))
    return Markup(
        f'<svg class="{css}" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img" '
        f'aria-label="{title}"><title>{title}</title>{"".join(marks)}</svg>'
    )


def _column(table: ReportTable, name: str) -> list[float | None]:
    j = table.columns.index(name)
    return [_value(row[j]) for row in table.rows]


def _value(cell: Scalar) -> float | None:
    if isinstance(cell, bool) or not isinstance(cell, int | float) or not math.isfinite(cell):
        return None
    return float(cell)


def _range(values: Sequence[float | None], unit: str, *, from_zero: bool) -> tuple[float, float]:
    """Return ends that hold all values, a little apart where they are equal; shares that fill it get 0 to 1."""
    known = [value for value in values if value is not None] or [0.0]
    low, high = min(known), max(known)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if unit == "share" and low >= 0 and high <= 1 and high - low > 0.4:
        return 0.0, 1.0
    if high - low < 1e-12:
        low, high = (low, low + 1.0) if from_zero else (low - 0.5, low + 0.5)
    return low, high


def _joined(points: Sequence[tuple[float, float]]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _name(cell: Scalar, most: int = 28) -> str:
    return shorten(inert("none" if cell is None else str(cell)), most)


def _number(value: float, unit: str) -> str:
    if unit == "share":
        return f"{100 * value:.0f}\u00a0%" if abs(value) >= 0.0995 or value == 0 else f"{100 * value:.1f}\u00a0%"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
