"""`labelwright demo [sms|digits]`: see real label errors in real data within a minute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def command(
    name: Annotated[str, Argument(metavar="[sms|digits]", help="Text messages, or images of digits.")] = "sms",
    out: Annotated[
        Path | None,
        Option("--out", metavar="DIR", help="Where to write. Default: labelwright-demo, or labelwright-demo-digits."),
    ] = None,
    seed: Annotated[int, Option(metavar="S", min=0, help="Same seed, same result.")] = 0,
    jobs: Annotated[int | None, Option(metavar="N", min=1, help="Processes. Default: the cores there are.")] = None,
    quiet: Annotated[bool, Option("--quiet", help="Print no progress.")] = False,
) -> None:
    """Find label errors that you can see with your own eyes, in real data that come with labelwright."""
    from labelwright.catalogue.demo_story import opening, story
    from labelwright.cli.console import progress_for, say
    from labelwright.data.demo import demo_names, write_demo
    from labelwright.facade import Audit

    out = out or Path("labelwright-demo" if name == demo_names()[0] else f"labelwright-demo-{name}")
    demo = write_demo(name, out)
    for line in opening(demo):
        say(line)
    audit = Audit(demo.path, label=demo.label, seed=seed, jobs=jobs, progress=progress_for(quiet))
    audit.prepare(out)
    audit.run().save(out)
    for line in story(demo, audit.result, out):
        say(line)
