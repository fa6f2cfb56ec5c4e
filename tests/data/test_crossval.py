from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.svm import LinearSVC

from labelwright.data import crossval
from labelwright.data.cache import Cache
from labelwright.data.crossval import out_of_fold_probs, out_of_fold_tags, out_of_fold_values
from labelwright.errors import BadInput


def blobs(n=120, k=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    return (3 * np.eye(k)[y] + rng.normal(size=(n, k))).astype(np.float32), y


class Memory(ClassifierMixin, BaseEstimator):
    """Sure of the label of every row that it was trained on, undecided about all others."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.known_ = {float(x[0]): label for x, label in zip(X, y, strict=True)}
        return self

    def predict_proba(self, X):
        even = np.full(len(self.classes_), 1 / len(self.classes_))
        sure = [self.classes_ == self.known_.get(float(x[0]), None) for x in X]
        return np.array([row.astype(float) if row.any() else even for row in map(np.asarray, sure)])


def test_no_row_is_predicted_by_a_model_that_saw_it():
    X = np.arange(30.0)[:, None]
    assert_allclose(out_of_fold_probs(X, np.arange(30) % 3, 3, estimator=Memory()), 1 / 3)


def test_no_group_is_on_both_sides():
    X, groups = np.repeat(np.arange(10.0), 3)[:, None], np.repeat([f"g{i}" for i in range(10)], 3)
    labels = np.repeat(np.arange(10) % 2, 3)
    assert_allclose(out_of_fold_probs(X, labels, 2, estimator=Memory(), groups=groups), 1 / 2)


def test_the_default_probe_finds_the_classes_and_rows_sum_to_one():
    X, y = blobs()
    probs = out_of_fold_probs(X, y, 3)
    assert (probs.argmax(axis=1) == y).mean() > 0.85
    assert_allclose(probs.sum(axis=1), 1, atol=1e-12)


def test_processes_do_not_change_a_bit(monkeypatch):
    monkeypatch.setattr(crossval, "_SMALL", 0)
    X, y = blobs()
    y = np.where(np.arange(len(y)) % 10 == 0, -1, y)
    one, two = (out_of_fold_probs(X, y, 3, jobs=jobs) for jobs in (1, 2))
    assert one.tobytes() == two.tobytes()
    forest = RandomForestClassifier(5)
    one, two = (out_of_fold_probs(X, y, 3, estimator=forest, jobs=jobs) for jobs in (1, 2))
    assert one.tobytes() == two.tobytes()


def test_the_seed_decides_the_result():
    X, y = blobs()
    assert out_of_fold_probs(X, y, 3, seed=1).tobytes() == out_of_fold_probs(X, y, 3, seed=1).tobytes()
    assert out_of_fold_probs(X, y, 3, seed=1).tobytes() != out_of_fold_probs(X, y, 3, seed=2).tobytes()


def test_rows_without_a_label_get_the_mean_of_the_fold_models_and_change_no_other_row():
    X, y = blobs()
    more = np.concatenate([X, X[:5]])
    probs = out_of_fold_probs(more, np.concatenate([y, [-1] * 5]), 3)
    assert probs[:-5].tobytes() == out_of_fold_probs(X, y, 3).tobytes()
    assert_allclose(probs[-5:].sum(axis=1), 1, atol=1e-12)
    assert (probs[-5:].argmax(axis=1) == y[:5]).mean() > 0.5


def test_a_class_that_no_row_has_keeps_its_column():
    X, y = blobs(k=2)
    probs = out_of_fold_probs(X, y * 2, 4)
    assert_array_equal(probs[:, [1, 3]], 0)


def test_a_class_of_one_row_is_no_crash():
    X, y = blobs()
    y = y.copy()
    y[0] = 3
    probs = out_of_fold_probs(X, y, 4)
    assert probs[0, 3] == 0
    assert_allclose(probs.sum(axis=1), 1, atol=1e-12)


def test_one_class_alone_is_certain():
    assert_array_equal(out_of_fold_probs(np.eye(4), [1, 1, 1, 1], 3), np.eye(3)[[1, 1, 1, 1]])


def test_fewer_rows_than_folds_give_one_fold_a_row():
    probs = out_of_fold_probs([[0.0], [0.1], [1.0]], [0, 0, 1], 2)
    assert probs.shape == (3, 2)


def test_texts_and_frames_go_to_a_pipeline():
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import make_pipeline

    texts, y = ["red apple", "blue sky"] * 10, np.array([0, 1] * 10)
    model = make_pipeline(CountVectorizer(), LogisticRegression())
    assert_array_equal(out_of_fold_probs(texts, y, 2, estimator=model).argmax(axis=1), y)
    frame = pd.DataFrame({"t": texts})
    model = make_pipeline(make_column_transformer((CountVectorizer(), "t")), LogisticRegression())
    assert_array_equal(out_of_fold_probs(frame, y, 2, estimator=model).argmax(axis=1), y)


def test_the_caller_s_estimator_stays_unfitted():
    X, y = blobs()
    model = LogisticRegression()
    out_of_fold_probs(X, y, 3, estimator=model)
    assert not hasattr(model, "coef_")


def test_the_cache_is_used_for_the_same_content_only(tmp_path):
    X, y = blobs()
    cache = Cache(tmp_path)
    first = out_of_fold_probs(X, y, 3, cache=cache)
    assert out_of_fold_probs(X, y, 3, cache=cache).tobytes() == first.tobytes()
    assert cache.size()[0] == 1
    out_of_fold_probs(X, np.roll(y, 1), 3, cache=cache)
    out_of_fold_probs(X, y, 3, cache=cache, estimator=LogisticRegression(C=2.0))
    out_of_fold_probs(X, y, 3, cache=cache, estimator=LogisticRegression(C=3.0))
    assert cache.size()[0] == 4


def test_an_estimator_that_cannot_be_named_is_not_cached(tmp_path):
    X, y = blobs()
    out_of_fold_probs(X, y, 3, cache=Cache(tmp_path), estimator=Memory())
    assert Cache(tmp_path).size()[0] == 0


@pytest.mark.parametrize(
    ("X", "y", "k", "more", "words"),
    [
        (np.eye(3), [0, 1], 2, {}, "3 rows of features and 2 labels"),
        (np.eye(3), [0, 1, 2], 2, {}, "label 2 is not in 0 to 1"),
        (np.eye(3), [0, -2, 1], 2, {}, "row 1"),
        (np.eye(3), [0.0, 1.0, 1.0], 2, {}, "whole number"),
        (np.eye(3), [-1, -1, 0], 2, {}, "too few"),
        (np.eye(3), [0, 1, 0], 2, {"folds": 1}, "at least 2 folds"),
        (np.array([[np.nan], [0], [1]]), [0, 1, 0], 2, {}, "row 0"),
        (np.eye(3), [0, 1, 0], 2, {"groups": ["a", "a", "a"]}, "one group"),
        (np.eye(3), [0, 1, 0], 2, {"groups": ["a", "b"]}, "2 groups for 3 rows"),
        (np.eye(4), [0, 1, 0, 1], 2, {"estimator": LinearSVC()}, "CalibratedClassifierCV"),
        (np.eye(4), [0, 1, 0, 1], 2, {"estimator": "forest"}, "not a scikit-learn estimator"),
    ],
)
def test_bad_input_is_one_clear_line(X, y, k, more, words):
    with pytest.raises(BadInput, match=words):
        out_of_fold_probs(X, y, k, **more)


def test_tags_are_predicted_each_on_its_own_and_unknown_ones_are_not_trained_on():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4)).astype(np.float32)
    tags = (X[:, :3] > 0).astype(np.int8)
    hidden = tags.copy()
    hidden[::3, 1] = -1
    probs = out_of_fold_tags(X, hidden)
    assert probs.shape == (200, 3)
    assert ((probs > 0.5) == tags).mean() > 0.9


def test_tags_of_scikit_learn_s_list_form_are_understood():
    X = np.random.default_rng(0).normal(size=(60, 3))
    tags = (X[:, :2] > 0).astype(int)
    probs = out_of_fold_tags(X, tags, estimator=MultiOutputClassifier(LogisticRegression()))
    assert ((probs > 0.5) == tags).mean() > 0.8


def test_a_tag_that_every_row_has_is_no_crash():
    X = np.random.default_rng(0).normal(size=(40, 2))
    tags = np.column_stack([np.ones(40, int), np.zeros(40, int), X[:, 0] > 0])
    probs = out_of_fold_tags(X, tags)
    assert (probs[:, 0] > 0.9).all()
    assert (probs[:, 1] < 0.1).all()


def test_tags_other_than_one_zero_and_unknown_are_refused():
    with pytest.raises(BadInput, match="1, 0 and -1"):
        out_of_fold_tags(np.eye(2), [[2], [0]])


def test_values_are_predicted_and_those_without_a_label_too():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    y = X @ [1.0, -2.0, 0.5] + 4
    hidden = np.where(np.arange(100) < 10, np.nan, y)
    for estimator in (None, Ridge(1e-6)):
        assert_allclose(out_of_fold_values(X, hidden, estimator=estimator), y, atol=0.01)


def test_infinite_values_are_refused():
    with pytest.raises(BadInput, match="finite"):
        out_of_fold_values(np.eye(2), [np.inf, 0.0])


def test_sparse_rows_need_an_estimator_that_takes_them():
    from scipy.sparse import csr_array

    X, y = blobs()
    with pytest.raises(BadInput, match="dense matrix"):
        out_of_fold_probs(csr_array(X), y, 3)
    probs = out_of_fold_probs(csr_array(X), y, 3, estimator=LogisticRegression())
    assert (probs.argmax(axis=1) == y).mean() > 0.8
