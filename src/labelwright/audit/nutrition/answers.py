"""What only people know about a data set: the answers to the label's questionnaire, and the uses it is meant for.

Both come from a dict or a YAML file. Unknown keys are refused, so that a misspelt answer is not taken for silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

from labelwright.errors import BadInput, did_you_mean, listed, quoted

MANDATORY = ("row_means", "made_by", "source", "license", "collected_from", "collected_to")
BADGES = {
    "about_humans": "The rows are about people",
    "human_labelled": "People gave the labels",
    "ethical_review": "An ethics board reviewed the collection",
    "consent": "The people in it consented",
    "restricted": "Access or use is restricted",
    "actively_maintained": "Someone maintains it",
}
_DATES = ("collected_from", "collected_to", "newest_record", "as_of")
_LISTS = ("keywords", "sensitive", "annotator_columns")
_MAPPINGS = ("badges", "missing_codes", "variables", "reference_shares")


@dataclass(frozen=True)
class UseCase:
    """One intended use of the data.

    Parameters
    ----------
    id : str
        Short and unique; alerts name it.
    title, population, stakes : str
        What it is, about whom decisions are made, and what a wrong one costs.
    target : str, optional
        Column that is predicted; the label column of the data set when left out.
    columns : tuple of str
        Columns the use reads. Empty: all of them.
    groups : tuple of str
        Columns whose groups must be treated alike; the declared sensitive columns among `columns` when left out.
    reference_shares : mapping of column to mapping of group to share
        What each group should make up, shares in [0, 1]. Adds to those of the answers.
    horizon_days : int, optional
        How old the newest record may be.
    """

    id: str
    title: str = ""
    target: str | None = None
    population: str = ""
    stakes: str = ""
    columns: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    reference_shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    horizon_days: int | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "use case") -> UseCase:
        """Read one use case; BadInput for an unknown key or a missing id."""
        _check_keys(data, {f.name for f in fields(cls)}, where)
        if not str(data.get("id") or "").strip():
            raise BadInput("a use case has no id", where=where, fix="give each use case a short unique id")
        ready: dict[str, Any] = {key: str(data[key]) for key in ("id", "title", "population", "stakes") if key in data}
        ready |= {key: _names(data[key], key, where) for key in ("columns", "groups") if key in data}
        ready["target"] = None if data.get("target") is None else str(data["target"])
        ready["reference_shares"] = _shares(data.get("reference_shares") or {}, where)
        ready["horizon_days"] = _days(data.get("horizon_days"), where)
        return cls(**ready)


@dataclass(frozen=True)
class Answers:
    """Answers to the questionnaire; an empty string or mapping is an unanswered question.

    `sensitive` columns are never printed by value. `missing_codes` maps a column (or ``"*"``) to the values that mean
    "missing" there. `variables` maps a column to its ``description``, ``units`` and ``type``. `reference_shares` maps
    a column to the share that each of its groups has in the population. `annotator_columns` hold one annotator's
    label each. Dates are ISO (``2024-05-31``); `as_of` is the day of use that the age of the data is counted to.

    Examples
    --------
    >>> Answers.from_dict({"made_by": "Census Bureau", "sensitive": "race"}).sensitive
    ('race',)
    """

    title: str = ""
    description: str = ""
    row_means: str = ""
    made_by: str = ""
    contact: str = ""
    source: str = ""
    license: str = ""
    update_cadence: str = ""
    collected_from: str = ""
    collected_to: str = ""
    newest_record: str = ""
    as_of: str = ""
    horizon_days: int | None = None
    keywords: tuple[str, ...] = ()
    version_history: tuple[Mapping[str, str], ...] = ()
    badges: Mapping[str, bool] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()
    missing_codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    reference_shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    annotator_columns: tuple[str, ...] = ()
    use_cases: tuple[UseCase, ...] = ()
    given: bool = True

    @property
    def unanswered(self) -> tuple[str, ...]:
        """The mandatory questions without an answer."""
        return tuple(name for name in MANDATORY if not getattr(self, name))

    @classmethod
    def none(cls) -> Answers:
        """Nobody was asked."""
        return cls(given=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "answers") -> Answers:
        """Read answers; BadInput for an unknown key, badge or date."""
        _check_keys(data, {f.name for f in fields(cls)} - {"given"}, where)
        ready: dict[str, Any] = {}
        for key, value in data.items():
            if value is None:
                continue
            place = f"{where}, {key}"
            if key in _DATES:
                ready[key] = _date(value, place)
            elif key in _LISTS:
                ready[key] = _names(value, key, where)
            elif key in _MAPPINGS:
                ready[key] = _mapping(key, value, place)
            elif key == "horizon_days":
                ready[key] = _days(value, place)
            elif key == "version_history":
                ready[key] = tuple({str(k): str(v) for k, v in _as_mapping(change, place).items()} for change in value)
            elif key == "use_cases":
                ready[key] = read_use_cases(value, place)
            else:
                ready[key] = str(value).strip()
        return cls(**ready)


def load_answers(answers: Answers | Mapping[str, Any] | str | Path | None) -> Answers:
    """Return answers from a dict, from the path of a YAML file, as they are, or none at all."""
    if answers is None:
        return Answers.none()
    if isinstance(answers, Answers):
        return answers
    if isinstance(answers, Mapping):
        return Answers.from_dict(answers)
    import yaml

    path = Path(answers)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as reason:
        raise BadInput(
            f"the answers cannot be read: {reason.strerror}", where=str(path), fix="check the path"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as reason:
        first = str(reason).splitlines()[0]
        raise BadInput(f"the answers are not YAML: {first}", where=path.name, fix="mend the file") from None
    return Answers.from_dict(_as_mapping({} if data is None else data, path.name), path.name)


def read_about(about: str | Path | Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return ``answers`` and ``use_cases`` as a mapping or a YAML file gives them, not looked into; empty for None."""
    if about is None or isinstance(about, Mapping):
        return about or {}
    import yaml

    path = Path(about)
    try:
        facts = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput("there is no such file", where=quoted(path.name), fix="check the path") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(
            f"cannot read {quoted(path.name)} as YAML ({type(error).__name__})", fix="check the file"
        ) from None
    if not isinstance(facts, Mapping) or not set(facts) <= {"answers", "use_cases"}:
        raise BadInput(
            f"{quoted(path.name)} must hold 'answers' and 'use_cases' and nothing else", fix="see docs, nutrition label"
        )
    return facts


def read_use_cases(values: Any, where: str = "use cases") -> tuple[UseCase, ...]:
    """Return use cases from `UseCase` objects or dicts; BadInput when two share an id."""
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__iter__"):
        raise BadInput("use cases are a list", where=where, fix="write one entry for each use")
    cases = tuple(v if isinstance(v, UseCase) else UseCase.from_dict(_as_mapping(v, where), where) for v in values)
    ids = [case.id for case in cases]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise BadInput(f"use cases share the id {listed(twice)}", where=where, fix="give each its own id")
    return cases


def _check_keys(data: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in data:
        if str(key) not in known:
            raise BadInput(f"{quoted(key)} is not a question", where=where, fix=did_you_mean(str(key), sorted(known)))


def _as_mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadInput(f"expected names with values, got {quoted(value)}", where=where, fix="write 'name: value' lines")
    return value


def _names(value: Any, key: str, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, Mapping) or not hasattr(value, "__iter__"):
        raise BadInput(f"expected a list, got {quoted(value)}", where=f"{where}, {key}", fix="write a list")
    return tuple(str(part) for part in value)


def _date(value: Any, where: str) -> str:
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        raise BadInput(f"{quoted(value)} is not a date", where=where, fix="write dates like 2024-05-31") from None


def _days(value: Any, where: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadInput(f"{quoted(value)} is not a number of days", where=where, fix="write a whole number from 0")
    return value


def _mapping(key: str, value: Any, where: str) -> Mapping[str, Any]:
    data = _as_mapping(value, where)
    if key == "badges":
        _check_keys(data, set(BADGES), where)
        wrong = [name for name, answer in data.items() if not isinstance(answer, bool)]
        if wrong:
            raise BadInput(
                f"the badge {quoted(wrong[0])} is neither true nor false", where=where, fix="answer yes or no"
            )
        return {str(name): bool(answer) for name, answer in data.items()}
    if key == "missing_codes":
        return {str(column): _codes(codes) for column, codes in data.items()}
    if key == "reference_shares":
        return _shares(data, where)
    return {
        str(column): {str(k): str(v) for k, v in _as_mapping(facts, f"{where}, {column}").items()}
        for column, facts in data.items()
    }


def _codes(codes: Any) -> tuple[str, ...]:
    many = codes if isinstance(codes, (list, tuple, set)) else [codes]
    return tuple(str(code) for code in many)


def _shares(data: Any, where: str) -> Mapping[str, Mapping[str, float]]:
    ready: dict[str, dict[str, float]] = {}
    for column, shares in _as_mapping(data, where).items():
        ready[str(column)] = {}
        for group, share in _as_mapping(shares, f"{where}, {column}").items():
            if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
                raise BadInput(
                    f"the share {quoted(share)} of {quoted(group)} is not in [0, 1]", where=f"{where}, {column}"
                )
            ready[str(column)][str(group)] = float(share)
    return ready
