"""`labelwright papers list|search|show`: what labelwright is founded on, found in plain words."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option, Typer

app = Typer(no_args_is_help=True, help="The papers that labelwright is founded on: list them, search them, show one.")

Json = Annotated[bool, Option("--json", help="Print JSON.")]


@app.command("list")
def list_rows(
    home: Annotated[str | None, Option("--home", metavar="FAMILY", help="One family, such as audit or learn.")] = None,
    state: Annotated[str | None, Option("--state", metavar="STATE", help="works or planned.")] = None,
    json: Json = False,
) -> None:
    """List the papers and baselines, all or those of a family."""
    from labelwright.catalogue.papers import select_papers
    from labelwright.catalogue.show import list_lines
    from labelwright.cli.console import say

    for line in list_lines(select_papers(home, state), json=json):
        say(line)


@app.command("search")
def search(
    words: Annotated[list[str], Argument(metavar="WORDS", help="A question in plain words.")],
    limit: Annotated[int, Option("--limit", "-n", metavar="N", min=1, max=300, help="At most that many.")] = 8,
    json: Json = False,
) -> None:
    """Find the component for a problem: labelwright papers search some of my annotators are lazy."""
    from labelwright.catalogue.search import search_papers
    from labelwright.catalogue.show import search_lines
    from labelwright.cli.console import say

    query = " ".join(words)
    for line in search_lines(query, search_papers(query, limit=limit), json=json):
        say(line)


@app.command("show")
def show(
    id: Annotated[str, Argument(metavar="ID", help="Such as P042.")],
    json: Json = False,
) -> None:
    """Show one row: what it does, where it stands, how to prove it."""
    from labelwright.catalogue.papers import find_paper
    from labelwright.catalogue.show import show_lines
    from labelwright.cli.console import say

    for line in show_lines(find_paper(id), json=json):
        say(line)
