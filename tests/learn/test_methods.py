"""Methods by name agree with the catalogue, can be made, and their models load again."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from labelwright.audit.noise_rate import NoiseEstimate
from labelwright.catalogue.papers import load_papers
from labelwright.errors import BadInput
from labelwright.evidence import Bags, Candidates, Hard, Mixed, Reals, Tags, Votes
from labelwright.learn import ImpreciseClassifier, ImpreciseRegressor, choose_method
from labelwright.learn.methods import METHODS, find_method, read_settings
from labelwright.learn.noisy import CrossSplit, NestedCoTeaching, NestedTraining

K = 3
X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
T = 0.7 * np.eye(K) + 0.1


def noise(rate, matrix=T):
    return NoiseEstimate(matrix / K, matrix, rate, rate * 0.8, rate * 1.2)


def evidence_of(learns):
    positive = Y == 1
    return {
        "labels": Hard(Y, K),
        "any": Hard(Y, K),
        "candidates": Candidates.from_sets([[int(y), (int(y) + 1) % K] for y in Y], K),
        "bags": Bags.counts(np.arange(60) // 6, np.stack([np.bincount(y, minlength=K) for y in Y.reshape(10, 6)])),
        "positives": Tags(
            np.r_[0, np.cumsum(positive)], np.zeros(positive.sum(), int), np.ones(positive.sum(), int), 1
        ),
        "tags": Tags.from_dense(np.stack([positive, Y == 2, Y == 0], axis=1).astype(np.int8)),
        "numbers": Reals.values(X @ np.ones(4)),
    }[learns]


def test_every_name_stands_in_its_row_of_the_catalogue():
    rows = {paper.id: paper.names for paper in load_papers()}
    assert [m.name for m in METHODS if m.id not in ("", "P134") and m.name not in rows[m.id]] == []
    assert "EarlyLearningRegularization" in rows["P134"]


def test_no_name_means_two_methods():
    names = [n.replace("-", "").lower() for m in METHODS for n in {m.name, m.short or m.name}]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("method", METHODS, ids=[m.name for m in METHODS])
def test_a_saved_model_gives_the_same_answers(method, tmp_path):
    told = {"prior": 0.4, "expected": 1.2, "rho": 0.7}
    objective = method.build({k: v for k, v in told.items() if k == method.fills}, noise(0.2))
    kind = ImpreciseRegressor if method.learns == "numbers" else ImpreciseClassifier
    model = kind(objective, epochs=1).fit(X, evidence_of(method.learns))
    again = kind.load(model.save(tmp_path / "model"))
    before, after = (m.loop_.predict_proba(m._standardized(X)) for m in (model, again))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    "objective", [NestedTraining(), NestedCoTeaching()], ids=lambda objective: type(objective).__name__
)
def test_objectives_that_part_their_rows_load_again_too(objective, tmp_path):
    model = ImpreciseClassifier(objective, epochs=1).fit(X, Hard(Y, K))
    again = ImpreciseClassifier.load(model.save(tmp_path / "model"))
    before, after = (m.loop_.predict_proba(m._standardized(X)) for m in (model, again))
    np.testing.assert_array_equal(before, after)


def test_one_row_cannot_be_cut_into_halves():
    with pytest.raises(BadInput, match="one row cannot be cut into halves"):
        ImpreciseClassifier(CrossSplit(), epochs=1).fit(X[:1], Hard([0], K))


def test_names_are_found_however_they_are_written():
    assert find_method("early learning regularization") is find_method("ELR") is find_method("p134")


def test_near_names_are_suggested():
    with pytest.raises(BadInput, match="did you mean 'DivideMix'"):
        find_method("DivdeMix")


@pytest.mark.parametrize("pair", ["lam", "=3", "lam=", "lam=many", "lam=nan"])
def test_what_is_no_setting_is_refused(pair):
    with pytest.raises(BadInput):
        read_settings([pair])


@pytest.mark.parametrize(
    ("evidence", "estimate", "name"),
    [
        (Hard(Y, K), noise(0.01), "CrossEntropy"),
        (Hard(Y, K), noise(0.09), "EarlyLearningRegularization"),
        (Hard(Y, K), noise(0.3), "CrossSplit"),
        (Hard(np.tile(Y, 10), K), noise(0.3), "CrossSplit"),
        (Hard(Y, K), None, "EarlyLearningRegularization"),
        (Hard(np.where(np.arange(60) < 10, Y, -1), K), None, "ImpreciseLabelLearner"),
        (evidence_of("candidates"), None, "ImpreciseLabelLearner"),
        (evidence_of("bags"), None, "CountLikelihood"),
        (Votes.from_matrix(np.stack([Y, Y], axis=1), K), None, "ImpreciseLabelLearner"),
        (Mixed.of(Hard(Y, K), evidence_of("candidates")), None, "ImpreciseLabelLearner"),
        (Tags.from_indicator(np.eye(K)[Y]), None, "IgnoreUnobserved"),
        (evidence_of("tags"), None, "AssumeNegative"),
        (Tags.from_dense(np.eye(K, dtype=np.int8)[Y] * (np.arange(60) % 2)[:, None]), None, "PUMultiLabelLoss"),
        (Reals.between(Y.astype(float), np.inf * np.ones(60)), None, "GaussianLikelihood"),
        (Reals.values(Y.astype(float)), None, "AbsoluteError"),
    ],
)
def test_the_choice_follows_the_evidence_and_says_why(evidence, estimate, name):
    choice = choose_method(evidence, estimate)
    assert choice.name == type(choice.objective).__name__ == name
    assert len(choice.reason) > 80
