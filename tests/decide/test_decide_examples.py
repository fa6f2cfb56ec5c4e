"""The examples in the docstrings run, and the public face names what exists."""

from __future__ import annotations

import doctest
from importlib import import_module

import numpy as np
import pytest

import labelwright.decide as face


@pytest.mark.parametrize("room", sorted(set(face._FACE.values())))
def test_decide_examples_run(room):
    assert doctest.testmod(import_module(room), extraglobs={"np": np}).failed == 0


@pytest.mark.parametrize("name", face.__all__)
def test_every_decider_exists_and_is_documented(name):
    assert getattr(face, name).__doc__


def test_an_unknown_decider_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = face.nothing


def test_no_decider_is_hidden_by_its_module():
    rooms = {room.rsplit(".", 1)[1] for room in face._FACE.values()}
    assert rooms.isdisjoint(face._FACE)
