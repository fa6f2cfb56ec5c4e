"""What the demo says: the verdict, three label errors that one can see, and the command to type next."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelwright.audit.summary import studio_command, verdict
from labelwright.data.demo import DIGIT_SCALE, Demo
from labelwright.inert import inert

if TYPE_CHECKING:
    from labelwright.audit.run import AuditResult

SHOWN = 3
INK = " .:-=+*#%@"  # from paper to ink, ten shades


def opening(demo: Demo) -> list[str]:
    """Return what is said before the work starts."""
    return [demo.about, f"The data: {demo.path}", ""]


def story(demo: Demo, result: AuditResult, folder: Path) -> list[str]:
    """Return what is said when the audit is done."""
    lines = [verdict(result.summary), "", "Judge for yourself:"]
    for finding in visible_errors(result):
        given, suggested = inert(str(finding["given"])), finding["suggested"]
        doubt = f"looks like {inert(str(suggested))}" if suggested is not None else "but fits that label badly"
        lines += ["", *_shown(demo, result, finding["row"]), f"    labelled {given}, {doubt}"]
    mine = "labelwright audit YOUR_FILE --label YOUR_LABEL_COLUMN"
    return [
        *lines, "", f"All findings: open {folder / 'report.html'}", f"With your own data: {mine}",
        f"Next: {studio_command(result.dataset, folder)}   (mends these labels in the browser)",
    ]  # fmt: skip


def visible_errors(result: AuditResult, most: int = SHOWN) -> list[dict[str, Any]]:
    """Return the labels that fit worst, flagged ones first, each content once: copies of a row tell nothing new."""
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    for finding in result.issues.to_pylist():  # worst first within a kind
        if finding["kind"] == "label" and finding["row"] is not None and len(found) < most:
            content = _content(result, finding["row"])
            if content not in seen:
                seen.add(content)
                found.append(finding)
    return found


def _content(result: AuditResult, row: int) -> str:
    plan = result.dataset.plan
    names = plan.text or ((plan.image,) if plan.image else ())
    return " ".join(str(result.dataset.column(name)[row].as_py()) for name in names)


def _shown(demo: Demo, result: AuditResult, row: int) -> list[str]:
    content = _content(result, row)
    if result.dataset.plan.image is None:
        return textwrap.wrap(inert(content), 92, initial_indent="    ", subsequent_indent="    ")
    path = demo.path / content
    return [f"    {content}", *(f"    {line}" for line in drawn(path))]


def drawn(path: Path) -> list[str]:
    """Draw a small digit with characters, two columns a pixel."""
    from PIL import Image

    with Image.open(path) as opened:
        size = opened.width // DIGIT_SCALE, opened.height // DIGIT_SCALE
        small = opened.convert("L").resize(size, Image.Resampling.NEAREST)
    shades = [INK[(255 - value) * (len(INK) - 1) // 255] * 2 for value in small.tobytes()]
    return ["".join(shades[start : start + size[0]]).rstrip() for start in range(0, len(shades), size[0])]
