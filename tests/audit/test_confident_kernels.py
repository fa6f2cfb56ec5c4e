"""The fast look at a row tells what the slow one tells, for ties, limits and values that are no probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.audit.confident_kernels import classify_by_bits, classify_by_value
from labelwright.audit.confident_rows import confident_rows
from labelwright.audit.joint_counts import JointCounts, _round_keeping_sum
from labelwright.audit.probabilities import as_bits

VALUES = [0.0, -0.0, -1e-9, 1e-9, 0.25, 0.4, 0.5, 0.9, 1.0, 1 + 1e-9, 2.0, np.nan, -0.5, np.inf]


def _by_value(labels, probs, cuts, rows):
    n = len(labels)
    out = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, probs.dtype)
    return (*out, classify_by_value(rows, labels, probs, cuts, *out))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.float64]), st.sampled_from([3, 21]))
def test_rows_looked_at_as_a_whole_are_counted_as_value_by_value(seed, dtype, n_classes):
    rng = np.random.default_rng(seed)
    probs = rng.choice(VALUES, size=(30, n_classes)).astype(dtype)
    probs[::2] = rng.dirichlet(np.ones(n_classes), 15)
    labels = rng.integers(0, n_classes, 30).astype(np.int32)
    cuts = rng.choice([0.2, 0.5, 0.9, 2.0], n_classes)
    low, one = as_bits(np.array([min(max(cuts.min() - 1e-6, 0.0), 1.0), 1.0], dtype))
    counted, rival, top = np.empty(30, np.int32), np.empty(30, np.int32), np.empty(30, dtype)
    left = np.arange(30)
    n_left = classify_by_bits(labels, probs, as_bits(probs), low, one, cuts, counted, rival, top, left)
    clear = np.setdiff1d(np.arange(30), left[:n_left])
    slow_counted, slow_rival, slow_top, _ = _by_value(labels, probs, cuts, np.arange(30))
    own = probs[np.arange(30), labels]
    assert np.array_equal(counted[clear], slow_counted[clear])
    ahead = clear[slow_top[clear] >= own[clear]]
    assert np.array_equal(rival[ahead], slow_rival[ahead])
    assert np.array_equal((top > own)[clear], (slow_top > own)[clear])
    proper = (probs >= -1e-6) & (probs <= 1 + 1e-6)
    assert proper[clear].all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.float64]), st.sampled_from([3, 40]))
def test_every_value_that_is_no_probability_is_counted(seed, dtype, n_classes):
    rng = np.random.default_rng(seed)
    probs = rng.choice(VALUES, size=(20, n_classes)).astype(dtype)
    labels = rng.integers(0, n_classes, 20).astype(np.int32)
    bad = int(np.count_nonzero(~((probs >= -1e-6) & (probs <= 1 + 1e-6))))
    assert _by_value(labels, probs, rng.choice([0.2, 0.5, 2.0], n_classes), np.arange(20))[3] == bad


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_threads_change_no_bit(jobs):
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(20), 60_000)
    labels = rng.integers(0, 20, len(probs))
    one, many = confident_rows(labels, probs, jobs=1), confident_rows(labels, probs, jobs=jobs)
    assert np.array_equal(one.counted, many.counted)
    assert np.array_equal(one.rival_probability, many.rival_probability)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_full_table_is_rounded_as_its_rows_are(seed):
    rng = np.random.default_rng(seed)
    table = np.where(rng.random((6, 6)) < 0.3, 0, rng.choice([0.5, 1.5, 2.25, 3.9, 0.1], (6, 6))) + np.eye(6)
    rounded = JointCounts.of_dense(table).rounded().dense()
    assert rounded.tolist() == [_round_keeping_sum(row).tolist() for row in table]
