"""Pages that are made from the package itself, so that they cannot say anything else: MkDocs calls `on_files`."""

from __future__ import annotations

import importlib
from html import escape
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from labelwright.catalogue.papers import homes, load_papers
from labelwright.catalogue.show import markdown_table

ROOT = Path(__file__).resolve().parents[1]
# The packages whose public names a page of the reference shows.
FAMILIES = {
    "evidence": ("evidence",),
    "metrics": ("metrics",),
    "noise": ("noise",),
    "data": ("data", "data.mend"),
    "nn": ("nn",),
    "consensus": ("consensus",),
    "decide": ("decide",),
    "learn": ("learn", "learn.noisy", "learn.partial", "learn.bags", "learn.regression"),
    "audit": ("audit", "audit.nutrition", "audit.compare", "audit.gate"),
    "acquire": ("acquire",),
    "studio": ("studio",),
    "catalogue": ("catalogue",),
}
# Pages of the repository's root that the site shows as they stand.
ROOT_PAGES = {
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "data-licenses.md": "DATA_LICENSES.md",
}


def on_files(files: Files, config: Any) -> Files:
    """Add the built pages to those of the folder."""
    for uri, content in built_pages().items():
        files.append(File.generated(config, uri, content=content))
    return files


def built_pages() -> dict[str, str]:
    """Return the Markdown of every built page by its place in the site."""
    return {
        "papers.md": papers_page(),
        "reference/command-line.md": command_line_page(),
        "reference/labelwright.md": "# labelwright\n\n"
        + "\n".join(f"::: labelwright.{name}\n" for name in ("facade.Audit", "versions.check", "versions.compare")),
        **{f"reference/{family}.md": family_page(family) for family in FAMILIES},
        **{uri: (ROOT / name).read_text(encoding="utf-8") for uri, name in ROOT_PAGES.items()},
    }


def papers_page() -> str:
    """Return the table of papers and baselines, family by family."""
    papers = load_papers()
    works = sum(paper.state == "works" for paper in papers)
    lines = [
        "# Papers",
        "",
        f"labelwright is founded on {sum(p.id[0] == 'P' for p in papers)} papers; the rows B... are baselines that "
        f"they are measured against. {works} rows work in this version: component, exact test, proof and documentation "
        "stand. The others are planned.",
        "",
        'In a terminal, `labelwright papers search "some of my annotators are lazy"` finds a row in plain words.',
    ]
    for home in homes():
        lines += ["", f"## {home}", "", markdown_table(paper for paper in papers if paper.home == home)]
    return "\n".join(lines)


def family_page(family: str) -> str:
    """Return the reference of a family: the public names of every module, in the order of the modules."""
    packages = [importlib.import_module(f"labelwright.{name}") for name in FAMILIES[family]]
    modules: dict[str, set[str]] = {}
    for package in packages:
        for name, module in package._FACE.items():
            modules.setdefault(module, set()).add(name)
    lines = [f"# {family}", "", str(packages[0].__doc__ or "")]
    for module, names in sorted(modules.items()):
        about = (importlib.import_module(module).__doc__ or "").partition("\n\n")[0]
        lines += ["", f"## {module.removeprefix('labelwright.')}", "", about, ""]
        lines += [line for name in sorted(names) for line in (f"::: {module}.{name}", "")]
    return "\n".join(lines)


def command_line_page() -> str:
    """Return the commands with their arguments and options, as `--help` gives them."""
    from typer.main import get_command

    from labelwright.cli import build_app

    lines = [
        "# Command line",
        "",
        "Exit codes: 0 done, 1 a bug of ours, 2 bad input or usage, 3 a gate failed, 130 interrupted.",
    ]
    return "\n".join([*lines, *_command_lines(get_command(build_app()), "labelwright", level=2)]) + "\n"


def _command_lines(command: Any, path: str, level: int) -> list[str]:
    lines: list[str] = []
    for name, child in getattr(command, "commands", {}).items():
        lines += ["", f"{'#' * level} {path} {name}", "", str(child.help or "").strip()]
        if hasattr(child, "commands"):
            lines += _command_lines(child, f"{path} {name}", level + 1)
            continue
        rows = [_parameter_row(one) for one in child.params if one.name not in ("help", "ctx")]
        lines += ["", "| argument or option | meaning |", "|---|---|", *rows] if rows else []
    return lines


def _parameter_row(parameter: Any) -> str:
    names = (
        ", ".join(parameter.opts) if parameter.opts[0].startswith("-") else parameter.metavar or parameter.name.upper()
    )
    wants = f" {parameter.metavar}" if parameter.metavar and parameter.opts[0].startswith("-") else ""
    shown = escape(f"{names}{wants}").replace("|", "&#124;")
    about = escape(str(getattr(parameter, "help", "") or "")).replace("|", "&#124;")
    return f"| <code>{shown}</code> | {about} |"
