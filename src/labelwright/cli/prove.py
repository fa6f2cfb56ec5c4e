"""`labelwright prove P042 ... | --home audit | --all`: measure again what is claimed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def command(
    papers: Annotated[list[str] | None, Argument(metavar="[PAPER]...", help="Such as P042.")] = None,
    home: Annotated[str | None, Option("--home", metavar="FAMILY", help="All proofs of a family.")] = None,
    everything: Annotated[bool, Option("--all", help="All proofs.")] = False,
    seed: Annotated[int, Option(metavar="S", min=0, help="First seed. Other than 0: compare, store nothing.")] = 0,
    check: Annotated[bool, Option("--check", help="Compare with the stored verdicts, store nothing.")] = False,
    proofs: Annotated[
        Path | None, Option(metavar="DIR", help="The folder of proofs. Default: proofs/ here or above.")
    ] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run the proofs of papers again. Exit code 3 when a verdict that was stored does not hold again."""
    from labelwright.catalogue.prove import Outcome, choose_proofs, find_proofs, prove
    from labelwright.catalogue.show import outcome_lines, outcomes_json, raise_if_broken
    from labelwright.cli.console import say

    chosen = choose_proofs(find_proofs(proofs), tuple(papers or ()), home=home, everything=everything)

    def report(outcome: Outcome) -> None:
        for line in () if json else outcome_lines(outcome):
            say(line)

    outcomes = prove(chosen, seed=seed, check=check, report=report)
    if json:
        say(outcomes_json(outcomes))
    raise_if_broken(outcomes)
