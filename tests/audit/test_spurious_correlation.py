import numpy as np
import pyarrow as pa
import pytest

from labelwright.audit.spurious_correlation import SpuriousCorrelations
from labelwright.errors import BadInput
from labelwright.evidence.space import LabelSpace

ABC = LabelSpace(("a", "b", "c"))
N = 300
LABELS = np.arange(N) % 3


def test_a_property_that_tells_the_class_is_flagged():
    brightness = LABELS + np.random.default_rng(0).random(N) / 2
    s = SpuriousCorrelations().score({"brightness": brightness}, LABELS, ABC)
    assert s.is_issue.tolist() == [True] and s.score[0] < 0.1
    assert s.reason[0].startswith("'brightness' alone tells the class in ")


def test_an_annotator_who_saw_one_class_only_is_flagged():
    who = np.array(["ann", "bob", "eve"], dtype=object)[LABELS].tolist()
    assert SpuriousCorrelations().score({"annotator": who}, LABELS, ABC).n_issues == 1


def test_properties_without_the_class_raise_no_alarm():
    rng = np.random.default_rng(1)
    alarms = 0
    for seed in range(20):
        properties = {"x": rng.normal(size=N), "who": rng.integers(0, 100, N).astype(str).tolist()}
        alarms += SpuriousCorrelations().score(properties, LABELS, ABC, seed=seed).n_issues
    assert alarms == 0


def test_a_common_class_is_not_mistaken_for_a_correlation():
    labels = np.r_[np.zeros(950, int), np.ones(50, int)]
    x = np.random.default_rng(2).normal(size=1000)
    assert SpuriousCorrelations().score({"x": x}, labels, ABC).n_issues == 0


def test_a_value_that_marks_one_class_is_seen_among_equal_values():
    size = np.where(LABELS == 0, 32.0, 64.0)
    assert SpuriousCorrelations().score({"width": size}, LABELS, ABC).n_issues == 1


def test_unknown_values_are_a_bin_of_their_own():
    x = np.where(LABELS == 0, np.nan, 1.0)
    assert SpuriousCorrelations().score({"x": x}, LABELS, ABC).n_issues == 1
    assert SpuriousCorrelations().score({"x": np.full(N, np.nan)}, LABELS, ABC).n_issues == 0


def test_arrow_columns_are_taken():
    t = pa.table({"n": LABELS, "s": np.array(["x", "y", "z"])[LABELS]})
    s = SpuriousCorrelations().score({"n": t["n"], "s": t["s"]}, LABELS, ABC)
    assert s.is_issue.tolist() == [True, True]


@pytest.mark.parametrize("labels", [np.zeros(N, int), np.full(N, -1)])
def test_one_class_and_no_labels_give_nothing(labels):
    assert len(SpuriousCorrelations().score({"x": np.arange(N)}, labels, ABC)) == 0


def test_no_rows_and_no_properties_give_nothing():
    assert len(SpuriousCorrelations().score({"x": np.empty(0)}, np.empty(0, int), ABC)) == 0
    assert len(SpuriousCorrelations().score({}, LABELS, ABC)) == 0


def test_the_same_seed_gives_the_same_scores():
    x = np.random.default_rng(3).normal(size=N)
    a, b = (SpuriousCorrelations().score({"x": x}, LABELS, ABC, seed=4).score for _ in range(2))
    assert (a == b).all()


def test_properties_of_another_length_are_refused():
    with pytest.raises(BadInput, match="x has 3 entries, expected 300"):
        SpuriousCorrelations().score({"x": np.arange(3)}, LABELS, ABC)
