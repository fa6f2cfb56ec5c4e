from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from labelwright.data.splits import grouped_folds, stratified_folds
from labelwright.errors import BadInput


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-3, 6), min_size=1, max_size=80), st.integers(2, 7), st.integers(0, 2**31))
def test_every_class_and_every_fold_is_even_to_one_row(strata, folds, seed):
    fold = stratified_folds(strata, folds, seed)
    for rows in (np.ones(len(strata), bool), *(np.asarray(strata) == s for s in set(strata))):
        counts = np.bincount(fold[rows], minlength=folds)
        assert counts.max() - counts.min() <= 1


def test_the_seed_decides_the_folds():
    strata = np.arange(100) % 3
    assert_array_equal(stratified_folds(strata, 5, 1), stratified_folds(strata, 5, 1))
    assert (stratified_folds(strata, 5, 1) != stratified_folds(strata, 5, 2)).any()


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 5), st.integers(0, 2**31))
def test_a_group_is_never_cut_and_no_fold_is_empty(folds, seed):
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(folds), rng.integers(0, folds + 10, 60)])
    fold = grouped_folds(rng.integers(0, 3, len(groups)), groups, folds, seed)
    assert all(len(set(fold[groups == g])) == 1 for g in set(groups.tolist()))
    assert set(fold) == set(range(folds))


def test_groups_of_one_row_give_classes_even_shares():
    strata = np.repeat([0, 1], [80, 20])
    fold = grouped_folds(strata, np.arange(100), 5, 0)
    assert_array_equal(np.bincount(fold[strata == 1], minlength=5), [4] * 5)
    assert_array_equal(np.bincount(fold[strata == 0], minlength=5), [16] * 5)


def test_too_few_groups_are_refused():
    with pytest.raises(BadInput, match=r"2 group\(s\) for 3 folds"):
        grouped_folds([0, 1, 0], ["a", "b", "b"], 3, 0)
