"""What a gate says: one sentence with the count, the estimate and its interval, and what was left out."""

from __future__ import annotations

from labelwright.audit.gate.condition import ANY, DUPLICATE, NOISE_RATE, Condition
from labelwright.audit.kinds import kind_of
from labelwright.data.readers.places import counted


def said(
    condition: Condition,
    values: tuple[float, float, float] | None,
    *,
    failed: bool,
    count: int | None,
    of: int | None,
    waived: int,
    flipped: int,
) -> str:
    """Return the sentence of a gate; `values` are estimate, low and high of a share, None for a count.

    Examples
    --------
    >>> from labelwright.audit.gate.condition import parse_condition
    >>> said(parse_condition("outlier>2"), None, failed=True, count=3, of=None, waived=0, flipped=0)
    '3 findings (outlier), more than 2'
    """
    if values is not None:
        sentence = _share_sentence(condition, count, of, *values)
    else:
        new = "new " if condition.only_new else ""
        sentence = f"{counted(count or 0, f'{new}finding')} ({_name(condition)}), {_against(condition, failed)}"
    if waived:
        sentence += f"; {waived:,} more waived, confirmed by people"
    if condition.only_new and flipped:
        sentence += f"; {flipped:,} more flipped by the model only"
    return sentence


def _share_sentence(
    condition: Condition, count: int | None, of: int | None, estimate: float, low: float, high: float
) -> str:
    bound = share_text(condition.bound)
    if of == 0:
        return "no changed row to judge" if condition.only_new else "no row to judge"
    if condition.what == NOISE_RATE:
        head = f"about {share_text(estimate)} of the labels are wrong (model estimate, "
    else:
        rows = "new or changed rows" if condition.only_new else "labels" if condition.what == "label" else "rows"
        new = "new " if condition.only_new else ""
        head = f"{count or 0:,} of {of:,} {rows} with a {new}finding ({_name(condition)}): {share_text(estimate)} ("
    end, side = (low, "low") if condition.wants_more else (high, "high")
    side_word = _side(end, condition.bound)
    return f"{head}95 % interval {share_text(low)} to {share_text(high)}); its {side} end is {side_word} {bound}"


def _side(end: float, bound: float) -> str:
    return "above" if end > bound else "below" if end < bound else "equal to"


def _against(condition: Condition, failed: bool) -> str:
    bound = f"{condition.bound:,.0f}"
    words = {">": "more than", ">=": "at least", "<": "fewer than", "<=": "at most"}
    return f"{'' if failed else 'not '}{words[condition.operator]} {bound}"


def _name(condition: Condition) -> str:
    if condition.what in (ANY, DUPLICATE):
        return {ANY: "any kind", DUPLICATE: "exact or near duplicate"}[condition.what]
    return kind_of(condition.what).title.lower()


def share_text(share: float) -> str:
    """Write a share as per cent, with the digits that small shares need.

    Examples
    --------
    >>> share_text(0.0213), share_text(0.0004)
    ('2.1 %', '0.04 %')
    """
    value = 100 * share
    digits = 1 if value >= 1 or value == 0 else 2 if value >= 0.01 else 4
    text = f"{value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"
