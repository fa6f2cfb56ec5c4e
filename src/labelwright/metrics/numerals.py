"""Numbers as people read them: without an exponent where none is needed, and without digits that say nothing."""

from __future__ import annotations

from math import isfinite

LEAST, MOST = 1e-4, 1e15  # beyond these an exponent is shorter to read than the zeros


def exact_number(value: float) -> str:
    """Return the shortest text that reads back as the same number.

    Examples
    --------
    >>> exact_number(1212608.0), exact_number(0.1), exact_number(-1e300)
    ('1212608', '0.1', '-1e+300')
    """
    return f"{value:.0f}" if abs(value) < MOST and value == int(value) else repr(float(value))


def rounded_number(value: float, digits: int = 6) -> str:
    """Return a number rounded to some significant digits, as one may write it into a table.

    Examples
    --------
    >>> rounded_number(1212608.4), rounded_number(0.0123456789), rounded_number(3.2e-9, 2)
    ('1212610', '0.0123457', '3.2e-09')
    """
    short = f"{value:.{digits}g}"
    return exact_number(float(short)) if isfinite(value) and LEAST <= abs(value) < MOST else short


def number_text(value: float) -> str:
    """Return a number in the unit of the data as people read it: four digits, and no exponent where it is not needed.

    Examples
    --------
    >>> number_text(48213.7), number_text(0.0123), number_text(3e12)
    ('48,214', '0.0123', '3e+12')
    """
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def percent(share: float, digits: int = 1) -> str:
    """Return a share as per cent.

    Examples
    --------
    >>> percent(0.028), percent(0.5, 0)
    ('2.8 %', '50 %')
    """
    return f"{100 * share:.{digits}f} %"
