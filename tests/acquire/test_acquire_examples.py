"""Every example of the family runs."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import labelwright.acquire

ROOMS = sorted(path.stem for path in Path(labelwright.acquire.__file__).parent.glob("*.py") if path.stem != "__init__")
NEEDS_TORCH = {"elicitation", "pixelpick", "context_selection", "category_discovery", "pcb"}


@pytest.mark.parametrize("room", ROOMS)
def test_the_examples_of_a_room_run(room):
    if room in NEEDS_TORCH:
        pytest.importorskip("torch")
    assert doctest.testmod(import_module(f"labelwright.acquire.{room}")).failed == 0


def test_every_public_name_is_there():
    pytest.importorskip("torch")
    assert [name for name in labelwright.acquire.__all__ if not hasattr(labelwright.acquire, name)] == []
