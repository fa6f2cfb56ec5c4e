"""`labelwright check DATA --fail-on CONDITION`: a gate for CI, exit code 3 when a condition holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

DATA = "Data that are audited on the spot"
OUTPUT = "What comes out"


def command(
    data: Annotated[Path, Argument(metavar="DATA", help="A data file or folder, or the folder of an audit.")],
    fail_on: Annotated[
        list[str] | None,
        Option("--fail-on", metavar="COND", help="Such as 'label>2%' or 'new:duplicate>0'; may be repeated."),
    ] = None,
    baseline: Annotated[
        Path | None, Option(metavar="AUDIT", help="The folder of an earlier audit; conditions new: count beside it.")
    ] = None,
    decisions: Annotated[
        Path | None, Option(metavar="FILE", help="Decisions of people: labels that they confirmed are waived.")
    ] = None,
    label: Annotated[
        str | None, Option("--label", metavar="COL", help="The column of labels.", rich_help_panel=DATA)
    ] = None,
    id: Annotated[
        str | None, Option("--id", metavar="COL", help="Column that names each row for good.", rich_help_panel=DATA)
    ] = None,
    task: Annotated[
        str | None, Option(metavar="T", help="classification, multilabel or regression.", rich_help_panel=DATA)
    ] = None,
    group: Annotated[
        str | None, Option(metavar="COL", help="Rows of one group stay in one fold.", rich_help_panel=DATA)
    ] = None,
    split: Annotated[
        str | None, Option(metavar="COL", help="Column that says train or test.", rich_help_panel=DATA)
    ] = None,
    pred_probs: Annotated[
        Path | None, Option(metavar="FILE", help="Your model's out-of-sample probabilities.", rich_help_panel=DATA)
    ] = None,
    root: Annotated[
        Path | None, Option(metavar="DIR", help="Open images only below this folder.", rich_help_panel=DATA)
    ] = None,
    seed: Annotated[int, Option(metavar="S", min=0, help="Same seed, same result.", rich_help_panel=DATA)] = 0,
    jobs: Annotated[
        int | None, Option(metavar="N", min=1, help="Processes. Default: the cores there are.", rich_help_panel=DATA)
    ] = None,
    form: Annotated[
        str, Option("--format", metavar="F", help="text, json, junit, sarif or github.", rich_help_panel=OUTPUT)
    ] = "text",
) -> None:
    """Fail (exit code 3) when what an audit finds meets a condition. Shares fail by the safe end of their interval."""
    from labelwright.cli.console import progress_for
    from labelwright.errors import GateFailed
    from labelwright.facade import check
    from labelwright.report.gate_formats import check_format, format_verdict

    check_format(form)
    verdict = check(
        data,
        fail_on or (),
        baseline=baseline,
        decisions=decisions,
        label=label,
        id=id,
        task=task,
        group=group,
        split=split,
        pred_probs=pred_probs,
        root=root,
        seed=seed,
        jobs=jobs,
        progress=progress_for(form != "text"),
    )
    # Written as it is: the formats escape what comes from the data, and GitHub's lines begin with a command on purpose.
    sys.stdout.write(format_verdict(verdict, form))
    if verdict.failed:
        raise Exit(GateFailed.exit_code)
