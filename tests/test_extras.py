"""Without extras every public name of every family loads or says in one line what to install."""

from __future__ import annotations

import pytest

from core_world import in_the_core
from labelwright.errors import MissingExtra, naming_extra

FAMILIES = (
    *("evidence", "metrics", "noise", "data", "data.mend", "nn", "consensus", "decide"),
    *("audit", "audit.nutrition", "audit.compare", "audit.gate", "acquire"),
    *("learn", "learn.noisy", "learn.partial", "learn.bags", "learn.regression", "report", "studio", "catalogue"),
)


def test_every_public_name_loads_or_names_its_extra():
    told = in_the_core(
        f"""
for family in {FAMILIES!r}:
    module = import_module("labelwright." + family)
    for name in getattr(module, "__all__", ()):
        try:
            getattr(module, name)
        except MissingExtra as missing:
            assert 'pip install "labelwright[' in str(missing), (family, name)
        except Exception as bug:
            print(family, name, type(bug).__name__, bug)
"""
    )
    assert told == ""


def test_a_review_without_the_studio_names_its_extra():
    told = in_the_core(
        """
from labelwright import Audit

try:
    Audit.review(object.__new__(Audit))
except MissingExtra as missing:
    print(missing)
"""
    )
    assert told == 'a review needs an optional dependency. Fix: pip install "labelwright[studio]".\n'


def test_a_module_of_no_extra_stays_what_it_is():
    with pytest.raises(ModuleNotFoundError, match="elsewhere"), naming_extra("this"):
        raise ModuleNotFoundError("No module named 'elsewhere'", name="elsewhere")
    with pytest.raises(MissingExtra, match="this needs"), naming_extra("this"):
        raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")
