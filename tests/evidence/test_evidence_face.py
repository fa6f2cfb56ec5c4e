"""The face of the room: every public name loads, and every example in its documentation runs."""

from __future__ import annotations

import doctest
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import labelwright.evidence as room

FILES = sorted(path.stem for path in Path(room.__file__).parent.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", room.__all__)
def test_every_public_name_loads_and_says_what_it_is(name):
    assert getattr(room, name).__doc__


@pytest.mark.parametrize("name", FILES)
def test_every_example_runs(name):
    if name == "counting_torch":
        pytest.importorskip("torch")
    result = doctest.testmod(import_module(f"labelwright.evidence.{name}"), extraglobs={"np": np})
    assert result.failed == 0


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        room.nonsense  # noqa: B018


def test_the_e_step_in_numpy_never_imports_torch():
    code = (
        "import sys, numpy as np; from labelwright.evidence import Bags, Hard, Mixed, posterior; "
        "posterior(np.zeros((2, 2)), Mixed.of(Hard([0, -1], 2), Bags.counts([0, 0], [1]))); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
