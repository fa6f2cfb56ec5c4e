"""`labelwright doctor`: is everything here that labelwright needs?"""

from __future__ import annotations


def command() -> None:
    """Look at versions, extras, memory, cache, folders and fonts. Exit code 2 when labelwright cannot work here."""
    from labelwright.catalogue.installation import examine, raise_if_unfit
    from labelwright.cli.console import say

    checks = examine()
    for check in checks:
        say(check.line())
    raise_if_unfit(checks)
    say("Next: labelwright demo")
