"""The examples in the docstrings run, and the public face names what exists."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

torch = pytest.importorskip("torch")

import labelwright.learn.partial as face  # noqa: E402


@pytest.mark.parametrize("room", sorted(set(face._FACE.values())))
def test_examples_run(room):
    import numpy as np

    assert doctest.testmod(import_module(room), extraglobs={"torch": torch, "np": np}).failed == 0


@pytest.mark.parametrize("name", face.__all__)
def test_every_public_name_exists_and_is_documented(name):
    assert getattr(face, name).__doc__
