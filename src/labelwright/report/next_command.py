"""What `labelwright next` does: one of four answers, written to a folder and told in a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labelwright.acquire.methods import AUTO, find_method
from labelwright.acquire.next_rows import NextOptions, next_rows
from labelwright.acquire.next_votes import looks_like_votes, next_votes
from labelwright.acquire.questions import Questions
from labelwright.errors import BadInput, quoted
from labelwright.progress import SILENT, Progress
from labelwright.report.acquisition import (
    check_next_folder,
    plan_lines,
    question_lines,
    replay_lines,
    write_plan,
    write_questions,
    write_replay,
)

DEFAULT_METHODS = ("diverse", "badge", "typiclust")  # that a replay compares when none is named
LABEL_STUDIO = "label-studio"


@dataclass(frozen=True)
class NextAsk:
    """The command line as it was given; see ``labelwright next --help``."""

    data: Path
    budget: int | None = None
    method: str = AUTO
    settings: Mapping[str, Any] = field(default_factory=dict)
    may_reask: bool = False
    test: Path | None = None
    label: str | None = None
    unlabelled: bool = False
    votes: Path | None = None
    answers: tuple[Path, ...] = ()
    simulate: bool = False
    rounds: int = 8
    repeats: int = 5
    plan: bool = False
    money: float | None = None
    cheap: str | None = None
    careful: str | None = None
    to: str | None = None
    features: str | None = None
    seed: int = 0
    jobs: int = 1
    columns: Mapping[str, Any] = field(default_factory=dict)


def answer_next(
    ask: NextAsk, out: Path | None, *, json: bool = False, quiet: bool = False, progress: Progress = SILENT
) -> list[str]:
    """Do what was asked, write it, and return what the command line prints.

    Raises
    ------
    BadInput
        Options do not go together, or whatever the work itself refuses.
    """
    if sum((ask.simulate, ask.plan, ask.test is not None)) > 1:
        raise BadInput("--simulate, --plan and --test are three different questions", fix="give one of them")
    if ask.to not in (None, LABEL_STUDIO):
        raise BadInput(f"tasks are not written for {quoted(ask.to)}", fix="use --to label-studio")
    if ask.to is not None and (ask.simulate or ask.plan):
        raise BadInput("--to writes questions, and --simulate and --plan ask none", fix="leave --to out")
    name = ask.data.resolve().name.split(".")[0] or "data"
    folder = out or Path(f"{name}-next")
    check_next_folder(folder, ask.data, ask.votes, ask.test, *ask.answers)
    told = {"json_only": json, "quiet": quiet}
    if ask.plan:
        return _plan(ask, folder, told, progress)
    if ask.budget is None:
        raise BadInput("it is not said how many rows to ask about", fix="add --budget, such as --budget 20")
    if ask.simulate:
        return _simulate(ask, ask.budget, folder, told, progress)
    found = _questions(ask, ask.budget, progress)
    write_questions(found, folder, label_studio=ask.to is not None)
    return question_lines(found, folder, label_studio=ask.to is not None, checks=ask.test is not None, **told)


def _questions(ask: NextAsk, budget: int, progress: Progress) -> Questions:
    shared: dict[str, Any] = {
        "label": ask.label,
        "unlabelled": ask.unlabelled,
        "features": ask.features,
        "progress": progress,
    }
    if ask.test is not None:
        from labelwright.learn.checks_to_make import rows_to_check

        if ask.method != AUTO or ask.may_reask or ask.votes or ask.answers:
            raise BadInput(
                "--test draws rows by its own rule", fix="leave out --method, --may-reask, --votes, --answers"
            )
        return rows_to_check(ask.test, ask.data, budget, seed=ask.seed, jobs=ask.jobs, **shared, **ask.columns)
    plain = not (ask.votes or ask.answers or ask.unlabelled or ask.features) and ask.method == AUTO
    if plain and not any(ask.columns.values()) and looks_like_votes(ask.data, ask.label):
        return next_votes(ask.data, budget, label=ask.label, seed=ask.seed, progress=progress)
    options = NextOptions(budget, ask.method, ask.settings, ask.may_reask, seed=ask.seed, jobs=ask.jobs)
    return next_rows(ask.data, options, votes=ask.votes, answers=ask.answers, **shared, **ask.columns)


def _simulate(ask: NextAsk, budget: int, folder: Path, told: Mapping[str, Any], progress: Progress) -> list[str]:
    from labelwright.acquire.material import gather_material
    from labelwright.acquire.replay import ReplayOptions, replay_labels

    if ask.may_reask or ask.votes or ask.unlabelled:
        raise BadInput(
            "a replay uncovers one label a row", fix="leave out --may-reask, --votes and --unlabelled with --simulate"
        )
    if ask.settings and ask.method == AUTO:
        raise BadInput("settings are given, but no method", fix="name one: --method typiclust --set k=10")
    names = DEFAULT_METHODS if ask.method == AUTO else tuple(one for one in ask.method.split(",") if one.strip())
    methods = [find_method(one) for one in names]
    found = gather_material(
        ask.data, label=ask.label, answers=ask.answers, features=ask.features, jobs=ask.jobs, seed=ask.seed,
        progress=progress, **ask.columns,
    )  # fmt: skip
    options = ReplayOptions(budget, ask.rounds, repeats=ask.repeats, seed=ask.seed, settings=ask.settings)
    result = replay_labels(found, methods, options, progress)
    write_replay(result, ask.data.name, folder)
    return replay_lines(result, folder, **told)


def _plan(ask: NextAsk, folder: Path, told: Mapping[str, Any], progress: Progress) -> list[str]:
    from labelwright.acquire.two_tiers import plan_from_data

    if ask.money is None or ask.cheap is None or ask.careful is None:
        raise BadInput(
            "a plan needs money and two kinds of labels",
            fix="add --money 200 --cheap crowd=0.1 --careful expert=1 (column=price)",
        )
    cheap, price_cheap = column_and_price(ask.cheap, "--cheap")
    careful, price_careful = column_and_price(ask.careful, "--careful")
    inputs = {name: value for name, value in ask.columns.items() if name != "classes"}
    plan = plan_from_data(
        ask.data, ask.money, cheap=cheap, careful=careful, price_cheap=price_cheap, price_careful=price_careful,
        features=ask.features, repeats=ask.repeats, seed=ask.seed, jobs=ask.jobs, progress=progress, **inputs,
    )  # fmt: skip
    write_plan(plan, ask.data.name, folder)
    return plan_lines(plan, folder, **told)


def column_and_price(given: str, option: str) -> tuple[str, float]:
    """Return column and price from ``"crowd=0.1"``; the last ``=`` counts.

    Examples
    --------
    >>> column_and_price("crowd=0.1", "--cheap")
    ('crowd', 0.1)
    """
    column, equals, price = given.rpartition("=")
    try:
        number = float(price)
    except ValueError:
        number = float("nan")
    if not equals or not column or not number > 0 or number == float("inf"):
        raise BadInput(f"{option} is {quoted(given)}", fix=f"write {option} COLUMN=PRICE, such as {option} crowd=0.1")
    return column, number
