"""`labelwright studio ...`: start it on data, or look after a project: sync, user, backup, restore, verify, move."""

from __future__ import annotations

from typing import Any

from typer import Typer
from typer.core import TyperGroup

from labelwright.cli.studio.keep import backup, move, restore, verify
from labelwright.cli.studio.start import command as start
from labelwright.cli.studio.sync import command as sync
from labelwright.cli.studio.users import app as user


class StartsByDefault(TyperGroup):
    """Takes ``studio DATA`` for ``studio start DATA``."""

    def resolve_command(self, context: Any, arguments: list[str]) -> Any:
        """Return the command of the first word, or `start` when that is no command."""
        if arguments and arguments[0] not in self.commands:
            arguments = ["start", *arguments]
        return super().resolve_command(context, arguments)


app = Typer(
    cls=StartsByDefault,
    no_args_is_help=True,
    help="See what is wrong with the labels and mend it, in the browser: labelwright studio DATA.",
)
app.command("start", help="Open the studio on data; the word start may be left out.")(start)
app.command("sync")(sync)
app.add_typer(user, name="user")
app.command("backup")(backup)
app.command("verify")(verify)
app.command("restore")(restore)
app.command("move")(move)
