"""Conditions under which a gate fails, as people write them: ``label>2%``, ``new:duplicate>0``, ``noise_rate>5%``.

condition = [new:] what op number [%]
what      = a kind of finding | duplicate (exact or near) | any (every kind) | noise_rate
op        = > | >= | < | <=
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from labelwright.audit.kinds import KINDS
from labelwright.errors import BadInput, did_you_mean, quoted

Operator = Literal[">", ">=", "<", "<="]
ANY, DUPLICATE, NOISE_RATE = "any", "duplicate", "noise_rate"
NEW = "new:"
# These are counted by class, column or group: a share of the rows makes no sense for them.
NOT_OF_ROWS = (
    *("class_name", "small_class", "class_imbalance", "underperforming_group", "non_iid"),
    *("identifier_column", "leaking_column", "spurious_correlation"),
)
_GROUPS = {DUPLICATE: ("exact_duplicate", "near_duplicate"), ANY: tuple(KINDS)}
_FORM = re.compile(
    r"\s*(?P<new>(?i:new)\s*:)?\s*(?P<what>[^<>=!%]*?)\s*(?P<op>[<>=!]+)\s*(?P<number>[^%]*?)\s*(?P<unit>%?)\s*"
)
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?|\.[0-9]+")
_EXAMPLE = "write it like 'label>2%' or 'new:duplicate>0', in quotes"


@dataclass(frozen=True)
class Condition:
    """When a gate fails.

    Parameters
    ----------
    text : str
        As it was written, blanks removed.
    what : str
        A kind of finding, ``"duplicate"``, ``"any"`` or ``"noise_rate"``.
    operator : {">", ">=", "<", "<="}
    bound : float
        A count, or a share in [0, 1].
    is_share : bool
    only_new : bool
        Count only issues that are new on changed rows.
    """

    text: str
    what: str
    operator: Operator
    bound: float
    is_share: bool
    only_new: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of finding that it counts."""
        return _GROUPS.get(self.what, () if self.what == NOISE_RATE else (self.what,))

    def holds(self, value: float) -> bool:
        """Whether `value` meets the condition, so that the gate fails.

        Examples
        --------
        >>> parse_condition("label>2%").holds(0.02)
        False
        """
        if self.operator == ">":
            return value > self.bound
        if self.operator == ">=":
            return value >= self.bound
        return value < self.bound if self.operator == "<" else value <= self.bound

    @property
    def wants_more(self) -> bool:
        """Whether large values fail the gate."""
        return self.operator in (">", ">=")


def parse_condition(text: str) -> Condition:
    """Read a condition.

    Raises
    ------
    BadInput
        When it has another form, names no known kind, or can never or always hold.

    Examples
    --------
    >>> parse_condition("new:duplicate > 0").kinds
    ('exact_duplicate', 'near_duplicate')
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise BadInput(f"{quoted(text)} is no condition", fix=_EXAMPLE)
    only_new, what, is_share = found["new"] is not None, _what(text, found["what"]), found["unit"] == "%"
    if found["op"] not in get_args(Operator):
        raise BadInput(f"{quoted(found['op'])} in {quoted(text)} is no comparison", fix="use >, >=, < or <=")
    number = _number(text, found["number"])
    operator: Operator = found["op"]  # type: ignore[assignment]
    plain = f"{NEW if only_new else ''}{what}{operator}{found['number']}{'%' if is_share else ''}"
    condition = Condition(plain, what, operator, number / 100 if is_share else number, is_share, only_new)
    _check(condition)
    return condition


def _what(text: str, written: str) -> str:
    name = re.sub(r"[\s\-]+", "_", written.casefold())
    known = (*KINDS, DUPLICATE, ANY, NOISE_RATE)
    if not name:
        raise BadInput(f"{quoted(text)} does not say what is counted", fix=_EXAMPLE)
    if name not in known:
        raise BadInput(f"{quoted(written)} in {quoted(text)} is no kind of finding", fix=did_you_mean(name, known))
    return name


def _number(text: str, written: str) -> float:
    if not _NUMBER.fullmatch(written):
        raise BadInput(f"{quoted(written)} in {quoted(text)} is no number", fix="write it like 3, 0.5% or 2%")
    return float(written)


def _check(condition: Condition) -> None:
    """Refuse conditions that mean nothing, or that hold always or never: such a gate guards nothing."""
    text, bound = quoted(condition.text), condition.bound
    if condition.what == NOISE_RATE and condition.only_new:
        raise BadInput(f"{text}: the noise rate is of the whole data set", fix="leave out new:")
    if condition.what == NOISE_RATE and not condition.is_share:
        raise BadInput(f"{text}: the noise rate is a share", fix=f"write {condition.text}%")
    if condition.is_share and condition.what in NOT_OF_ROWS:
        raise BadInput(f"{text}: {condition.what} is not counted by rows", fix="give a number without %")
    if not condition.is_share and bound != int(bound):
        raise BadInput(f"{text}: findings are whole numbers", fix="write a share with %, or a whole number")
    if condition.is_share and bound > 1:
        raise BadInput(f"{text}: no share is above 100%", fix="give a share of at most 100%")
    top = condition.is_share and bound == 1
    never = (condition.operator == ">" and top) or (condition.operator == "<" and bound == 0)
    always = (condition.operator == ">=" and bound == 0) or (condition.operator == "<=" and top)
    if never or always:
        raise BadInput(f"{text} {'never' if never else 'always'} holds", fix="give another number")
