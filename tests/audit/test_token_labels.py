"""Tags of tokens: the names of the field give the answers of the field (B082)."""

import numpy as np
import pytest

from labelwright.audit import (
    find_label_issues,
    token_common_label_issues,
    token_filter_by_token,
    token_find_label_issues,
    token_issues_from_scores,
    token_label_quality_scores,
)
from labelwright.errors import BadInput


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 9, 80)
    probs = [rng.dirichlet(np.full(4, 0.3), size) for size in sizes]
    labels = [np.where(rng.random(len(p)) < 0.8, p.argmax(axis=1), rng.integers(0, 4, len(p))).tolist() for p in probs]
    tokens = [[f"w{rng.integers(20)}" for _ in row] for row in labels]
    return labels, probs, tokens


def test_flags_are_those_of_confident_learning_on_all_tokens_laid_end_to_end(world):
    labels, probs, _ = world
    flat = find_label_issues(
        [k for row in labels for k in row], np.concatenate(probs), return_indices_ranked_by="self_confidence"
    )
    places = [(i, j) for i, row in enumerate(labels) for j in range(len(row))]
    assert token_find_label_issues(labels, probs) == [places[k] for k in flat]


@pytest.mark.parametrize("method", ["min", "softmin"])
def test_scores_and_flags_equal_those_of_the_peer(world, method):
    peer = pytest.importorskip("cleanlab.token_classification")
    from cleanlab.token_classification.filter import find_label_issues as peer_issues
    from cleanlab.token_classification.rank import get_label_quality_scores as peer_scores

    assert peer is not None
    labels, probs, _ = world
    assert token_find_label_issues(labels, probs) == peer_issues(labels, probs)
    ours, mine = token_label_quality_scores(labels, probs, sentence_score_method=method)
    theirs, other = peer_scores(labels, probs, sentence_score_method=method)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert all((a == b.to_numpy()).all() for a, b in zip(mine, other, strict=True))


def test_the_words_that_are_most_often_wrong_are_counted_as_by_the_peer(world):
    pytest.importorskip("cleanlab")
    from cleanlab.token_classification.summary import common_label_issues, filter_by_token

    labels, probs, tokens = world
    issues = token_find_label_issues(labels, probs)
    theirs = common_label_issues(issues, tokens, labels=labels, pred_probs=probs, verbose=False)
    ours = token_common_label_issues(issues, tokens, labels=labels, pred_probs=probs)
    assert ours.to_pandas().values.tolist() == theirs.values.tolist()
    plain = common_label_issues(issues, tokens)
    assert token_common_label_issues(issues, tokens).to_pandas().values.tolist() == plain.values.tolist()
    assert token_filter_by_token("W3", issues, tokens) == filter_by_token("W3", issues, tokens)


def test_flat_arrays_with_offsets_say_the_same_as_lists(world):
    labels, probs, _ = world
    offsets = np.cumsum([0, *map(len, labels)])
    flat = np.concatenate(labels), np.concatenate(probs)
    assert token_find_label_issues(*flat, offsets=offsets) == token_find_label_issues(labels, probs)
    pooled = token_label_quality_scores(*flat, offsets=offsets)[0]
    assert (pooled == token_label_quality_scores(labels, probs)[0]).all()


def test_a_sentence_without_tokens_is_not_suspect():
    scores, tokens = token_label_quality_scores([[0], [], [1]], [np.array([[0.6, 0.4]]), [], np.array([[0.3, 0.7]])])
    assert scores.tolist() == [0.6, 1.0, 0.7]
    assert [len(part) for part in tokens] == [1, 0, 1]


def test_low_scores_become_issues_worst_first():
    scores = [np.array([0.05, 0.9]), np.array([0.01])]
    assert token_issues_from_scores([0.05, 0.01], token_scores=scores) == [(1, 0), (0, 0)]
    assert token_issues_from_scores(np.array([0.05, 0.01, 0.5])).tolist() == [1, 0]


def test_sentences_of_different_lengths_are_told_by_their_number():
    with pytest.raises(BadInput, match="sentence 1: 2 labels and 1 rows"):
        token_find_label_issues([[0], [0, 1]], [np.eye(2)[:1], np.eye(2)[:1]])
