"""The examples in the docstrings of the measures' rooms give what they say."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

ROOMS = (
    "annotator_quality",
    "disclosure",
    "generalization_scaling",
    "instructions",
    "judge",
    "judge_checks",
    "judge_ensemble",
    "label_critic",
    "mask_quality",
    "mistakes",
    "noise_identifiability",
    "multilabel_targets",
    "policy_classifier",
    "relabel",
    "retrieval",
)


@pytest.mark.parametrize("room", ROOMS)
def test_the_examples_hold(room):
    found = doctest.testmod(import_module(f"labelwright.audit.{room}"))
    assert found.attempted > 0 and found.failed == 0
