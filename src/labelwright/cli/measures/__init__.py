"""`labelwright measure NAME ...`: one subcommand a measure; alone it says which question each of them answers."""

from __future__ import annotations

from typing import Annotated

from typer import Context, Option, Typer

from labelwright.cli.measures.benchmark_stability import command as benchmark_stability
from labelwright.cli.measures.critic import command as critic
from labelwright.cli.measures.disclosures import command as disclosures
from labelwright.cli.measures.identifiability import command as identifiability
from labelwright.cli.measures.instructions import command as instructions
from labelwright.cli.measures.intrinsic import command as intrinsic
from labelwright.cli.measures.judges import command as judges
from labelwright.cli.measures.label_uncertainty import command as label_uncertainty
from labelwright.cli.measures.mistakes import command as mistakes
from labelwright.cli.measures.multilabel_test import command as multilabel_test
from labelwright.cli.measures.outlines import command as outlines
from labelwright.cli.measures.regions import command as regions

app = Typer(help="Answer one question about labels, with a report: without a name, lists the questions.")


@app.callback(invoke_without_command=True)
def overview(context: Context, json: Annotated[bool, Option("--json", help="Print the list as JSON.")] = False) -> None:
    """Answer one question about labels, with a report: without a name, lists the questions."""
    if context.invoked_subcommand is not None:
        return
    from labelwright.audit.measures import measure_list_lines
    from labelwright.cli.console import say

    for line in measure_list_lines(json=json):
        say(line)


app.command("judges")(judges)
app.command("intrinsic")(intrinsic)
app.command("outlines")(outlines)
app.command("mistakes")(mistakes)
app.command("instructions")(instructions)
app.command("benchmark-stability")(benchmark_stability)
app.command("disclosures")(disclosures)
app.command("multilabel-test")(multilabel_test)
app.command("critic")(critic)
app.command("label-uncertainty")(label_uncertainty)
app.command("regions")(regions)
app.command("identifiability")(identifiability)
