import numpy as np
import pytest

from labelwright.audit.underperforming_groups import (
    MislabelledGroups,
    UnderperformingGroups,
    feature_clusters,
    right_predictions,
)
from labelwright.errors import BadInput
from labelwright.evidence.space import LabelSpace

AB = LabelSpace(("a", "b"))


def test_a_group_far_below_the_rest_is_flagged_with_interval():
    right = np.r_[np.tile([1.0] * 9 + [0.0], 30), np.tile([1.0, 0.0], 50)]
    s = UnderperformingGroups().score(right, ["north"] * 300 + ["south"] * 100, column="region")
    assert s.part == ["north", "south"] and s.is_issue.tolist() == [False, True]
    assert s.reason[1] == (
        "the 100 rows whose 'region' is 'south' are predicted right in 50 % (95 % interval 40 % to 60 %), all "
        "others in 90 %"
    )


def test_groups_of_one_accuracy_raise_no_alarm():
    rng = np.random.default_rng(0)
    alarms = [
        UnderperformingGroups().score(rng.random(1000) < 0.8, rng.integers(0, 20, 1000)).n_issues for _ in range(50)
    ]
    assert sum(alarms) == 0


def test_small_groups_are_not_judged():
    right = np.r_[np.ones(100), np.zeros(10)]
    assert UnderperformingGroups().score(right, ["a"] * 100 + ["b"] * 10).n_issues == 0


def test_rows_without_label_or_group_do_not_count():
    right = np.r_[np.ones(50), np.zeros(30), np.full(20, np.nan)]
    groups = ["a"] * 50 + [None] * 30 + ["b"] * 20
    s = UnderperformingGroups().score(right, groups)
    assert s.n_issues == 0


@pytest.mark.parametrize("groups", [["a"] * 40, [None] * 40])
def test_one_group_or_none_has_nothing_to_be_compared_with(groups):
    assert len(UnderperformingGroups().score(np.zeros(40), groups)) == 0


def test_no_rows_give_nothing():
    assert len(UnderperformingGroups().score([], [])) == 0
    assert len(feature_clusters(np.empty((0, 3)))) == 0


def test_lengths_that_differ_are_refused():
    with pytest.raises(BadInput, match="groups has 1 entries, expected 2"):
        UnderperformingGroups().score([1.0, 0.0], ["a"])


def test_hostile_group_names_arrive_inert():
    right = np.r_[np.ones(60), np.zeros(40)]
    s = UnderperformingGroups().score(right, ["\x1b[1m"] * 60 + ["::error::\n"] * 40, column="\x1b")
    assert "\x1b" not in s.reason[1] and "\n" not in s.reason[1]


def test_groups_with_many_suspect_labels_are_told():
    suspect = np.r_[np.zeros(100, bool), np.tile([True, False], 30)]
    s = MislabelledGroups().score(suspect, ["ann"] * 100 + ["bob"] * 60, column="annotator")
    assert s.is_issue.tolist() == [False, True]
    assert s.reason[1] == (
        "50 % of the labels of the 60 rows whose 'annotator' is 'bob' look wrong (95 % interval 38 % to 62 %), "
        "0 % elsewhere"
    )


def test_right_predictions_are_nan_for_unlabelled_rows():
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]])
    right = right_predictions([0, 1, -1], p, AB)
    assert right[:2].tolist() == [1.0, 0.0] and np.isnan(right[2])


def test_probabilities_of_another_width_are_refused():
    with pytest.raises(BadInput, match=r"shape \(1, 3\), expected \(1, 2\)"):
        right_predictions([0], np.ones((1, 3)) / 3, AB)


def test_a_weak_region_of_the_features_is_found_by_clusters():
    rng = np.random.default_rng(0)
    x = np.r_[rng.normal(size=(900, 4)), rng.normal(size=(100, 4)) + 9]
    right = rng.random(1000) < np.r_[np.full(900, 0.95), np.full(100, 0.4)]
    s = UnderperformingGroups().score(right, feature_clusters(x))
    assert s.n_issues >= 1
    assert all(s.rows[s.is_issue] >= 900)


def test_clusters_are_the_same_for_the_same_seed():
    x = np.random.default_rng(0).normal(size=(300, 3))
    assert (feature_clusters(x, seed=3) == feature_clusters(x, seed=3)).all()


@pytest.mark.parametrize("n", [1, 2, 50])
def test_identical_rows_make_one_cluster(n):
    assert set(feature_clusters(np.ones((n, 2))).tolist()) == {0}


def test_features_with_nan_are_refused_by_row():
    with pytest.raises(BadInput, match="row 1"):
        feature_clusters([[0.0], [np.nan]])


def test_minus_one_and_nan_are_no_groups_of_an_array():
    right = np.r_[np.ones(60), np.zeros(40)]
    assert len(UnderperformingGroups().score(right, np.repeat([0, -1], [60, 40]))) == 0
    assert len(UnderperformingGroups().score(right, np.repeat([0.0, np.nan], [60, 40]))) == 0
    assert UnderperformingGroups().score(right, np.repeat([0, 1], [60, 40])).n_issues == 1
