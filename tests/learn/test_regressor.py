"""The regressor: scikit-learn's manners, any evidence about numbers, models on disk."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sklearn.base import clone  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import EvidenceKFold, Hard, Mixed, Reals, evidence_log_likelihood  # noqa: E402
from labelwright.learn import ImpreciseRegressor  # noqa: E402
from labelwright.learn.regression import GaussianLikelihood  # noqa: E402
from labelwright.nn import MLP, AdamW, Linear, Stopping  # noqa: E402
from labelwright.noise import permuted_values, right_censored  # noqa: E402

UNEQUAL = {
    "check_sample_weight_equivalence_on_dense_data": "batches are random: a weight of two is not two visits",
    "check_methods_subset_invariance": "float32 sums depend on the batch in the seventh digit",
}


@parametrize_with_checks(
    [ImpreciseRegressor(net=MLP((32,)), epochs=60)], expected_failed_checks=lambda estimator: UNEQUAL
)
def test_scikit_learn_is_content(estimator, check):
    check(estimator)


def plane(n: int = 200, seed: int = 0, noise: float = 0.3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)).astype(np.float32)
    truth = 100 + 5 * x @ np.array([1.0, -2.0, 0.5])
    return x, truth + 5 * noise * rng.normal(size=n), truth


def evidence_of_every_kind(y):
    n, rng = len(y), np.random.default_rng(1)
    step = np.floor(y / 4) * 4
    half = np.where(np.arange(n) % 2, y, np.nan)
    block = np.where(np.arange(n) < n // 2, -1, np.arange(n) // 2)
    shuffled = y.copy()
    swap = np.flatnonzero(block >= 0).reshape(-1, 2)
    shuffled[swap] = np.where(rng.random((len(swap), 1)) < 0.5, y[swap], y[swap[:, ::-1]])
    return {
        "values": Reals.values(y),
        "intervals": Reals.between(step, step + 4),
        "one-sided": Reals(right_censored(y, 0.5, 0, 10.0).bounds),
        "half unknown": Reals.values(half),
        "shuffled pairs": Reals.values(shuffled, block=block),
        "mixed": Mixed.of(Reals.values(half), Reals.between(step, step + 4)),
    }


@pytest.mark.parametrize("kind", ["values", "intervals", "one-sided", "half unknown", "shuffled pairs", "mixed"])
def test_every_kind_of_evidence_about_numbers_is_learnt_from(kind):
    x, y, truth = plane()
    model = ImpreciseRegressor(net=Linear(), epochs=60).fit(x, evidence_of_every_kind(y)[kind])
    assert np.abs(model.predict(x) - truth).mean() < 0.1 * truth.std()
    assert model.noise_scale_ == pytest.approx(1.5, rel=0.25)


def test_plain_numbers_and_their_evidence_give_the_same_model():
    x, y, _ = plane(60)
    plain, told = (ImpreciseRegressor(epochs=2).fit(x, target) for target in (y, Reals.values(y)))
    np.testing.assert_array_equal(plain.predict(x), told.predict(x))


def test_another_unit_of_the_targets_gives_the_same_answers_in_that_unit():
    x, y, _ = plane(60)
    metres, feet = (ImpreciseRegressor(epochs=3).fit(x, target).predict(x) for target in (y, 1000 * y + 7))
    np.testing.assert_allclose(feet, 1000 * metres + 7, rtol=1e-4)


def test_censored_values_taken_as_bounds_beat_the_same_values_taken_as_exact():
    x, y, truth = plane()
    bounds = right_censored(y, 0.5, 0, 10.0).bounds
    told, taken = (ImpreciseRegressor(net=Linear(), epochs=60).fit(x, e) for e in (Reals(bounds), bounds[:, 0]))
    assert np.abs(told.predict(x) - truth).mean() < 0.3 * np.abs(taken.predict(x) - truth).mean()


def test_it_is_cloned_searched_and_piped():
    x, y, _ = plane(90)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), ImpreciseRegressor(epochs=2)), {"impreciseregressor__epochs": [1, 12]}, cv=2
    )
    assert search.fit(x, y).best_params_ == {"impreciseregressor__epochs": 12}
    assert clone(ImpreciseRegressor(GaussianLikelihood(0.5), epochs=7)).objective.start == 0.5


def test_shuffled_blocks_are_searched_in_whole_units():
    x, y, _ = plane(80)
    evidence = evidence_of_every_kind(y)["shuffled pairs"]
    search = GridSearchCV(
        ImpreciseRegressor(epochs=1), {"epochs": [1, 12]}, cv=EvidenceKFold(2), scoring=evidence_log_likelihood
    )
    assert search.fit(x, evidence).best_params_ == {"epochs": 12}


@pytest.mark.parametrize("kind", ["values", "shuffled pairs", "mixed"])
def test_it_stops_on_held_out_evidence(kind):
    x, y, _ = plane()
    model = ImpreciseRegressor(net=Linear(), epochs=20, stopping=Stopping(0.2, patience=20))
    model.fit(x, evidence_of_every_kind(y)[kind])
    assert max(model.loop_.history["held_out"]) > model.loop_.history["held_out"][0]
    assert model.noise_scale_ == pytest.approx(1.5, rel=0.4)


def test_rows_of_weight_zero_do_not_count():
    x, y, truth = plane()
    weight = (np.arange(200) >= 80).astype(float)
    wrong = np.where(weight == 0, 1e4, y)
    model = ImpreciseRegressor(net=Linear(), epochs=60).fit(x, wrong, sample_weight=weight)
    assert np.abs(model.predict(x) - truth).mean() < 0.1 * truth.std()


def test_the_same_seed_gives_the_same_numbers():
    x, y, _ = plane(60)
    first, second = (ImpreciseRegressor(epochs=2, random_state=3).fit(x, y).predict(x) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_images_are_learnt_from_as_they_are():
    y = np.arange(20.0)
    noise = np.random.default_rng(0).integers(0, 60, (20, 1, 8, 8))
    images = (noise + 8 * y[:, None, None, None]).astype(np.uint8)
    assert ImpreciseRegressor(epochs=40, batch_size=10).fit(images, y).score(images, y) > 0.8


def test_a_saved_model_answers_the_same(tmp_path):
    x, y, _ = plane(60)
    model = ImpreciseRegressor(net=MLP((8,)), epochs=3, optimizer=AdamW(1e-2)).fit(x, y)
    again = ImpreciseRegressor.load(model.save(tmp_path / "größe"))
    np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-6)
    evidence = Reals.between(y - 1, y + 1)
    assert again.score(x, evidence) == pytest.approx(model.score(x, evidence))
    assert again.objective_.scale.item() == pytest.approx(model.objective_.scale.item())


def test_a_classifier_is_not_loaded_as_a_regressor(tmp_path):
    from labelwright.learn import ImpreciseClassifier

    x, y, _ = plane(30)
    folder = ImpreciseRegressor(epochs=1).fit(x, y).save(tmp_path / "model")
    with pytest.raises(BadInput, match="holds a ImpreciseRegressor"):
        ImpreciseClassifier.load(folder)


def test_constant_targets_are_learnt_as_that_constant():
    x, _, _ = plane(40)
    model = ImpreciseRegressor(epochs=40).fit(x, np.full(40, 7.0))
    np.testing.assert_allclose(model.predict(x), 7.0, atol=0.3)


def test_one_row_gives_its_own_value():
    assert ImpreciseRegressor(epochs=5).fit([[1.0]], [3.0]).predict([[1.0]]) == pytest.approx([3.0], abs=0.3)


def test_an_unknown_target_is_named_by_its_row():
    x, y, _ = plane(10)
    y[[4, 6]] = np.nan, np.inf
    with pytest.raises(BadInput, match=r"row 4: 2 targets are NaN or infinite, the first is NaN.*Reals.values"):
        ImpreciseRegressor().fit(x, y)


def test_evidence_that_says_nothing_is_refused():
    x = np.zeros((3, 2))
    with pytest.raises(BadInput, match="no row says anything"):
        ImpreciseRegressor().fit(x, Reals.values([np.nan] * 3))
    with pytest.raises(BadInput, match="no row says anything"):
        ImpreciseRegressor().fit(x, Reals.values([1.0, np.nan, np.nan]), sample_weight=[0.0, 1.0, 1.0])


def test_bounds_alone_are_enough():
    x, y, truth = plane()
    one_sided = Reals(np.where((np.arange(200) % 2 == 0)[:, None], [-np.inf, 1.0], [1.0, np.inf]) * y[:, None])
    model = ImpreciseRegressor(net=Linear(), epochs=40).fit(x, one_sided)
    assert np.corrcoef(model.predict(x), truth)[0, 1] > 0.6


@pytest.mark.parametrize(
    "y, message",
    [
        (Hard([0, 1, 0], 2), "Hard is no evidence about numbers"),
        (Mixed.of(Hard([0, 1, 0], 2)), "Mixed is no evidence about numbers"),
        (Reals.values([1.0, 2.0]), "3 rows, the evidence 2"),
        (np.array([1e308, -1e308, 1e308]), "too large"),
    ],
    ids=["classes", "mixed classes", "length", "overflow"],
)
def test_evidence_that_does_not_fit_is_refused(y, message):
    with pytest.raises(BadInput, match=message):
        ImpreciseRegressor().fit(np.eye(3), y)


@pytest.mark.parametrize("y", [["a", "b", "c"], np.zeros((3, 2)), None, [1 + 2j, 0, 1]])
def test_what_is_no_column_of_numbers_is_a_value_error(y):
    with pytest.raises(ValueError):
        ImpreciseRegressor().fit(np.eye(3), y)


def test_ends_without_measure_are_open_and_small_units_are_units():
    x, y, _ = plane(40)
    wide = ImpreciseRegressor(epochs=2).fit(x, Reals.between(y - 1e300, y + 1e300))
    assert np.isfinite(wide.predict(x)).all()
    big, small = (ImpreciseRegressor(epochs=2).fit(x, unit * y).predict(x) for unit in (1.0, 1e-12))
    np.testing.assert_allclose(small, 1e-12 * big, rtol=1e-4)


def test_negative_weights_and_scores_on_classes_are_refused():
    x, y, _ = plane(10)
    with pytest.raises(ValueError, match="Negative values"):
        ImpreciseRegressor().fit(x, y, sample_weight=-np.ones(10))
    with pytest.raises(BadInput, match="no evidence about numbers"):
        ImpreciseRegressor(epochs=1).fit(x, y).score(x, Hard(np.zeros(10), 2))


def test_weights_that_run_away_are_told_with_epoch_and_cause():
    from labelwright.nn import SGD, TrainingFailed

    x, y, _ = plane(100)
    with pytest.raises(TrainingFailed, match="epoch"):
        ImpreciseRegressor(optimizer=SGD(1e30), epochs=3).fit(x, y)


def test_shuffled_values_cannot_be_cut():
    x, y, _ = plane(20)
    dealt = permuted_values(y, 1.0, 0).values
    whole = Reals.values(dealt, block=np.zeros(20, dtype=int))
    model = ImpreciseRegressor(epochs=2, batch_size=4).fit(x, whole)  # the block is a batch of its own
    assert len(model.loop_.history) == 2
    with pytest.raises(BadInput, match="one unit cannot be split"):
        ImpreciseRegressor(stopping=Stopping()).fit(x, whole)


def test_the_examples_run():
    from labelwright.learn import regressor

    assert doctest.testmod(regressor).failed == 0
