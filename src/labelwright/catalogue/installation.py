"""What stands on this machine: versions, extras, cores, memory, cache, folders, fonts. Nothing is sent or looked up."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Literal

from labelwright import __version__
from labelwright.data.cache import Cache
from labelwright.errors import BadInput

Level = Literal["ok", "note", "FAIL"]
OLDEST_PYTHON = (3, 11)
LITTLE_MEMORY = 2 * 2**30
# Extras that serve people who develop labelwright; a user need not see them.
DEVELOPER_EXTRAS = ("dev", "docs", "peers")


@dataclass(frozen=True)
class Check:
    """One line of the examination; a FAIL means that labelwright cannot work here."""

    level: Level
    subject: str
    finding: str

    def line(self) -> str:
        """Return the check as one line of text."""
        return f"{self.level:<5} {self.subject:<18} {self.finding}"


@dataclass(frozen=True)
class Requirement:
    """A dependency as the package's metadata state it."""

    name: str
    minimum: str
    extra: str | None


def examine() -> list[Check]:
    """Return all checks, in a fixed order."""
    return [
        *_python(),
        *_dependencies(),
        *_extras(),
        *_hardware(),
        *_folders(),
        *_fonts(),
    ]


def raise_if_unfit(checks: list[Check]) -> None:
    """Raise `BadInput` (exit code 2) naming what fails."""
    failing = [check.subject for check in checks if check.level == "FAIL"]
    if failing:
        raise BadInput(
            f"labelwright cannot work here: {', '.join(failing)}",
            fix="mend the lines marked FAIL above, then try again",
        )


def requirements() -> list[Requirement]:
    """Return the dependencies of the installed package; empty when it is not installed (a bare source tree)."""
    try:
        stated = metadata.requires("labelwright") or []
    except metadata.PackageNotFoundError:
        return []
    return [found for line in stated if (found := parse_requirement(line)) is not None]


def parse_requirement(line: str) -> Requirement | None:
    """Read a requirement such as ``torch>=2.3; extra == 'torch'``; None when it is not for this machine.

    Examples
    --------
    >>> parse_requirement("torch>=2.3; extra == 'torch'")
    Requirement(name='torch', minimum='2.3', extra='torch')
    """
    stated, _, marker = line.partition(";")
    match = re.match(r"\s*([A-Za-z0-9._-]+)", stated)
    if match is None:
        return None
    minimum = re.search(r">=\s*([\w.]+)", stated)
    extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", marker)
    if "platform_system" in marker and platform.system() == "Windows":
        return None
    return Requirement(match[1], minimum[1] if minimum else "0", extra[1] if extra else None)


def installed_version(name: str) -> str | None:
    """Return the version of an installed distribution, None when it is absent."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def is_older(version: str, minimum: str) -> bool:
    """Tell whether a version is below a minimum, comparing the leading numbers.

    Examples
    --------
    >>> is_older("1.9.2", "1.10"), is_older("2.0rc1", "2.0")
    (True, False)
    """

    def numbers(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"^\d+|(?<=\.)\d+", text.partition("+")[0])[:4])

    have, need = numbers(version), numbers(minimum)
    width = max(len(have), len(need))
    return have + (0,) * (width - len(have)) < need + (0,) * (width - len(need))


def _python() -> Iterator[Check]:
    version = platform.python_version()
    fine = sys.version_info[:2] >= OLDEST_PYTHON
    yield Check("ok", "labelwright", __version__)
    yield Check("ok" if fine else "FAIL", "Python", version if fine else f"{version}; 3.11 or newer is needed")
    encoding = (getattr(sys.stdout, "encoding", None) or "unknown").lower()
    if "utf" not in encoding:
        yield Check("note", "terminal", f"encoding {encoding}: other letters are shown as codes; set PYTHONUTF8=1")


def _dependencies() -> Iterator[Check]:
    needed = [one for one in requirements() if one.extra is None]
    if not needed:
        yield Check("note", "dependencies", "not checked: the package is used from its sources without being installed")
    for one in needed:
        have = installed_version(one.name)
        install = f'pip install "{one.name}>={one.minimum}"'
        if have is None:
            yield Check("FAIL", one.name, f"missing: {install}")
        elif is_older(have, one.minimum):
            yield Check("FAIL", one.name, f"{have} is too old: {install}")
        else:
            yield Check("ok", one.name, have)


def _extras() -> Iterator[Check]:
    extras: dict[str, list[str]] = {}
    for one in requirements():
        if one.extra is not None and one.extra not in DEVELOPER_EXTRAS:
            extras.setdefault(one.extra, []).append(one.name)
    for extra, names in sorted(extras.items()):
        missing = [name for name in names if installed_version(name) is None]
        if missing:
            finding = f'not installed ({", ".join(missing)}): pip install "labelwright[{extra}]"'
            yield Check("note", f"extra {extra}", finding)
        else:
            yield Check("ok", f"extra {extra}", ", ".join(f"{name} {installed_version(name)}" for name in names))


def _hardware() -> Iterator[Check]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Check("ok", "cores", str(cores))
    memory = memory_bytes()
    if memory is None:
        yield Check("note", "memory", "not known on this system")
    else:
        little = memory < LITTLE_MEMORY
        finding = f"{memory / 2**30:.1f} GiB" + ("; large files may not fit" if little else "")
        yield Check("note" if little else "ok", "memory", finding)


def memory_bytes() -> int | None:
    """Return the memory of this machine in bytes, or of the container that limits it; None where it is not told."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return memory
    return min(memory, int(limit)) if limit.isdigit() else memory


def _folders() -> Iterator[Check]:
    cache = Cache()
    entries, size = cache.size()
    nearest = next(folder for folder in (cache.path, *cache.path.parents) if folder.exists())
    held = f"{cache.path} ({entries} entries, {size / 2**20:.1f} MiB)"
    if can_write(nearest):
        yield Check("ok", "cache", held)
    else:
        yield Check("note", "cache", f"{held} cannot be written: nothing is kept between runs; set LABELWRIGHT_CACHE")
    for subject, folder, level in (
        ("working folder", Path.cwd(), "note"),
        ("temporary folder", _temporary(), "FAIL"),
    ):
        if folder is not None and can_write(folder):
            yield Check("ok", subject, f"{folder} can be written")
        else:
            shown: Level = "FAIL" if level == "FAIL" else "note"
            yield Check(shown, subject, f"{folder or 'none'} cannot be written; name another with --out or TMPDIR")


def can_write(folder: Path) -> bool:
    """Tell whether a file can be made in a folder, by making one that goes away by itself."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _temporary() -> Path | None:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        return None


def _fonts() -> Iterator[Check]:
    found = util.find_spec("matplotlib")
    if found is None or found.origin is None:
        return  # already told among the dependencies
    font = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    if font.is_file():
        yield Check("ok", "fonts", "DejaVu Sans, with matplotlib")
    else:
        yield Check("note", "fonts", "DejaVu Sans is missing from matplotlib: letters in plots may show as boxes")
