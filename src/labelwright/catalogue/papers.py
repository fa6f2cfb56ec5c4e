"""The catalogue: one row for every paper that labelwright is founded on and for every baseline, read from papers.toml.

A row says what a component does for a user, where it stands and whether it works. "works" is a promise that a test
keeps: component, exact test, proof with a stored verdict, and documentation are there.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Literal

from labelwright.errors import BadInput, did_you_mean, quoted

State = Literal["planned", "works"]
Outcome = Literal["holds", "in part", "not"]


@dataclass(frozen=True)
class Paper:
    """A row of the catalogue.

    Parameters
    ----------
    id : str
        ``P042`` for a paper, ``B007`` for a baseline.
    home : str
        The family, as its folder: ``"audit"``, ``"learn/noisy"``.
    title : str
        The exact title of the paper, or the usual name of the baseline.
    names : tuple of str
        Public names of the component.
    state : "planned" or "works"
    summary : str
        What it does for a user, 40 to 400 characters.
    keywords : tuple of str
        What a user would type.
    source : str
        Venue and year.
    module : str
        Where the component stands, or will stand: ``"labelwright.audit.confident_learning"``.
    proof : str or None
        File below ``proofs/``; only rows that work have one.
    verdict : "holds", "in part", "not" or None
        What came of the paper's claim at the size of our proof; the numbers stand in ``proofs/results``.
    """

    id: str
    home: str
    title: str
    names: tuple[str, ...]
    state: State
    summary: str
    keywords: tuple[str, ...]
    source: str
    module: str
    proof: str | None = None
    verdict: Outcome | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and scalars."""
        return asdict(self)


@lru_cache
def load_papers() -> tuple[Paper, ...]:
    """Return every row, papers first, in the order of their ids.

    Examples
    --------
    >>> papers = load_papers()
    >>> sum(paper.id.startswith("P") for paper in papers)
    193
    """
    text = resources.files("labelwright.catalogue").joinpath("papers.toml").read_text(encoding="utf-8")
    return tuple(
        Paper(**{**row, "names": tuple(row["names"]), "keywords": tuple(row["keywords"])})
        for row in tomllib.loads(text)["row"]
    )


def find_paper(id: str) -> Paper:
    """Return the row of that id; capitals and leading zeros do not matter (``p42`` is ``P042``).

    Raises
    ------
    BadInput
        When there is none.
    """
    by_id = {paper.id: paper for paper in load_papers()}
    wanted = id.strip().upper()
    if wanted[:1] in ("P", "B") and wanted[1:].isascii() and wanted[1:].isdigit():
        wanted = f"{wanted[0]}{int(wanted[1:]):03d}" if len(wanted) < 12 else wanted
    if wanted not in by_id:
        fix = "ids run from P001 to P193; labelwright papers search WORDS finds one"
        raise BadInput(f"no row {quoted(id)} in the catalogue", fix=fix)
    return by_id[wanted]


def homes() -> tuple[str, ...]:
    """Return the families in the order of the catalogue's first mention, each once."""
    return tuple(sorted({paper.home for paper in load_papers()}))


def select_papers(home: str | None = None, state: str | None = None) -> tuple[Paper, ...]:
    """Return the rows of a family (``learn`` takes all of ``learn/...``) and a state, all by default.

    Raises
    ------
    BadInput
        When there is no such family or state.
    """
    if state is not None and state not in ("planned", "works"):
        raise BadInput(f"no state {quoted(state)}", fix=did_you_mean(state, ("planned", "works")))
    rows = load_papers()
    if home is not None:
        wanted = home.strip().strip("/").lower()
        rows = tuple(p for p in rows if p.home == wanted or p.home.startswith(f"{wanted}/"))
        if not rows:
            raise BadInput(f"no family {quoted(home)}", fix=did_you_mean(wanted, homes()))
    return tuple(p for p in rows if state is None or p.state == state)
