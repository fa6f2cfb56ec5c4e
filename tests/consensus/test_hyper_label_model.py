from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.data.cache import Cache
from labelwright.errors import BadInput
from labelwright.evidence import Votes

torch = pytest.importorskip("torch")

from labelwright.consensus import HyperLabelModel, MajorityVote  # noqa: E402
from labelwright.consensus.label_models.hyper import against_the_rest  # noqa: E402
from labelwright.consensus.label_models.hyper_network import (  # noqa: E402
    HyperNetwork,
    SyntheticVotes,
    better_than_chance,
    entries_of,
    row_loss,
)
from labelwright.consensus.table import VoteTable  # noqa: E402


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return HyperLabelModel(steps=60, tables=8, cache=Cache(tmp_path_factory.mktemp("weights")))


def world(n=60, m=6, k=2, seed=0, coverage=0.7):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    table = np.where(rng.random((n, m)) < 0.75, truth[:, None], rng.integers(0, k, (n, m)))
    table[rng.random((n, m)) > coverage] = -1
    return table, truth


def dense_forward(net, x):
    """The paper's network on a table (n, m) in {-1, 0, 1}, written with dense arrays."""
    mask = (x != 0).astype(float)[:, :, None]
    h = x.astype(float)[:, :, None]

    def mean(h, axis):
        return (h * mask).sum(axis=axis, keepdims=True) / np.maximum(mask.sum(axis=axis, keepdims=True), 1e-9)

    def linear(layer, h):
        out = h @ layer.weight.detach().double().numpy().T
        return out if layer.bias is None else out + layer.bias.detach().double().numpy()

    def leaky(h):
        return np.where(h > 0, h, 0.01 * h)

    for layer in net.layers:
        parts = linear(layer.own, h) + linear(layer.by_row, mean(h, 1)) + linear(layer.by_source, mean(h, 0))
        h = leaky(parts + linear(layer.by_table, mean(h, (0, 1))))
    h = mean(h, 1)[:, 0]
    first, _, second, _, last = net.judge
    return linear(last, leaky(linear(second, leaky(linear(first, h)))))[:, 0]


def test_p121_the_sparse_network_is_the_dense_one():
    torch.manual_seed(0)
    net = HyperNetwork()
    x = np.random.default_rng(0).integers(-1, 2, (9, 4))
    entries = entries_of(x[None], np.zeros((1, 9)))
    assert_allclose(net(entries).detach(), dense_forward(net, x), atol=1e-5)


def test_tables_of_one_batch_do_not_see_each_other():
    torch.manual_seed(0)
    net = HyperNetwork()
    x = np.random.default_rng(0).integers(-1, 2, (2, 7, 5))
    both = net(entries_of(x, np.zeros((2, 7)))).detach().view(2, 7)
    for i in range(2):
        assert_allclose(both[i], net(entries_of(x[i : i + 1], np.zeros((1, 7)))).detach(), atol=1e-6)


def test_p121_the_order_of_rows_and_sources_does_not_matter(model):
    table, _ = world()
    rng = np.random.default_rng(1)
    rows, sources = rng.permutation(len(table)), rng.permutation(table.shape[1])
    straight = model.fit(Votes.from_matrix(table, 2)).predict_proba(Votes.from_matrix(table, 2))
    shuffled = Votes.from_matrix(table[rows][:, sources], 2)
    assert_allclose(model.fit(shuffled).predict_proba(shuffled), straight[rows], atol=1e-5)


@pytest.mark.parametrize("k", [2, 3])
def test_relabelling_classes_permutes_the_answers(model, k):
    table, _ = world(k=k)
    order = np.arange(k)[::-1]
    named = np.where(table < 0, -1, order[table])
    straight = model.fit(Votes.from_matrix(table, k)).predict_proba(Votes.from_matrix(table, k))
    assert_allclose(
        model.fit(Votes.from_matrix(named, k)).predict_proba(Votes.from_matrix(named, k)), straight[:, order]
    )


def test_a_weight_of_two_is_a_vote_twice(model):
    table, _ = world()
    votes = Votes.from_matrix(table, 2)
    heavy = Votes(votes.row, votes.source, votes.value, 60, 6, 2, np.full(len(votes.row), 2.0))
    assert_allclose(model.fit(heavy).predict_proba(heavy), model.fit(votes).predict_proba(votes), atol=1e-5)


def test_few_steps_already_follow_the_majority(model):
    table, truth = world(n=300, m=9, coverage=1.0)
    votes = Votes.from_matrix(table, 2)
    found = model.fit(votes).predict_proba(votes).argmax(axis=1)
    majority = MajorityVote().fit(votes).predict_proba(votes).argmax(axis=1)
    assert (found == majority).mean() > 0.9 and (found == truth).mean() > 0.8


def test_rows_without_votes_get_the_class_balance_and_sources_their_accuracy(model):
    table, _ = world()
    table[3] = -1
    votes = Votes.from_matrix(table, 2)
    fitted = model.fit(votes)
    assert_allclose(fitted.predict_proba(votes)[3], fitted.class_balance_)
    probs = fitted.predict_proba(votes)
    rows = np.flatnonzero(table[:, 2] >= 0)
    assert_allclose(fitted.source_quality().accuracy[2], probs[rows, table[rows, 2]].mean())


def test_training_comes_once_for_each_seed_and_setting(tmp_path, monkeypatch):
    votes = Votes.from_matrix(world()[0], 2)
    settings = {"steps": 2, "tables": 2, "cache": Cache(tmp_path)}
    first = HyperLabelModel(**settings).fit(votes).predict_proba(votes)
    other = HyperLabelModel(seed=1, **settings).fit(votes).predict_proba(votes)
    monkeypatch.setattr("labelwright.consensus.label_models.hyper_network.Loop", None)
    assert_array_equal(HyperLabelModel(**settings).fit(votes).predict_proba(votes), first)
    assert np.abs(other - first).max() > 0


def test_known_labels_move_the_answers_towards_them(model):
    table, truth = world(n=100)
    votes = Votes.from_matrix(table, 2)
    gold = np.where(np.arange(100) < 80, truth, -1)
    table_ = VoteTable.of(votes)
    sides = [against_the_rest(table_, label, gold) for label in range(2)]

    def loss(net):
        return sum(row_loss(net(side), side).item() for side in sides)

    plain = model.fit(votes).net_
    assert loss(model.fit(votes, gold).net_) < loss(plain)


def test_negated_classes_leave_sources_better_than_chance():
    rng = np.random.default_rng(0)
    labels, votes = rng.integers(0, 2, (20, 30)), rng.integers(-1, 2, (20, 30, 7))
    out = better_than_chance(votes, labels)
    assert_array_equal(np.abs(out), np.abs(votes))
    for label, right in ((0, -1), (1, 1)):
        score = np.stack([(out[t, labels[t] == label] * right).sum(axis=0) for t in range(20)])
        assert ((score < 0).sum(axis=1) * 2 <= 7).all()


def test_a_number_makes_the_same_tables_again():
    made = SyntheticVotes(10, rows=(5, 9), sources=(2, 4))
    one, two = made[np.array([3, 4])], made[np.array([3, 4])]
    assert one.value.equal(two.value) and one.labels.equal(two.labels)
    assert one.n_tables == 2 and not one.labels.equal(made[np.array([5, 6])].labels)


def test_one_class_and_no_training_are_told_or_answered(model):
    votes = Votes.from_matrix([[0, 0], [0, -1]], n_classes=1)
    assert_allclose(model.fit(votes).predict_proba(votes), 1)
    with pytest.raises(BadInput, match="no training"):
        HyperLabelModel(steps=0)
