"""P029: encoders from set labels, and how they are judged."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestCentroid

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.bags import (  # noqa: E402
    AttentionPool,
    DeepSet,
    FewShotEvaluator,
    MeanPooling,
    SetContrastivePretrainer,
    SetLevelPretrainer,
    SetTransformer,
    excess_risk_slope,
    sample_sets,
)
from labelwright.nn import MLP, AdamW, Loop, Task, Training  # noqa: E402
from labelwright.nn.losses import cross_entropy  # noqa: E402

RNG = np.random.default_rng(0)
Y = np.repeat(np.arange(4), 40)
X = (RNG.normal(size=(160, 6)) + 3 * np.eye(4, 6)[Y]).astype(np.float32)


def fitted(objective, sets, labels, epochs: int = 3, n_classes: int = 2) -> Loop:
    task = Task(sets, Hard(labels, n_classes), net=MLP((16,)))
    loop = Loop(objective, task, Training(epochs=epochs, batch_size=20, optimizer=AdamW(1e-2), device="cpu"))
    loop.fit()
    return loop


def test_sets_of_one_item_make_it_ordinary_pretraining_on_coarse_labels():
    loop = fitted(SetLevelPretrainer(lambda dim, outputs: MeanPooling()), X[:, None], Y // 2)
    model = loop.objective
    batch = loop.task.batch(np.arange(10))
    ordinary = cross_entropy(model.head(model.encoder(batch.x[:, 0])), batch.labels)
    torch.testing.assert_close(loop.step(np.arange(10)).total, ordinary)


@pytest.mark.parametrize("pool", [AttentionPool, DeepSet, SetTransformer])
def test_the_order_of_a_sets_items_does_not_change_its_answer(pool):
    rows, unit = sample_sets(Y // 2, 5, 40, seed=0)
    loop = fitted(SetLevelPretrainer(pool), X[rows], unit)
    torch.testing.assert_close(loop.predict_proba(X[rows]), loop.predict_proba(X[rows[:, ::-1]]), rtol=1e-4, atol=1e-5)


def test_items_are_encoded_alone():
    rows, unit = sample_sets(Y // 2, 5, 40, seed=0)
    model = fitted(SetLevelPretrainer(), X[rows], unit).objective
    torch.testing.assert_close(model.encode(X[:1]), model.encode(X[:7])[:1])


def test_set_labels_are_learnt():
    rows, unit = sample_sets(Y // 2, 5, 80, seed=0)
    loop = fitted(SetLevelPretrainer(), X[rows], unit, epochs=15)
    assert (loop.predict_proba(X[rows]).argmax(dim=1).numpy() == unit).mean() > 0.95


def test_the_contrastive_variant_brings_sets_of_a_label_together():
    rows, unit = sample_sets(Y // 2, 5, 80, seed=0)
    loop = fitted(SetContrastivePretrainer(temperature=0.2), X[rows], unit, epochs=15)
    u = torch.nn.functional.normalize(loop.predict_proba(X[rows]), dim=1)
    same = torch.as_tensor(unit[:, None] == unit[None, :])
    assert (u @ u.T)[same].mean() > (u @ u.T)[~same].mean() + 0.5


def test_sets_stay_within_a_unit_and_hold_no_row_twice():
    rows, unit = sample_sets(Y, 5, 50, seed=1)
    assert (Y[rows] == unit[:, None]).all()
    assert all(len(set(own)) == 5 for own in rows.tolist())


def test_a_unit_with_too_few_rows_is_left_out():
    assert set(sample_sets([0, 0, 0, 1, -1, -1, -1], 3, 10, seed=0)[1]) == {0}
    with pytest.raises(BadInput):
        sample_sets([0, 1, 2], 2, 5, seed=0)


def test_features_that_tell_classes_apart_score_high_and_noise_scores_chance():
    judge = FewShotEvaluator(n_way=4, n_tasks=20, classifier=NearestCentroid())
    good, noise = judge.evaluate(X, Y, seed=0), judge.evaluate(RNG.normal(size=(160, 3)), Y, seed=0)
    assert good.mean > 0.9
    assert noise.mean < 0.35


def test_the_interval_is_students():
    from scipy import stats

    score = FewShotEvaluator(n_way=4, n_tasks=10, classifier=NearestCentroid()).evaluate(X, Y, seed=0)
    low, high = stats.t.interval(0.95, 9, score.per_task.mean(), stats.sem(score.per_task))
    assert score.low == pytest.approx(low) and score.high == pytest.approx(high)


def test_the_same_seed_draws_the_same_tasks():
    judge = FewShotEvaluator(n_way=4, n_tasks=5, classifier=NearestCentroid())
    np.testing.assert_array_equal(judge.evaluate(X, Y, 3).per_task, judge.evaluate(X, Y, 3).per_task)


def test_too_few_rows_for_a_task_are_named():
    with pytest.raises(BadInput, match="a task needs 5"):
        FewShotEvaluator().evaluate(X, Y, seed=0)


def test_a_risk_of_c_over_m_has_slope_minus_one():
    m = np.array([50, 100, 400])
    assert excess_risk_slope(m, 0.1 + 3 / m, floor=0.1) == pytest.approx(-1.0)
    with pytest.raises(BadInput):
        excess_risk_slope(m, 3 / m, floor=1.0)


def test_single_items_are_no_sets():
    with pytest.raises(BadInput, match="sets"):
        fitted(SetLevelPretrainer(), X, Y // 2)
