"""P142: batches that even out the classes, and prompts that are tuned on them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.acquire import (
    BADGE,
    Entropy,
    KCenterGreedy,
    Pool,
    PseudoClassBalance,
    RandomSampling,
    active_prompt_rounds,
    average_description,
    balanced_draw,
    description_ensemble,
)
from labelwright.errors import BadInput


def sure(classes, k):
    return np.full((len(classes), k), 0.1 / k) + 0.9 * np.eye(k)[classes]


@given(st.integers(0, 10_000), st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_p142_true_pseudo_labels_fill_the_classes_evenly(seed, k):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(k), 30)
    labels = np.full(len(truth), -1)
    start = rng.choice(len(truth), 10, replace=False)
    labels[start] = truth[start]
    chosen = PseudoClassBalance(gamma=1.0).select(Pool(pred_probs=sure(truth, k), labels=labels), 40, rng).rows
    counts = np.bincount(np.concatenate([truth[start], truth[chosen]]), minlength=k)
    most = max(np.bincount(truth[start], minlength=k).max(), counts.min() + 1)
    assert counts.max() <= most and len(np.unique(chosen)) == 40


def test_p142_with_one_class_it_is_random_choice():
    pool = Pool(pred_probs=np.ones((50, 1)))
    drawn = np.concatenate(
        [PseudoClassBalance(RandomSampling(), gamma=1.0).select(pool, 5, rng=s).rows for s in range(400)]
    )
    share = np.bincount(drawn, minlength=50) / 400
    assert abs(share.mean() - 0.1) < 1e-9 and share.std() < 0.03


def test_a_class_that_is_never_predicted_leaves_the_batch_to_chance_unless_it_is_skipped():
    pseudo = np.array([0] * 50 + [1] * 10)
    pseudo = pseudo[np.random.default_rng(0).permutation(60)]
    counts = np.array([0, 0, 0])
    by_chance = np.bincount(pseudo[balanced_draw(pseudo, counts, 20)], minlength=3)
    skipping = np.bincount(pseudo[balanced_draw(pseudo, counts, 20, skip_empty=True)], minlength=3)
    assert_array_equal(skipping, [10, 10, 0])
    assert by_chance[0] > 12


def test_ties_go_to_the_class_of_lowest_number():
    assert_array_equal(balanced_draw(np.array([2, 1, 0]), np.zeros(3), 3), [2, 1, 0])


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(1, 40), st.booleans())
def test_nothing_is_drawn_twice_and_nothing_is_missing(pseudo, size, skip):
    taken = balanced_draw(np.array(pseudo), np.zeros(4), size, skip_empty=skip)
    assert len(taken) == min(size, len(pseudo)) == len(set(taken.tolist()))


def test_candidates_come_from_the_base_acquisition():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3), 100)
    pool = Pool(pred_probs=probs)
    chosen = PseudoClassBalance(gamma=0.1).select(pool, 6, rng=0).rows
    assert set(chosen) <= set(Entropy().select(pool, 10, rng=0).rows)


@pytest.mark.parametrize("base", [Entropy(), BADGE(), KCenterGreedy(), RandomSampling()])
def test_any_acquisition_can_name_the_candidates_and_known_rows_are_left_alone(base):
    rng = np.random.default_rng(0)
    labels = np.where(np.arange(40) < 10, 0, -1)
    pool = Pool(pred_probs=rng.dirichlet(np.ones(3), 40), features=rng.normal(size=(40, 2)), labels=labels)
    first, second = (PseudoClassBalance(base).select(pool, 7, rng=3).rows for _ in range(2))
    assert_array_equal(first, second)
    assert (first >= 10).all() and len(np.unique(first)) == 7
    assert len(PseudoClassBalance(base).select(pool, 99, rng=3).rows) == 30


def test_descriptions_are_averaged_before_or_after_they_are_compared():
    rng = np.random.default_rng(0)
    images, texts = rng.normal(size=(5, 4)), [rng.normal(size=(d, 4)) for d in (1, 3)]
    logits = description_ensemble(images, texts, scale=2.0)
    unit = images / np.linalg.norm(images, axis=1, keepdims=True)
    third = texts[1] / np.linalg.norm(texts[1], axis=1, keepdims=True)
    assert_allclose(logits[:, 1], 2.0 * (unit @ third.T).mean(axis=1))
    averaged = average_description(texts)
    assert_allclose(np.linalg.norm(averaged, axis=1), 1)
    assert_allclose(unit @ averaged[0] * 2.0, logits[:, 0])


def test_settings_are_checked():
    for gamma in (0, 1.5, float("nan")):
        with pytest.raises(BadInput, match="gamma"):
            PseudoClassBalance(gamma=gamma)
    with pytest.raises(BadInput, match="needs pred_probs"):
        PseudoClassBalance().select(Pool(labels=[-1]), 1, rng=0)


def prompted():
    pytest.importorskip("torch")
    from labelwright.acquire import PromptLearner, tuning

    names = np.eye(3, 6)[:, None]
    return lambda: PromptLearner(names, n_context=2, scale=10.0, training=tuning(epochs=20, lr=0.5))


def test_class_names_alone_give_the_zero_shot_answer_and_tuning_moves_it():
    make = prompted()
    X = np.eye(6)[[0, 1, 2, 5, 5, 5]]
    plain = make().predict_proba(X)
    assert_array_equal(plain[:3].argmax(axis=1), [0, 1, 2])
    assert_allclose(plain[3], 1 / 3)
    tuned = make().fit(X, np.array([0, 1, 2, 2, 2, 2])).predict_proba(X)
    assert_array_equal(tuned.argmax(axis=1), [0, 1, 2, 2, 2, 2])


def test_rounds_buy_a_label_for_each_class_and_start_their_prompts_anew():
    make = prompted()
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    X = np.eye(6)[y] + 0.3 * rng.normal(size=(60, 6))
    made = []

    def fit(rows, labels):
        made.append(len(labels))
        return make().fit(rows, labels)

    found = active_prompt_rounds(
        X, lambda rows: y[rows], fit, PseudoClassBalance(gamma=0.5), lambda m: m.predict_proba(X).max(), n_classes=3,
        rounds=3, rng=0,
    )  # fmt: skip
    assert made == [3, 6, 9] and len(np.unique(found.rows)) == 9
    assert_array_equal(found.curve.cost, [3, 6, 9])
