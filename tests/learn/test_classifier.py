"""The estimator: scikit-learn's manners, any evidence, models on disk that say when they are damaged. P010 inside."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sklearn.base import clone  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import (  # noqa: E402
    Bags,
    Candidates,
    EvidenceKFold,
    Hard,
    Mixed,
    Reals,
    Soft,
    Tags,
    Votes,
    evidence_log_likelihood,
)
from labelwright.learn import ImpreciseClassifier  # noqa: E402
from labelwright.learn.estimator import location_and_scale  # noqa: E402
from labelwright.learn.noisy import EarlyLearningRegularization, ImpreciseLabelLearner, LearntNoise  # noqa: E402
from labelwright.nn import MLP, CrossEntropy  # noqa: E402

UNEQUAL = {
    "check_sample_weight_equivalence_on_dense_data": "batches are random: a weight of two is not two visits",
    "check_methods_subset_invariance": "float32 sums depend on the batch in the seventh digit",
}


@parametrize_with_checks([ImpreciseClassifier(epochs=20)], expected_failed_checks=lambda estimator: UNEQUAL)
def test_scikit_learn_is_content(estimator, check):
    check(estimator)


def blobs(n: int = 90, seed: int = 0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return (np.eye(3)[y] * 4 + rng.normal(size=(n, 3))).astype(np.float32), y


def evidence_of_every_kind(y):
    bags = np.arange(len(y)) // 6
    counts = np.zeros((bags.max() + 1, 3), dtype=int)
    np.add.at(counts, (bags, y), 1)
    votes = Votes.from_matrix(np.stack([y, y, (y + 1) % 3], axis=1), 3)
    mask = np.random.default_rng(1).random((len(y), 3)) < 0.3
    mask[np.arange(len(y)), y] = True
    return {
        "hard": Hard(y, 3),
        "soft": Soft(np.eye(3)[y] * 0.7 + 0.1),
        "candidates": Candidates.from_mask(mask),
        "votes": votes,
        "bags": Bags.counts(bags, counts, n_classes=3),
        "mixed": Mixed.of(Hard(np.where(np.arange(len(y)) < 20, y, -1), 3), Candidates.from_mask(mask), votes),
    }


@pytest.mark.parametrize("kind", ["hard", "soft", "candidates", "votes", "bags", "mixed"])
def test_every_kind_of_evidence_is_learnt_from(kind):
    x, y = blobs()
    model = ImpreciseClassifier(epochs=25).fit(x, evidence_of_every_kind(y)[kind])
    assert (model.predict(x) == y).mean() > 0.9


def test_plain_labels_keep_their_names():
    x, y = blobs()
    names = np.array(["größe", "b", "c"])[y]
    model = ImpreciseClassifier(epochs=20).fit(x, names)
    assert set(model.predict(x)) <= set(names)
    assert model.classes_.tolist() == ["b", "c", "größe"]


def test_the_objective_given_is_copied_not_trained():
    x, y = blobs()
    objective = EarlyLearningRegularization()
    model = ImpreciseClassifier(objective, epochs=2).fit(x, y)
    assert not hasattr(objective, "net") and model.objective_ is not objective


def test_it_is_cloned_searched_and_piped():
    x, y = blobs()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), ImpreciseClassifier(epochs=3)),
        {"impreciseclassifier__objective": [CrossEntropy(), EarlyLearningRegularization(lam=1.0)]},
        cv=2,
    )
    assert search.fit(x, y).best_score_ > 0.5
    assert clone(ImpreciseClassifier(CrossEntropy(), epochs=7)).epochs == 7


def test_evidence_is_searched_in_whole_units():
    x, y = blobs()
    bags = evidence_of_every_kind(y)["bags"]
    search = GridSearchCV(
        ImpreciseClassifier(epochs=3), {"epochs": [1, 15]}, cv=EvidenceKFold(2), scoring=evidence_log_likelihood
    )
    assert search.fit(x, bags).best_params_ == {"epochs": 15}


def test_the_same_seed_gives_the_same_probabilities():
    x, y = blobs()
    first, second = (ImpreciseClassifier(epochs=3, random_state=1).fit(x, y).predict_proba(x) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_rows_of_weight_zero_do_not_count():
    x, y = blobs()
    wrong = np.where(np.arange(90) < 30, (y + 1) % 3, y)
    weight = (np.arange(90) >= 30).astype(float)
    model = ImpreciseClassifier(epochs=25).fit(x, wrong, sample_weight=weight)
    assert (model.predict(x) == y).mean() > 0.9


def test_images_are_learnt_from_as_they_are():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    images = (rng.random((40, 1, 8, 8)) * 60 + 150 * y[:, None, None, None]).astype(np.uint8)
    assert (ImpreciseClassifier(epochs=8).fit(images, y).predict(images) == y).mean() > 0.9


@pytest.mark.parametrize("objective", [None, EarlyLearningRegularization(lam=2.0), CrossEntropy()])
def test_a_saved_model_answers_the_same(tmp_path, objective):
    x, y = blobs()
    model = ImpreciseClassifier(objective, net=MLP((8,)), epochs=3).fit(x, y)
    again = ImpreciseClassifier.load(model.save(tmp_path / "model"))
    np.testing.assert_allclose(again.predict_proba(x), model.predict_proba(x), rtol=1e-6)
    assert again.classes_.tolist() == [0, 1, 2]


def test_a_model_with_a_network_of_ones_own_asks_for_it(tmp_path):
    x, y = blobs()
    net = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    model = ImpreciseClassifier(CrossEntropy(), net=net, epochs=2).fit(x, y)
    model.save(tmp_path / "model")
    with pytest.raises(BadInput, match="pass it again as net="):
        ImpreciseClassifier.load(tmp_path / "model")
    again = ImpreciseClassifier.load(tmp_path / "model", net=net)
    np.testing.assert_allclose(again.predict_proba(x), model.predict_proba(x), rtol=1e-6)


@pytest.mark.parametrize("damage", ["weights", "facts", "version", "foreign"])
def test_a_damaged_model_is_refused_in_one_line(tmp_path, damage):
    x, y = blobs()
    folder = ImpreciseClassifier(CrossEntropy(), epochs=1).fit(x, y).save(tmp_path / "model")
    facts = json.loads((folder / "model.json").read_text())
    if damage == "weights":
        (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-1])
    elif damage == "facts":
        (folder / "model.json").write_text("{")
    elif damage == "version":
        (folder / "model.json").write_text(json.dumps(facts | {"schema_version": 99}))
    else:
        facts["objective"] = {"module": "subprocess", "class": "Popen", "settings": {"args": "true"}}
        (folder / "model.json").write_text(json.dumps(facts))
    with pytest.raises(BadInput):
        ImpreciseClassifier.load(folder)


def test_bad_input_is_named():
    x, y = blobs()
    with pytest.raises(BadInput, match="90 rows, the evidence 89"):
        ImpreciseClassifier().fit(x, Hard(y[:-1], 3))
    with pytest.raises(BadInput, match="ImpreciseRegressor"):
        ImpreciseClassifier().fit(x, Reals.values(y))
    contradiction = Mixed.of(Hard(y, 3), Hard((y + 1) % 3, 3))
    with pytest.raises(BadInput, match="row 0"):
        ImpreciseClassifier().fit(x, contradiction)
    with pytest.raises(ValueError, match="at least one non-zero"):
        ImpreciseClassifier().fit(x, y, sample_weight=np.zeros(90))
    with pytest.raises(BadInput, match="net is a str"):
        ImpreciseClassifier(net="resnet").fit(x, y)


def test_learnt_noise_is_told():
    x, y = blobs(300)
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(300) < 0.3, (y + 1) % 3, y)
    model = ImpreciseClassifier(ImpreciseLabelLearner(LearntNoise(0.3)), epochs=20).fit(x, noisy)
    (matrix,) = model.objective_.transition_matrices
    assert matrix.argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-5)


def test_principal_components_keep_their_proportions():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 20)) / np.arange(1, 21)
    location, scale = location_and_scale(x, None)
    np.testing.assert_allclose(scale, np.sqrt(np.mean(x.var(axis=0))))
    np.testing.assert_allclose(((x - location) / scale).var(axis=0).mean(), 1)


def test_columns_in_no_order_each_get_their_own_scale():
    x = np.random.default_rng(0).normal(size=(60, 20)) / np.random.default_rng(1).permutation(np.arange(1, 21))
    np.testing.assert_allclose(location_and_scale(x, None)[1], x.std(axis=0))


def test_a_constant_column_among_components_does_no_harm():
    x = np.random.default_rng(0).normal(size=(60, 20)) / np.arange(1, 21)
    x[:, 3] = 7.0
    location, scale = location_and_scale(x, None)
    np.testing.assert_array_equal(((x - location) / scale)[:, 3], 0)


def test_tags_have_a_probability_each_and_a_table_of_answers():
    x = np.eye(4)[np.arange(80) % 4]
    on = np.stack([x[:, 0] + x[:, 1] > 0, x[:, 1] + x[:, 2] > 0], axis=1)
    model = ImpreciseClassifier(epochs=40).fit(x, Tags.from_indicator(on))
    probs = model.predict_proba(x)
    assert probs[1].min() > 0.5
    np.testing.assert_array_equal(model.predict(x), on)
    assert model.score(x, on) == 1
    assert -0.7 < model.score(x, Tags.from_indicator(on)) < 0
