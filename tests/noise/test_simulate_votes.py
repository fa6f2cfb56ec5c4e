"""Votes of many sources."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from labelwright.errors import BadInput
from labelwright.noise.simulate_votes import ask_by_coverage, ask_each, cast_votes, glad_votes
from labelwright.noise.sources import Sources
from labelwright.noise.transition import TransitionMatrix

N, K = 20_000, 3
Y = np.random.default_rng(0).integers(0, K, N)


def _accuracy(votes, source):
    mine = (votes.source == source) & (votes.value >= 0)
    return (votes.value[mine] == Y[votes.row[mine]]).mean()


def test_perfect_sources_say_the_truth_of_every_row():
    votes = cast_votes(Y, Sources.skilled(np.ones(4), K), seed=0)
    assert_array_equal(votes.value, Y[votes.row])
    assert (votes.requested_rate, votes.realised_rate, len(votes.changed), len(votes.row)) == (0.0, 0.0, 0, 4 * N)


def test_each_source_has_its_own_accuracy():
    votes = cast_votes(Y, Sources.skilled([0.5, 0.7, 0.95], K), seed=0)
    assert_allclose([_accuracy(votes, j) for j in range(3)], [0.5, 0.7, 0.95], atol=0.015)
    assert votes.requested_rate == pytest.approx(1 - (0.5 + 0.7 + 0.95) / 3)
    assert abs(votes.realised_rate - votes.requested_rate) < 0.01


def test_answers_follow_the_confusion_matrix():
    t = TransitionMatrix.random(0.6, K, seed=1)
    votes = cast_votes(Y, Sources.of([t]), seed=0)
    assert np.abs(TransitionMatrix.from_labels(Y, votes.value, K).matrix - t.matrix).max() < 0.02


def test_adversaries_are_mostly_wrong_and_spammers_at_chance():
    votes = cast_votes(Y, Sources.adversaries(1, K, 0.9) + Sources.spammers(1, K), seed=0)
    assert_allclose([_accuracy(votes, 0), _accuracy(votes, 1)], [0.1, 1 / 3], atol=0.015)
    assert votes.sources is not None
    assert votes.sources.role == ("adversary", "spammer")


def test_a_spammer_with_one_answer_gives_only_that():
    votes = cast_votes(Y, Sources.spammers(1, K, answer=2), seed=0)
    assert (votes.value == 2).all()


def test_full_difficulty_makes_everyone_guess_and_none_changes_nothing():
    sources = Sources.skilled([1.0], K)
    hard = np.zeros(N)
    hard[: N // 2] = 1
    votes = cast_votes(Y, sources, seed=0, difficulty=hard)
    assert abs((votes.value[: N // 2] == Y[: N // 2]).mean() - 1 / 3) < 0.02
    assert_array_equal(votes.value[N // 2 :], Y[N // 2 :])
    assert votes.requested_rate == pytest.approx(1 / 3)


def test_coverage_decides_how_often_a_source_is_asked():
    votes = cast_votes(Y, Sources.skilled(np.ones(3), K, coverage=[0.0, 0.1, 1.0]), seed=0)
    assert_allclose(np.bincount(votes.source, minlength=3) / N, [0, 0.1, 1], atol=0.01)


def test_abstaining_leaves_a_vote_without_value():
    votes = cast_votes(Y, Sources.skilled([1.0], K, abstain=0.25), seed=0)
    assert abs((votes.value == -1).mean() - 0.25) < 0.015
    assert votes.realised_rate == 0.0


def test_full_copiers_say_what_their_leader_says():
    sources = Sources.skilled([0.6, 0.9], K).with_copiers(2, leader=0, copy_rate=1.0, accuracy=0.5)
    votes = cast_votes(Y, sources, seed=0)
    table = votes.value.reshape(N, 4)
    assert_array_equal(table[:, 2], table[:, 0])
    assert_array_equal(table[:, 3], table[:, 0])
    assert_array_equal(votes.copied.reshape(N, 4).sum(axis=0), [0, 0, N, N])
    assert votes.requested_rate == pytest.approx(1 - (0.6 * 3 + 0.9) / 4)


def test_copiers_answer_alone_where_the_leader_was_not_asked():
    sources = Sources.skilled([1.0], K, coverage=0.5).with_copiers(1, 0, copy_rate=1.0, accuracy=0.5)
    votes = cast_votes(Y, sources, seed=0)
    led = np.isin(votes.row, votes.row[votes.source == 0])
    copier = votes.source == 1
    assert_array_equal(votes.copied[copier], led[copier])
    alone = copier & ~led
    assert abs((votes.value[alone] == Y[votes.row[alone]]).mean() - 0.5) < 0.02
    assert abs(votes.realised_rate - votes.requested_rate) < 0.01


def test_the_copy_rate_is_how_often_they_copy():
    sources = Sources.skilled([0.7], K).with_copiers(1, 0, copy_rate=0.4, accuracy=0.7)
    votes = cast_votes(Y, sources, seed=0)
    assert abs(votes.copied[votes.source == 1].mean() - 0.4) < 0.015


def test_leaders_keep_their_followers_when_groups_are_joined():
    group = Sources.skilled([0.6], K).with_copiers(1, 0, 1.0, 0.5)
    both = group + group
    assert both.leader.tolist() == [-1, 0, -1, 2]


def test_votes_are_ordered_by_row_and_source_and_never_repeat():
    votes = cast_votes(Y, Sources.skilled(np.full(5, 0.8), K, coverage=0.4), seed=0)
    assert (np.diff(votes.row * 5 + votes.source) > 0).all()


def test_exactly_so_many_sources_are_asked_about_each_row():
    row, source = ask_each(1000, 6, per_row=4, seed=0)
    assert_array_equal(np.bincount(row), np.full(1000, 4))
    assert len(np.unique(row * 6 + source)) == 4000
    assert_allclose(np.bincount(source) / 1000, 4 / 6, atol=0.06)
    votes = cast_votes(Y[:1000], Sources.skilled(np.ones(6), K), seed=0, asked=(row, source))
    assert_array_equal(np.stack([votes.row, votes.source]), np.stack([row, source]))


def test_nobody_is_asked_with_no_coverage():
    row, source = ask_by_coverage(10, [0.0, 0.0], seed=0)
    assert len(row) == len(source) == 0
    votes = cast_votes([0, 1], Sources.skilled([1.0], 2, coverage=0.0), seed=0)
    assert len(votes.row) == 0
    assert np.isnan(votes.realised_rate)


def test_rows_of_unknown_truth_get_no_votes():
    assert cast_votes([-1, 1], Sources.skilled([1.0], 2), seed=0).row.tolist() == [1]


def test_spammers_are_fast_and_hard_rows_slow():
    sources = Sources.skilled([0.8], K) + Sources.spammers(1, K)
    votes = cast_votes(Y, sources, seed=0, difficulty=(Y == 0).astype(float))
    assert_allclose(votes.seconds[(votes.source == 0) & (Y[votes.row] > 0)].mean(), 10, rtol=0.03)
    assert_allclose(votes.seconds[(votes.source == 0) & (Y[votes.row] == 0)].mean(), 20, rtol=0.03)
    assert votes.seconds[votes.source == 1].mean() < 5


def test_glad_votes_are_right_as_often_as_the_model_says():
    skill, easiness = np.array([-1.0, 0.0, 2.0]), 0.5
    votes = glad_votes(Y, skill, easiness, K, seed=0)
    assert_allclose([_accuracy(votes, j) for j in range(3)], expit(skill * np.exp(0.5)), atol=0.015)
    assert abs(votes.realised_rate - votes.requested_rate) < 0.01


def test_skill_and_easiness_beyond_all_bounds_make_certain_answers():
    assert glad_votes(Y[:50], [1e9], 800.0, K, seed=0).realised_rate == 0.0


def test_the_same_seed_gives_the_same_votes():
    sources = Sources.skilled(np.full(3, 0.7), K, 0.5, 0.1).with_copiers(2, 0, 0.5, 0.6)
    first, second = cast_votes(Y, sources, seed=9), cast_votes(Y, sources, seed=9)
    for name in ("row", "source", "value", "seconds", "copied"):
        assert_array_equal(getattr(first, name), getattr(second, name))


def test_changed_lists_the_rows_with_a_wrong_answer():
    votes = cast_votes(Y, Sources.skilled([0.5], K), seed=0)
    assert_array_equal(votes.changed, np.flatnonzero(votes.value != Y))


def test_wrong_arguments_are_named():
    good = Sources.skilled([0.5], 2)
    with pytest.raises(BadInput, match="cannot be copied"):
        good.with_copiers(1, 0, 0.5, 0.5).with_copiers(1, 1, 0.5, 0.5)
    with pytest.raises(BadInput, match="over 2 and 3 classes"):
        good + Sources.skilled([0.5], 3)
    with pytest.raises(BadInput, match="coverage"):
        Sources.skilled([0.5], 2, coverage=1.5)
    with pytest.raises(BadInput, match="answer 7 is none"):
        Sources.spammers(1, 2, answer=7)
    with pytest.raises(BadInput, match="difficulty holds NaN"):
        cast_votes([0], good, 0, difficulty=np.nan)
    with pytest.raises(BadInput, match="difficulty must lie"):
        cast_votes([0], good, 0, difficulty=2.0)
    with pytest.raises(BadInput, match="same source twice"):
        cast_votes([0], good, 0, asked=([0, 0], [0, 0]))
    with pytest.raises(BadInput, match="beyond"):
        cast_votes([0], good, 0, asked=([1], [0]))
    with pytest.raises(BadInput, match="as many sources"):
        ask_each(3, 2, 3, 0)
