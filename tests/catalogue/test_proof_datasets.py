"""The loaders of real data sets give what their documentation says, or say in one line what is missing."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from labelwright.catalogue.claims import DataMissing

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def datasets():
    spec = importlib.util.spec_from_file_location("proof_datasets", ROOT / "proofs" / "datasets.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["proof_datasets"] = module
    spec.loader.exec_module(module)
    return module


def need(datasets, name: str) -> None:
    reason = datasets.missing_reason(name)
    if reason:
        pytest.skip(reason)


def test_a_missing_folder_is_said_in_one_line(datasets, monkeypatch, tmp_path):
    monkeypatch.setenv("LABELWRIGHT_DATA", str(tmp_path / "nowhere"))
    assert not datasets.available("cifar10n")
    with pytest.raises(DataMissing, match="set LABELWRIGHT_DATA"):
        datasets.cifar10n_features("worse")


def test_a_missing_file_is_named(datasets, monkeypatch, tmp_path):
    monkeypatch.setenv("LABELWRIGHT_DATA", str(tmp_path))
    assert datasets.missing_reason("sms") == "data set sms lacks weak/sms.parquet in the data folder"


def test_an_unknown_set_names_near_ones(datasets):
    with pytest.raises(KeyError, match="cifar10n"):
        datasets.available("cifar10nn")


def test_digits_need_no_folder_and_have_a_stable_hash(datasets, monkeypatch, tmp_path):
    monkeypatch.setenv("LABELWRIGHT_DATA", str(tmp_path / "nowhere"))
    assert datasets.digits().X.shape == (1797, 64)
    assert datasets.content_hash("digits") == datasets.content_hash("digits")


def test_noisy_and_clean_labels_differ_at_the_published_rate(datasets):
    need(datasets, "cifar10n")
    train, test = datasets.cifar10n_features("worse")
    assert round(float((train.given != train.truth).mean()), 4) == 0.4021
    assert np.array_equal(test.given, test.truth) and len(test) == 10_000


def test_the_same_seed_draws_the_same_rows(datasets):
    need(datasets, "cifar10n")
    first, _ = datasets.cifar10n_features("aggregate", rows=500, seed=3)
    again, _ = datasets.cifar10n_features("aggregate", rows=500, seed=3)
    assert np.array_equal(first.rows, again.rows) and len(set(first.rows)) == 500


@pytest.mark.parametrize(("name", "checked", "errors"), [("mnist", 100, 15), ("imdb", 1310, 725)])
def test_checked_labels_hold_the_published_number_of_errors(datasets, name, checked, errors):
    need(datasets, f"label_errors_{name}")
    read = datasets.label_errors(name)
    assert (len(read.checked), int(read.is_error.sum())) == (checked, errors)
