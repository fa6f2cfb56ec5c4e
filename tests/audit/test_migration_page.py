"""The page for people who come from cleanlab tells the truth."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

import labelwright.audit as audit

PAGE = (Path(__file__).parents[2] / "docs" / "migrate-from-cleanlab.md").read_text(encoding="utf-8")
TABLE = re.findall(r"^\| `([\w.]+)` \| `(\w+)` \| (.*) \|$", PAGE, flags=re.MULTILINE)


def test_the_table_is_not_empty():
    assert len(TABLE) >= 28


@pytest.mark.parametrize(("old", "new", "same"), TABLE)
def test_every_new_name_is_public(old, new, same):
    assert callable(getattr(audit, new))


@pytest.mark.parametrize(("old", "new", "same"), TABLE)
def test_every_old_name_exists(old, new, same):
    pytest.importorskip("cleanlab")
    module, name = old.rsplit(".", 1)
    assert callable(getattr(importlib.import_module(f"cleanlab.{module}"), name))


@pytest.mark.parametrize("name", ["find_label_issues", "compute_confident_joint", "get_label_quality_scores"])
def test_the_main_functions_take_every_argument_of_the_old_ones(name):
    module = {"find_label_issues": "filter", "compute_confident_joint": "count"}.get(name, "rank")
    old = getattr(pytest.importorskip(f"cleanlab.{module}"), name)
    assert set(inspect.signature(old).parameters) <= set(inspect.signature(getattr(audit, name)).parameters)
