"""`labelwright measure multilabel-test DATA --label COL`: models on items that have several right answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt
from labelwright.cli.measures.labelled_rows import labelled_rows
from labelwright.cli.measures.results import Out, answer


def command(
    data: Annotated[Path, Argument(metavar="DATA", help="The test set with single labels.")],
    label: opt.Label = None,
    id: opt.Id = None,
    pred_probs: Annotated[
        list[Path] | None, Option(metavar="FILE", help="Probabilities of one model, a column a class. Repeat it.")
    ] = None,
    votes: Annotated[
        Path | None,
        Option(metavar="FILE", help="Votes or soft labels of people; without it the first model proposes label sets."),
    ] = None,
    least_share: Annotated[
        float, Option(metavar="S", min=0, max=1, help="A class with this share of an item's votes is valid.")
    ] = 0.2,
    split: Annotated[
        str | None, Option(metavar="COL", help="Column of test sets; the drop between the two largest is split.")
    ] = None,
    out: Out = None,
    json: opt.Json = False,
) -> None:
    """How good are models on items with several right answers, and what is a drop in accuracy made of?"""
    from labelwright.audit.multilabel_test_files import multilabel_test_of_files

    rows = labelled_rows(data, label, id, split=split)
    answer(
        "multilabel-test",
        [data, *(pred_probs or ()), votes],
        out,
        json,
        lambda _: multilabel_test_of_files(rows, pred_probs=pred_probs or (), votes=votes, least_share=least_share),
    )
