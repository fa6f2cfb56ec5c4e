"""`labelwright cache path|size|clear`: what was computed once and is kept between runs."""

from __future__ import annotations

from typer import Typer

app = Typer(
    no_args_is_help=True, help="What was computed once and is kept between runs: where it is, how large, clear it."
)


@app.command("path")
def path() -> None:
    """Print the folder of the cache. LABELWRIGHT_CACHE names another."""
    from labelwright.cli.console import say
    from labelwright.data.cache import Cache

    say(str(Cache().path))


@app.command("size")
def size() -> None:
    """Print how many entries there are and how much they take."""
    from labelwright.cli.console import say
    from labelwright.data.cache import Cache

    entries, taken = Cache().size()
    say(f"{entries} entries, {taken / 2**20:.1f} MiB in {Cache().path}")


@app.command("clear")
def clear() -> None:
    """Remove every entry; nothing else in the folder is touched."""
    from labelwright.cli.console import say
    from labelwright.data.cache import Cache

    say(f"{Cache().clear() / 2**20:.1f} MiB freed in {Cache().path}")
