"""Pictures of decisions as SVG: does confidence match accuracy, and how does the error grow with the answers given."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike

from labelwright.metrics.calibration import Reliability, risk_coverage_curve

SIZE, EDGE = 320, 40
MOST_POINTS = 400
_FONT = 'font-family="system-ui, sans-serif" font-size="12" fill="currentColor"'


def reliability_diagram(table: Reliability) -> Markup:
    """Draw accuracy against confidence, a bar of its 95 % interval a bin; on the diagonal confidence is right.

    Parameters
    ----------
    table : Reliability
        From `labelwright.metrics.reliability`.

    Examples
    --------
    >>> from labelwright.metrics import reliability
    >>> reliability_diagram(reliability([0.9, 0.9], [1, 0]))[:4]
    Markup('<svg')
    """
    marks = [f'<path d="{_line([(0, 0), (1, 1)])}" stroke="currentColor" stroke-dasharray="4 4" opacity="0.5"/>']
    largest = max(table.count.max(initial=1), 1)
    for n, confidence, accuracy, low, high in zip(
        table.count, table.confidence, table.accuracy, table.low, table.high, strict=True
    ):
        x, y = _place(confidence, accuracy)
        marks.append(f'<path d="{_line([(confidence, low), (confidence, high)])}" stroke="currentColor"/>')
        marks.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 + 5 * np.sqrt(n / largest):.1f}" fill="#0f766e" '
            f'fill-opacity="0.75"><title>{int(n)} rows: confidence {confidence:.3f}, accuracy {accuracy:.3f}</title>'
            "</circle>"
        )
    words = "Points below the diagonal are over-confident; bars are 95 % intervals, large points hold more rows."
    return _picture("Reliability", words, "confidence", "accuracy", 1.0, marks)


def risk_coverage_plot(confidence: ArrayLike, loss: ArrayLike) -> Markup:
    """Draw the error among answered rows against the share answered, most confident first.

    Parameters
    ----------
    confidence, loss : float arrays (n,)
        As in `labelwright.metrics.risk_coverage_curve`.
    """
    coverage, risk = risk_coverage_curve(confidence, loss)
    shown = np.unique(np.linspace(0, len(risk) - 1, MOST_POINTS).astype(int))
    top = max(float(risk.max(initial=0.0)), 1e-9)
    curve = _line(list(zip(coverage[shown], risk[shown] / top, strict=True)))
    marks = [f'<path d="{curve}" fill="none" stroke="#0f766e" stroke-width="2"/>']
    return _picture(
        "Risk against coverage", "The curve ends at the error of answering all.", "answered", "error", top, marks
    )


def _place(x: float, y: float) -> tuple[float, float]:
    return EDGE + x * (SIZE - 2 * EDGE), SIZE - EDGE - y * (SIZE - 2 * EDGE)


def _line(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (_place(*point) for point in points))


def _picture(title: str, words: str, x_name: str, y_name: str, top: float, marks: list[str]) -> Markup:
    low, high = EDGE, SIZE - EDGE
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" width="{SIZE}" '
        f'height="{SIZE}" role="img" aria-label="{title}"><title>{title}</title><desc>{words}</desc>'
        f'<rect x="{low}" y="{low}" width="{high - low}" height="{high - low}" fill="none" stroke="currentColor" '
        f'opacity="0.4"/>{"".join(marks)}'
        f'<text {_FONT} x="{SIZE / 2}" y="{SIZE - 8}" text-anchor="middle">{x_name}</text>'
        f'<text {_FONT} transform="translate(14 {SIZE / 2}) rotate(-90)" text-anchor="middle">{y_name}</text>'
        f'<text {_FONT} x="{low}" y="{high + 16}" text-anchor="middle">0</text>'
        f'<text {_FONT} x="{high}" y="{high + 16}" text-anchor="middle">1</text>'
        f'<text {_FONT} x="{low - 4}" y="{low + 4}" text-anchor="end">{top:.2g}</text></svg>'
    )
