"""CleanLearning is a scikit-learn classifier that leaves out wrong labels."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from labelwright.audit import CleanLearning, find_label_issues
from labelwright.errors import BadInput


def world(seed=0, noise=0.25):
    rng = np.random.default_rng(seed)
    truth = np.repeat([0, 1, 2], 150)
    X = rng.normal(size=(450, 2)) + np.array([[0, 0], [4, 0], [0, 4]])[truth]
    return X, np.where(rng.random(450) < noise, (truth + 1) % 3, truth), truth


@parametrize_with_checks([CleanLearning()])
def test_it_keeps_the_estimator_contract(estimator, check):
    check(estimator)


def test_the_rows_left_out_are_those_of_find_label_issues():
    X, labels, _ = world()
    model = CleanLearning(LogisticRegression()).fit(X, labels)
    flags = find_label_issues(labels, model.pred_probs_, min_examples_per_class=10)
    assert (model.label_issues_mask_ == flags).all() and not model.sample_weight_[flags].any()


def test_leaving_out_wrong_labels_helps_a_model_that_memorises():
    X, labels, truth = world()
    plain = KNeighborsClassifier(1).fit(X, labels)
    clean = CleanLearning(KNeighborsClassifier(1)).fit(X, labels, pred_probs=_probs(X, labels))
    assert (clean.predict(X + 0.01) == truth).mean() > (plain.predict(X + 0.01) == truth).mean() + 0.05


def _probs(X, labels):
    return CleanLearning(LogisticRegression()).fit(X, labels).pred_probs_


def test_labels_may_be_names():
    X, labels, _ = world()
    names = np.array(["ant", "bee", "cat"])[labels]
    assert set(CleanLearning().fit(X, names).predict(X)) <= {"ant", "bee", "cat"}


def test_rows_that_the_caller_names_are_left_out():
    X, labels, truth = world()
    model = CleanLearning().fit(X, labels, label_issues=labels != truth)
    assert (model.label_issues_mask_ == (labels != truth)).all()


def test_one_class_and_a_class_of_one_row_are_named():
    with pytest.raises(BadInput, match="only one class"):
        CleanLearning().fit([[0.0], [1.0]], [1, 1])
    with pytest.raises(BadInput, match="single row"):
        CleanLearning().fit([[0.0], [1.0], [2.0]], [0, 0, 1])
