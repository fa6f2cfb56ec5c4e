"""`labelwright check DATA --fail-on CONDITION`: a gate for CI, exit code 3 when a condition holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

from labelwright.cli import options as opt


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
    label: opt.Label = None,
    id: opt.Id = None,
    task: opt.AuditTask = None,
    group: opt.Group = None,
    split: opt.Split = None,
    pred_probs: opt.PredProbs = None,
    predictions: opt.Predictions = None,
    images: opt.Images = None,
    root: opt.Root = None,
    seed: opt.Seed = 0,
    jobs: opt.Jobs = None,
    form: Annotated[
        str, opt.output_option("--format", metavar="F", help="text, json, junit, sarif or github.")
    ] = "text",
) -> None:
    """Fail (exit code 3) when what an audit finds meets a condition. Shares fail by the safe end of their interval."""
    from labelwright.cli.console import progress_for
    from labelwright.errors import GateFailed
    from labelwright.report.gate_formats import check_format, format_verdict
    from labelwright.versions import check

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
        predictions=predictions,
        images=images,
        root=root,
        seed=seed,
        jobs=jobs,
        progress=progress_for(form != "text"),
    )
    # Written as it is: the formats escape what comes from the data, and GitHub's lines begin with a command on purpose.
    sys.stdout.write(format_verdict(verdict, form))
    if verdict.failed:
        raise Exit(GateFailed.exit_code)
