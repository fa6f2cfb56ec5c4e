"""The pictures of the page about many annotators, as inline SVG; the numbers stand beside them in the table."""

from __future__ import annotations

from markupsafe import Markup


def span(low: float, estimate: float, high: float, floor: float = 0.0) -> Markup:
    """Draw an estimate with its interval on a short scale from `floor` to 1.

    Examples
    --------
    >>> "<line" in span(0.2, 0.5, 0.7)
    True
    """
    a, m, b = (100 * (min(max(value, floor), 1.0) - floor) / (1 - floor) for value in (low, estimate, high))
    zero = 100 * -floor / (1 - floor)
    tick = f'<line class="tick" x1="{zero:.1f}" x2="{zero:.1f}" y1="1" y2="13"/>' if floor < 0 else ""
    return Markup(
        '<svg class="span" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="rail" y="6" width="100" height="2"/>{tick}'
        f'<rect class="range" x="{a:.2f}" y="4" width="{max(b - a, 1):.2f}" height="6"/>'
        f'<line class="point" x1="{m:.2f}" x2="{m:.2f}" y1="1" y2="13"/></svg>'
    )
