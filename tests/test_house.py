"""The house stands as it was drawn: arrows point one way, nothing heavy loads early."""

from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "labelwright"

# Packages of one inner tuple do not know each other.
ORDER = (
    ("errors", "inert", "atomic", "progress", "results_folder"),
    ("evidence",),
    ("metrics",),
    ("noise",),
    ("data",),
    ("nn",),
    ("consensus", "decide"),
    ("audit",),
    ("acquire",),
    ("learn",),
    ("optimize",),
    ("distill",),
    ("language",),
    ("adapt",),
    ("protect",),
    ("dense",),
    ("report", "catalogue"),
    ("facade",),
    ("versions",),
    ("studio",),
    ("cli",),
)
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
ARRAY_FAMILIES = ("evidence", "metrics", "noise", "data", "consensus", "decide", "audit", "acquire")


def _imports(path: Path) -> list[str]:
    """Return the top-level rooms of labelwright that a file imports, type-checking imports included."""
    rooms = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module] if node.module != "labelwright" else [f"labelwright.{a.name}" for a in node.names]
        rooms += [name.split(".")[1] for name in names if name.startswith("labelwright.")]
    return rooms


def _room(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def test_every_room_is_on_the_map():
    rooms = {_room(p) for p in SRC.rglob("*.py")} - {"__init__", "__main__"}
    assert rooms <= set(RANK)


def test_arrows_point_to_earlier_rooms_only():
    wrong = [
        f"{path.relative_to(SRC)} imports {target}"
        for path in SRC.rglob("*.py")
        if (room := _room(path)) in RANK
        for target in _imports(path)
        if target in RANK
        and target != room
        and (RANK[target] > RANK[room] or (RANK[target] == RANK[room] and RANK[room] > 0))
    ]
    assert wrong == []


def test_a_public_name_stands_in_one_room_only():
    twice = {}
    for path in SRC.glob("*/__init__.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_ROOMS":
                rooms = ast.literal_eval(node.value).values()
                names = [name for room in rooms for name in room.split()]
                twice[_room(path)] = {name for name in names if names.count(name) > 1}
    assert twice and not any(twice.values()), twice


def test_no_public_name_is_a_module_beside_it():
    """Importing the module would put it in the name's place."""
    hidden = []
    for path in SRC.rglob("__init__.py"):
        package = ".".join(["labelwright", *path.parent.relative_to(SRC).parts])
        modules = {module.name for module in pkgutil.iter_modules([str(path.parent)])}
        hidden += [f"{package}.{name}" for name in modules & set(getattr(import_module(package), "__all__", []))]
    assert hidden == []


def test_no_relative_imports():
    relative = [
        str(path.relative_to(SRC))
        for path in SRC.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    assert relative == []


@pytest.mark.parametrize("family", [f for f in ARRAY_FAMILIES if (SRC / f).is_dir()])
def test_array_families_load_without_torch(family):
    code = f"import sys, labelwright.{family}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
