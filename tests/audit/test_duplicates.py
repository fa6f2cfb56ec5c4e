from types import SimpleNamespace

import numpy as np
import pytest

from labelwright.audit.duplicates import ExactDuplicates, NearDuplicates, SplitLeaks, duplicate_groups
from labelwright.errors import BadInput


def neighbors(x, k=10):
    """Return the k nearest other rows of each row by brute force."""
    x = np.asarray(x, dtype=float)
    d = np.sqrt(((x[:, None, :] - x[None, :, :]) ** 2).sum(axis=2))
    np.fill_diagonal(d, np.inf)
    indices = np.argsort(d, axis=1, kind="stable")[:, : min(k, len(x) - 1)]
    return SimpleNamespace(indices=indices, distances=np.take_along_axis(d, indices, axis=1).astype(np.float32))


def pairs(scores):
    return sorted(zip(scores.rows.tolist(), scores.other_rows.tolist(), strict=True))


def test_a_contradicting_twin_is_told_with_both_labels():
    s = ExactDuplicates().score(["hi", "yo", "hi"], given=["ham", "ham", "spam"])
    assert pairs(s) == [(2, 0)]
    assert s.reason == ["identical to row 0 but labelled 'spam' where row 0 says 'ham'"]


def test_contradictions_score_below_agreements():
    s = ExactDuplicates().score(["a", "a", "b", "b"], given=["x", "y", "x", "x"])
    assert s.score.tolist() == [0.0, 0.5]


def test_the_anchor_has_the_commonest_label_of_its_group():
    s = ExactDuplicates().score(["a"] * 4, given=["spam", "ham", "ham", None])
    assert pairs(s) == [(0, 1), (2, 1), (3, 1)]
    assert s.reason[2] == "identical to row 1, which is labelled 'ham'; this row has no label"


def test_distinct_rows_have_no_duplicates():
    assert len(ExactDuplicates().score([str(i) for i in range(1000)])) == 0


def test_all_rows_alike_are_one_group():
    assert len(ExactDuplicates().score(np.zeros((50, 3)))) == 49


def test_a_table_too_coarse_to_tell_rows_apart_is_left_alone():
    coarse = np.random.default_rng(0).integers(0, 2, size=(500, 3))
    assert len(ExactDuplicates(min_distinct=0.05).score(coarse)) == 0
    assert len(ExactDuplicates().score(coarse)) == 492


@pytest.mark.parametrize("content", [[], ["only"]])
def test_no_and_one_row_have_no_duplicates(content):
    assert len(ExactDuplicates().score(content)) == 0


def test_hostile_labels_arrive_inert_in_reasons():
    s = ExactDuplicates().score(["a", "a"], given=["\x1b[31mred", "::error::x\n"])
    assert "\x1b" not in s.reason[0] and "\n" not in s.reason[0]


def test_given_of_another_length_is_refused():
    with pytest.raises(BadInput, match="given has 1 entries, expected 2"):
        ExactDuplicates().score(["a", "b"], given=["x"])


@pytest.mark.parametrize("d", [3, 10, 40])
def test_planted_near_copies_are_found_and_nothing_else(d):
    rng = np.random.default_rng(d)
    x = rng.normal(size=(400, d))
    x[:20] = x[200:220] + 1e-4 * rng.normal(size=(20, d))
    s = NearDuplicates().score(neighbors(x))
    assert pairs(s) == [(i + 200, i) for i in range(20)]


@pytest.mark.parametrize("d", [1, 2, 3, 10])
@pytest.mark.parametrize("draw", ["normal", "random", "standard_exponential"])
def test_clean_clouds_have_almost_no_near_duplicates(draw, d):
    x = getattr(np.random.default_rng(7), draw)(size=(500, d))
    assert len(NearDuplicates().score(neighbors(x))) <= 1


def test_a_dense_region_is_not_taken_for_duplicates():
    rng = np.random.default_rng(0)
    x = np.r_[rng.normal(size=(300, 3)), 0.01 * rng.normal(size=(200, 3)) + 9]
    assert len(NearDuplicates().score(neighbors(x))) == 0


def test_more_near_copies_than_neighbours_hang_together():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 8))
    x[:30] = x[0] + 1e-5 * rng.normal(size=(30, 8))
    assert np.count_nonzero(duplicate_groups([NearDuplicates().score(neighbors(x))], 300) == 0) == 30


def test_pairs_of_equal_rows_are_left_to_exact_duplicates():
    x = np.random.default_rng(2).normal(size=(100, 5))
    x[1] = x[0]
    assert len(NearDuplicates().score(neighbors(x), exact=x)) == 0
    assert len(NearDuplicates().score(neighbors(x))) == 1


def test_texts_equal_but_for_case_and_punctuation_are_near_duplicates():
    s = NearDuplicates().score(texts=["Call me!", "bye", "call  me", "", ""], given=["a", "b", "c", "a", "a"])
    assert s.reason == ["nearly identical to row 0 but labelled 'c' where row 0 says 'a'"]


def test_exact_copies_count_once_among_near_copies():
    texts = ["a b", "A b!", "A b!", "a b"]
    s = NearDuplicates().score(texts=texts, exact=texts)
    assert pairs(s) == [(1, 0)]


def test_a_group_is_listed_with_one_pair_fewer_than_members():
    x = np.random.default_rng(3).normal(size=(200, 6))
    x[:5] = x[0] + 1e-4 * np.random.default_rng(4).normal(size=(5, 6))
    assert len(NearDuplicates().score(neighbors(x))) == 4


@pytest.mark.parametrize("n", [1, 2, 40])
def test_identical_rows_are_near_duplicates_without_exact_content(n):
    assert len(NearDuplicates().score(neighbors(np.ones((n, 2))))) == n - 1


def test_nothing_to_look_at_gives_nothing():
    assert len(NearDuplicates().score()) == 0
    assert len(NearDuplicates().score(texts=[])) == 0


def test_a_test_row_seen_in_training_is_a_leak():
    found = ExactDuplicates().score(["a", "b", "c", "a", "c"])
    s = SplitLeaks().score([found], ["train", "train", "train", "test", "train"])
    assert pairs(s) == [(3, 0)]
    assert s.reason == ["is in split 'test' but its duplicate, row 0, is in split 'train'"]


def test_leaks_through_a_third_row_are_found():
    exact = ExactDuplicates().score(["a", "a", "q", "A", "z"])
    near = NearDuplicates().score(texts=["a", "a", "q", "A", "z"], exact=["a", "a", "q", "A", "z"])
    s = SplitLeaks().score([exact, near], ["train", "train", "train", "test", "test"])
    assert pairs(s) == [(3, 0)]


def test_clean_splits_have_no_leak():
    found = ExactDuplicates().score(["a", "a", "b", "b"])
    assert len(SplitLeaks().score([found], ["train", "train", "test", "test"])) == 0


def test_rows_without_a_split_do_not_leak():
    found = ExactDuplicates().score(["a", "a"])
    assert len(SplitLeaks().score([found], [None, "test"])) == 0
    assert len(SplitLeaks().score([], [])) == 0


def test_rows_without_content_are_no_duplicates_of_each_other():
    assert len(ExactDuplicates().score([None, None, "", "", b"", "a"])) == 0
    assert len(ExactDuplicates().score([None, None, b"x", b"x"])) == 1


def test_split_values_of_several_types_are_told_apart():
    found = ExactDuplicates().score(["a", "a"])
    assert SplitLeaks().score([found], [1, "1"]).n_issues == 1
