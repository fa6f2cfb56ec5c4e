"""The measure of [P092]: labelling instructions made from labelled data, and how well they find the classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.instructions import InstructionSet, LabelingInstructionGenerator, medoids
from labelwright.audit.retrieval import (
    RetrievalIndex,
    mean_retrieval_precision,
    nearest_of_other_classes,
    truncated_average_precision,
)
from labelwright.errors import BadInput, listed
from labelwright.inert import inert
from labelwright.metrics.checks import row_names
from labelwright.metrics.report import Picture, Plot, Report, ReportTable, Section, TableRows

HELD_OUT = 0.4
MOST_PICTURES, EXCERPT = 24, 240
Show = Callable[[int], str]


class InstructionSheet:
    """Writes labelling instructions from labelled items: examples, texts, what a class is mistaken for [P092].

    Parameters
    ----------
    generator : LabelingInstructionGenerator, optional
    seed : int, default 0
        Which rows are held out to test the sheet.

    Attributes
    ----------
    sets_ : dict of class number to InstructionSet, after `measure`
    markdown_ : str, after `measure`
    """

    def __init__(self, generator: LabelingInstructionGenerator | None = None, seed: int = 0) -> None:
        self.generator, self.seed = generator or LabelingInstructionGenerator(seed=seed), seed

    def measure(
        self,
        index: RetrievalIndex,
        labels: ArrayLike,
        classes: Sequence[str],
        *,
        texts: Sequence[str] = (),
        texts_of: Mapping[int, Sequence[int]] | None = None,
        exclude: ArrayLike | None = None,
        ids: Sequence[str] | None = None,
        show: Show | None = None,
        picture: Show | None = None,
    ) -> Report:
        """Return the report.

        Parameters
        ----------
        index : RetrievalIndex
        labels : int (n,), -1 = unlabelled
        classes : sequence of str, length K
        texts : sequence of str
            The texts of the index.
        texts_of : mapping of class to text numbers, optional
            The first is the plain name of the class.
        exclude : bool (n,), optional
            Rows that may not be examples.
        ids : sequence of str, optional
        show, picture : callable, optional
            A row in a few words, and as a PNG data URI.
        """
        y = np.asarray(labels, dtype=np.int64)
        known = np.flatnonzero(y >= 0)
        if len(known) < 10:
            raise BadInput(f"only {len(known)} rows have a label", fix="give at least ten")
        order = np.random.default_rng(self.seed).permutation(known)
        held, rows = np.split(order, [round(HELD_OUT * len(order))])
        self.sets_ = self.generator.generate(index, y, texts_of, np.sort(rows), exclude)
        names = row_names(ids, len(y))
        say = show or (lambda row: "")
        found = {k: one.scores(index) for k, one in self.sets_.items()}
        others = _baselines(self.sets_, index, y, rows, texts_of or {}, self.seed)
        depth = self.generator.depth
        tested = {"these instructions": found, **others}
        precision = {
            name: mean_retrieval_precision(scores, y, held, depth=depth, seed=self.seed)
            for name, scores in tested.items()
        }
        per_class = {
            k: tuple(float(truncated_average_precision(y[held] == k, s[k][held], depth)[0]) for s in tested.values())
            for k in self.sets_
        }
        confused = {k: nearest_of_other_classes(index, [r for r, _ in one.pairs], y) for k, one in self.sets_.items()}
        self.markdown_ = _markdown(self.sets_, classes, texts, names, say, confused, y)
        left_out = [classes[k] for k in range(len(classes)) if k not in self.sets_]
        return Report(
            "Labelling instructions from the labels",
            (
                _precision_section(precision, per_class, classes),
                _pairs_section(self.sets_, classes, texts, names, say, picture, y),
                _confusion_section(confused, classes, names, say, y, picture),
            ),
            _verdict(precision, self.sets_),
            {
                "classes": len(self.sets_),
                "pairs": sum(len(one.pairs) for one in self.sets_.values()),
                "rows chosen from": len(rows),
                "rows tested on": len(held),
                "mean average precision": round(float(precision["these instructions"].mean()), 4),
            },
            _steps(left_out, per_class, classes),
        )


def _baselines(
    sets: Mapping[int, InstructionSet],
    index: RetrievalIndex,
    y: NDArray[np.int64],
    rows: NDArray[np.int64],
    texts_of: Mapping[int, Sequence[int]],
    seed: int,
) -> dict[str, dict[int, NDArray[np.float64]]]:
    """Return the scores of simpler instructions: the class name, the most central example, as many at random."""
    rng = np.random.default_rng(seed)
    found: dict[str, dict[int, NDArray[np.float64]]] = {"most central example": {}, "random examples": {}}
    if all(texts_of.get(k) for k in sets):
        found["name of the class"] = {k: index.like_text([texts_of[k][0]])[0] for k in sets}
    for k, one in sets.items():
        members = rows[y[rows] == k]
        central = members[medoids(index.vectors(members), 1, seed)]
        found["most central example"][k] = index.like_item(central).max(axis=0)
        drawn = rng.choice(members, min(len(one.pairs), len(members)), replace=False)
        found["random examples"][k] = index.like_item(drawn).max(axis=0)
    return found


def _precision_section(
    precision: Mapping[str, NDArray[np.float64]], per_class: Mapping[int, tuple[float, ...]], classes: Sequence[str]
) -> Section:
    rows: TableRows = tuple(
        (name, round(float(v.mean()), 4), round(float(v.min()), 4), round(float(v.max()), 4))
        for name, v in precision.items()
    )
    each: TableRows = tuple(
        (classes[k], *(None if np.isnan(v) else round(v, 4) for v in values)) for k, values in per_class.items()
    )
    columns = ("instructions", "mean average precision", "lowest part", "highest part")
    plot = Plot("bars", ("mean average precision",), "lowest part", "highest part", "share")
    return Section(
        "How well they find the classes",
        "Held-out rows are ranked by how well they fit the instructions of a class; whiskers span five disjoint parts.",
        tables=(
            ReportTable("Against simpler instructions", columns, rows, plot=plot),
            ReportTable("Each class", ("class", *precision), each, plot=Plot("heat", tuple(precision), unit="share")),
        ),
    )


def _pairs_section(
    sets: Mapping[int, InstructionSet],
    classes: Sequence[str],
    texts: Sequence[str],
    names: Sequence[str],
    say: Show,
    picture: Show | None,
    y: NDArray[np.int64],
) -> Section:
    rows: TableRows = tuple(
        (classes[k], names[row], texts[text] if text >= 0 else "", _excerpt(say(row)))
        for k, one in sets.items()
        for row, text in one.pairs
    )
    each = max(MOST_PICTURES // max(len(sets), 1), 1)
    shown = [] if picture is None else [row for one in sets.values() for row, _ in one.pairs[:each]][:MOST_PICTURES]
    pictures = tuple(Picture(f"{classes[y[row]]}: {say(row) or names[row]}", picture(row)) for row in shown if picture)
    return Section(
        "The instructions",
        "A row belongs to a class when it is like one of its examples and texts. instructions.md is for annotators.",
        tables=(_table("Pairs", ("class", "example", "text", "what it says"), rows, "pairs.csv"),),
        pictures=pictures,
    )


def _confusion_section(
    confused: Mapping[int, Sequence[tuple[int, float]]],
    classes: Sequence[str],
    names: Sequence[str],
    say: Show,
    y: NDArray[np.int64],
    picture: Show | None,
) -> Section:
    rows: TableRows = tuple(
        (classes[k], classes[y[row]], names[row], round(near, 4), _excerpt(say(row)))
        for k, found in confused.items()
        for row, near in found
    )
    pictures = (
        tuple(
            Picture(f"not {classes[k]} but {classes[y[row]]}: {say(row) or names[row]}", picture(row))
            for k, found in confused.items()
            for row, _ in found[:1]
        )[:MOST_PICTURES]
        if picture
        else ()
    )
    return Section(
        "Counter-examples",
        "Rows of other classes that look most like the examples of a class: what annotators will mistake for it.",
        tables=(_table("Near misses", ("not", "but", "row", "similarity", "what it says"), rows),),
        pictures=pictures,
    )


def _table(title: str, columns: tuple[str, ...], rows: TableRows, file: str = "") -> ReportTable:
    """Return a table without the columns in which nothing stands."""
    kept = [j for j in range(len(columns)) if not rows or any(row[j] not in ("", None) for row in rows)]
    cells = tuple(tuple(row[j] for j in kept) for row in rows)
    return ReportTable(title, tuple(columns[j] for j in kept), cells, private=True, file=file)


def _excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def _markdown(
    sets: Mapping[int, InstructionSet],
    classes: Sequence[str],
    texts: Sequence[str],
    names: Sequence[str],
    say: Show,
    confused: Mapping[int, Sequence[tuple[int, float]]],
    y: NDArray[np.int64],
) -> str:
    def clean(text: str) -> str:
        return _excerpt(inert(text.replace("\n", " ").replace("\r", " "))).replace("<", "&lt;").replace("|", "\\|")

    lines = ["# Labelling instructions", "", "Give a row the class whose examples and texts it is like."]
    for k, one in sets.items():
        lines += ["", f"## {clean(classes[k])}", ""]
        said = list(dict.fromkeys(texts[text] for _, text in one.pairs if text >= 0)) if one.w < 1 else []
        lines += [f"- {clean(text)}" for text in said]
        if one.w > 0:
            lines += ["", "Examples", "", *(f"- `{clean(names[row])}` {clean(say(row))}" for row, _ in one.pairs)]
        if confused[k]:
            lines += ["", f"Not {clean(classes[k])}", ""]
            lines += [f"- `{clean(names[row])}` ({clean(classes[y[row]])}) {clean(say(row))}" for row, _ in confused[k]]
    return "\n".join(lines) + "\n"


def _verdict(precision: Mapping[str, NDArray[np.float64]], sets: Mapping[int, InstructionSet]) -> str:
    own = float(precision["these instructions"].mean())
    pairs = sum(len(one.pairs) for one in sets.values())
    rest = {name: float(v.mean()) for name, v in precision.items() if name != "these instructions"}
    best = max(rest, key=lambda name: rest[name])
    return (
        f"{pairs} pairs of example and text find the {len(sets)} classes with a mean average precision of {own:.2f} on "
        f"rows that they were not chosen from; the best simpler instruction ({best}) reaches {rest[best]:.2f}."
    )


def _steps(
    left_out: Sequence[str], per_class: Mapping[int, tuple[float, ...]], classes: Sequence[str]
) -> tuple[str, ...]:
    steps = ["Read instructions.md, put its words right, and hand it to annotators"]
    weak = [k for k, values in per_class.items() if values[0] < 0.5]
    if weak:
        named = ", ".join(classes[k] for k in sorted(weak, key=lambda k: per_class[k][0])[:3])
        steps.append(f"Write a definition for the classes that examples alone do not tell apart: {named}")
    if left_out:
        steps.append(f"No example stands for {listed(left_out, 4)}: label some rows of these classes")
    return tuple(steps)
