"""The command line: one file a command, no logic. `main` turns what goes wrong into one line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typer import Typer

EXIT_BUG, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130


def build_app() -> Typer:
    """Return the Typer application with every command registered under its heading."""
    from typer import Exit, Option, Typer, echo

    from labelwright import __version__
    from labelwright.cli.aggregate import command as aggregate
    from labelwright.cli.apply import command as apply
    from labelwright.cli.audit import command as audit
    from labelwright.cli.cache import app as cache
    from labelwright.cli.calibrate import command as calibrate
    from labelwright.cli.check import command as check
    from labelwright.cli.compare import command as compare
    from labelwright.cli.demo import command as demo
    from labelwright.cli.doctor import command as doctor
    from labelwright.cli.evaluate import command as evaluate
    from labelwright.cli.measures import app as measures
    from labelwright.cli.next import command as next_
    from labelwright.cli.papers import app as papers
    from labelwright.cli.predict import command as predict
    from labelwright.cli.prove import command as prove
    from labelwright.cli.report import command as report
    from labelwright.cli.studio import app as studio
    from labelwright.cli.train import command as train

    app = Typer(
        name="labelwright",
        help="Machine learning with imperfect labels: find what is wrong, mend it, learn well from the rest.",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback(invoke_without_command=True)
    def top(version: bool = Option(False, "--version", help="Print the version and stop.")) -> None:
        if version:
            echo(f"labelwright {__version__}")
            raise Exit

    app.command("demo", rich_help_panel="Start")(demo)
    app.command("doctor", rich_help_panel="Start")(doctor)
    app.add_typer(cache, name="cache", rich_help_panel="Start")
    app.command("audit", rich_help_panel="Find")(audit)
    app.command("report", rich_help_panel="Find")(report)
    app.command("compare", rich_help_panel="Find")(compare)
    app.command("check", rich_help_panel="Find")(check)
    app.command("evaluate", rich_help_panel="Find")(evaluate)
    app.add_typer(measures, name="measure", rich_help_panel="Find")
    app.add_typer(studio, name="studio", rich_help_panel="Mend")
    app.command("apply", rich_help_panel="Mend")(apply)
    app.command("aggregate", rich_help_panel="Many hands")(aggregate)
    app.command("next", rich_help_panel="Many hands")(next_)
    app.command("train", rich_help_panel="Train")(train)
    app.command("predict", rich_help_panel="Train")(predict)
    app.command("calibrate", rich_help_panel="Train")(calibrate)
    app.add_typer(papers, name="papers", rich_help_panel="Research")
    app.command("prove", rich_help_panel="Research")(prove)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code: 0 done, 1 our bug, 2 bad input, 3 gate failed, 130 interrupted."""
    from labelwright.cli.console import complain
    from labelwright.errors import LabelwrightError

    try:
        result = build_app()(list(arguments) or ["--help"], standalone_mode=False, prog_name="labelwright")
        sys.stdout.flush()  # what cannot be written is told here, and not when the process is over
        return _interrupted() if result == EXIT_INTERRUPTED else result if isinstance(result, int) else 0
    except LabelwrightError as error:
        complain(str(error))
        return error.exit_code
    except (KeyboardInterrupt, EOFError):
        return _interrupted()
    except BrokenPipeError:
        return _unread()
    except SystemExit as stop:  # Typer's answer to a broken pipe
        if not isinstance(stop.__context__, BrokenPipeError):
            raise
        return _unread()
    except Exception as bug:
        return _told(bug)


def _interrupted() -> int:
    """Say that somebody stopped the command; Typer returns the number of it in place of the exception."""
    from labelwright.cli.console import complain

    complain("interrupted. What was computed is in the cache; run the same command again to go on.")
    return EXIT_INTERRUPTED


def _unread() -> int:
    """End quietly: whoever read the output, such as `head`, has had enough."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123  what is still unwritten has no reader
    return 0


def _told(bug: Exception) -> int:
    """Say in one line what went wrong, and return the exit code."""
    from labelwright.cli.console import complain, keep_traceback
    from labelwright.cli.mishaps import mishap
    from labelwright.errors import MissingExtra, extra_of

    extra = extra_of(bug) if isinstance(bug, ModuleNotFoundError) else None
    if extra is not None:
        complain(str(MissingExtra("this command", extra)))
        return MissingExtra.exit_code
    # Usage errors are known by what they can do: Typer has moved their class between packages.
    if hasattr(bug, "format_message") and hasattr(bug, "exit_code"):
        message = bug.format_message()
        if not message:  # a group of commands without one has shown its help
            return 0
        complain(message)
        return int(bug.exit_code)
    line = mishap(bug)
    if line is not None:
        complain(line)
        return EXIT_BAD_INPUT
    complain(f"internal error: {type(bug).__name__}. Please report it with {keep_traceback(bug)}")
    return EXIT_BUG


def main() -> None:
    """Run the command line of this process and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A class name in any script must not end a run on a terminal with a narrow encoding.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))
