"""The examples of the rooms that compare and judge run, and their faces name what exists."""

from __future__ import annotations

import doctest
from importlib import import_module

import numpy as np
import pytest

import labelwright.audit.compare as compare_face
import labelwright.audit.gate as gate_face

ROOMS = {*compare_face._FACE.values(), *gate_face._FACE.values(), "labelwright.audit.gate.words"}


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_the_examples_of_a_room_run(room):
    assert doctest.testmod(import_module(room), extraglobs={"np": np}).failed == 0


@pytest.mark.parametrize("face", [compare_face, gate_face])
def test_a_face_names_what_exists_and_is_documented(face):
    assert sorted(face._FACE) == sorted(face.__all__)
    for name in face.__all__:
        found = getattr(face, name)
        assert found.__doc__ and not hasattr(found, "__path__")
