"""Does ``--method auto`` choose well? Held against cross-entropy and against the best choice in hindsight.

    python -m benchmarks.method_choice [--seconds 500] [--tables]

Sets of the league tables with their seeds (read from there), further ones with one seed and the methods of `SHORT`.
The choice costs no fit of its own: it names a method that was measured. Stored run by run in
``results/method_choice.json``; ``--tables`` writes ``docs/method-choice.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.league import ESTIMATED, FAMILIES, runs_of
from benchmarks.learning_problems import SETS, problem
from benchmarks.learning_runs import SEEDS, Make, Runs, go_on
from labelwright.evidence import Bags, Candidates, Hard, Reals, Tags
from labelwright.learn import choose_method

SEEN = ("digits", "AG News", "German credit", "emotions", "scene", "yeast", "California housing", "bike hours")
SHORT = (
    "CrossEntropy",
    "ImpreciseLabelLearner",
    ESTIMATED,
    "EarlyLearningRegularization",
    "CrossSplit",
    "GeneralizedCrossEntropy",
    "ForwardCorrection",
    "CoTeaching",
    "SparseOverParameterization",
)
PLAIN = {  # what one would do without this toolbox
    "noisy": "CrossEntropy",
    "partial": "average of the candidates, linear",
    "tags": "AssumeNegative",
    "bags": "proportions as soft labels, linear",
    "regression": "ridge",
}


@dataclass(frozen=True)
class Row:
    """One set: what was chosen, how it did, and how others did; means over seeds."""

    name: str
    seen: bool
    noise_rate: float | None
    chosen: tuple[str, ...]
    auto: float
    plain: float
    best: float
    best_name: str
    seeds: int


def family_of(name: str) -> str:
    """Return the family that learns from a set's evidence."""
    evidence = problem(name, 0).evidence
    kinds = {Hard: "noisy", Candidates: "partial", Tags: "tags", Bags: "bags", Reals: "regression"}
    return kinds.get(type(evidence), "votes")


def own_runs() -> Runs:
    """Return the stored runs of the sets beside the league tables."""
    return Runs("method_choice", "python -m benchmarks.method_choice")


def wanted() -> Iterator[tuple[str, str, int, Make]]:
    """Yield the runs of sets that no league table has."""
    league = {name for family in FAMILIES.values() for name in family.sets}
    for name in SETS:
        family = family_of(name)
        if name in league or family == "votes":
            continue
        methods = FAMILIES[family].methods
        for method in SHORT if family == "noisy" else methods:
            yield method, name, 0, methods[method]


def rows() -> Iterator[Row]:
    """Yield a row a set whose runs are there."""
    for name in SETS:
        family = family_of(name)
        if family == "votes":
            continue
        in_league = name in FAMILIES[family].sets
        runs = runs_of(family) if in_league else own_runs()
        row = _row(name, family, runs, tuple(seed for seed in SEEDS if runs[PLAIN[family], name, seed]))
        if row is not None:
            yield row


def _row(name: str, family: str, runs: Runs, seeds: tuple[int, ...]) -> Row | None:
    methods = [m for m in FAMILIES[family].methods if in_full(runs, m, name, seeds)]
    if not seeds or PLAIN[family] not in methods:
        return None
    choices, scores, rates = [], [], []
    for seed in seeds:
        one = problem(name, seed)
        choice = choose_method(one.evidence, one.noise).name
        key = ESTIMATED if choice == "ImpreciseLabelLearner" and one.noise is not None else choice
        if key not in methods:
            return None
        choices.append(key)
        scores.append(runs.values(key, name, (seed,))[0])
        rates += [] if one.noise is None else [one.noise.noise_rate]
    mean = {method: float(np.mean(runs.values(method, name, seeds))) for method in methods}
    best = max(mean, key=lambda method: mean[method])
    seen = name.startswith(SEEN)
    told = tuple(dict.fromkeys(choices))
    rate = float(np.mean(rates)) if rates else None
    return Row(name, seen, rate, told, float(np.mean(scores)), mean[PLAIN[family]], mean[best], best, len(seeds))


def in_full(runs: Runs, method: str, name: str, seeds: tuple[int, ...]) -> bool:
    """Return whether a method has a score for every seed of a set."""
    return len(runs.values(method, name, seeds)) == len(seeds)


def main(arguments: list[str] | None = None) -> int:
    """Go on with the runs, or write the page."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if "--tables" in given:
        from benchmarks.league_page import write_choice_page

        print(write_choice_page(list(rows())))
        return 0
    seconds = float(given[given.index("--seconds") + 1]) if "--seconds" in given else 1e9
    print(f"{go_on(own_runs(), wanted(), seconds)} runs are still missing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
