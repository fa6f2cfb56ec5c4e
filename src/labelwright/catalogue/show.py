"""Rows of the catalogue as lines of text or JSON, for the terminal and for the table of the documentation."""

from __future__ import annotations

import json as json_module
import textwrap
from collections.abc import Iterable, Sequence

from labelwright.catalogue.papers import Paper
from labelwright.catalogue.prove import Outcome
from labelwright.catalogue.search import Hit
from labelwright.errors import GateFailed, quoted

WIDTH = 100


def list_lines(papers: Sequence[Paper], *, json: bool = False) -> list[str]:
    """Return a line a row: id, state, family, title; a count at the end."""
    if json:
        return [_json([paper.to_dict() for paper in papers])]
    widest = max((len(paper.home) for paper in papers), default=0)
    lines = [f"{p.id}  {p.state:<7}  {p.home:<{widest}}  {_cut(p.title)}" for p in papers]
    works = sum(paper.state == "works" for paper in papers)
    return [*lines, f"{len(papers)} rows, {works} of them work. Next: labelwright papers show ID"]


def search_lines(query: str, hits: Sequence[Hit], *, json: bool = False) -> list[str]:
    """Return the rows that a search found, each with its summary, or what to do when there is none."""
    if json:
        return [_json([{**hit.paper.to_dict(), "score": _score(hit)} for hit in hits])]
    if not hits:
        return [f"Nothing found for {quoted(query)}. Use other words, or see all: labelwright papers list"]
    lines: list[str] = []
    for hit in hits:
        paper = hit.paper
        lines += [
            f"{paper.id}  {_cut(paper.title)}  [{paper.home}, {paper.state}]",
            *_wrapped(paper.summary, "      "),
            "",
        ]
    return [*lines, f"Next: labelwright papers show {hits[0].paper.id}"]


CLAIMS = {
    "holds": "its claim holds again at the size of our proof",
    "in part": "parts of its claim hold again at the size of our proof, parts do not",
    "not": "its claim did not hold again at the size of our proof",
}


def show_lines(paper: Paper, *, json: bool = False) -> list[str]:
    """Return everything the catalogue knows of a row."""
    if json:
        return [_json(paper.to_dict())]
    facts = [
        ("family", paper.home),
        ("source", paper.source),
        ("state", "works: proven, tested, documented" if paper.state == "works" else "planned: not in this version"),
        *([("claim", CLAIMS[paper.verdict])] if paper.verdict else []),
        ("names", ", ".join(paper.names)),
        ("module", paper.module),
        ("keywords", ", ".join(paper.keywords)),
    ]
    lines = [*textwrap.wrap(f"{paper.id}  {paper.title}", WIDTH), "", *_wrapped(paper.summary, ""), ""]
    for name, value in facts:
        lines += _wrapped(value, " " * 10, first=f"{name:<10}")
    if paper.state == "works":
        lines += ["", f"Next: labelwright prove {paper.id}"]
    return lines


def outcome_lines(outcome: Outcome) -> list[str]:
    """Return what to print of a proof: the verdict with its numbers, and the time it took."""
    lines = [f"{outcome.paper}  {outcome.status}: {outcome.reason}"]
    if outcome.result is not None:
        took, seeds = sum(outcome.result["seconds"]), len(outcome.result["seeds"])
        over = "" if outcome.result["within_budget"] else f", over its budget of {outcome.result['budget_s']:g} s"
        lines += [f"      {outcome.result['claim']}", f"      {seeds} seeds in {took:.1f} s{over}"]
    return lines


def outcomes_json(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as one line of JSON."""
    return _json([outcome.to_dict() for outcome in outcomes])


def raise_if_broken(outcomes: Sequence[Outcome]) -> None:
    """Raise `GateFailed` when a stored verdict does not hold again, or a proof could not run to its end."""
    bad = [f"{outcome.paper} ({outcome.status})" for outcome in outcomes if not outcome.passes]
    if bad:
        raise GateFailed(f"{len(bad)} of {len(outcomes)} proofs do not stand: {', '.join(bad)}")


def markdown_table(papers: Iterable[Paper]) -> str:
    """Return the rows as a Markdown table for the documentation."""

    def cell(text: str) -> str:
        return text.replace("|", "\\|").replace("<", "&lt;")

    lines = ["| id | state | claim | title and what it does | source |", "|---|---|---|---|---|"]
    lines += [
        f"| {p.id} | {p.state} | {p.verdict or ''} | **{cell(p.title)}**<br>{cell(p.summary)} | {cell(p.source)} |"
        for p in papers
    ]
    return "\n".join(lines) + "\n"


def _score(hit: Hit) -> float | None:
    """JSON knows no infinity: a row that was asked for by its id has no score."""
    return None if hit.score == float("inf") else round(hit.score, 4)


def _json(value: object) -> str:
    return json_module.dumps(value, ensure_ascii=True, allow_nan=False)


def _cut(title: str, width: int = 72) -> str:
    return textwrap.shorten(title, width, placeholder=" …")


def _wrapped(text: str, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent if first is None else first, subsequent_indent=indent)
