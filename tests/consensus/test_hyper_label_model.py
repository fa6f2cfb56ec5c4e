"""The hyper label model (B053): its network, the law that it learns, and what it says of votes."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.data.cache import Cache
from labelwright.errors import BadInput
from labelwright.evidence import Votes

torch = pytest.importorskip("torch")

from labelwright.consensus import HyperLabelModel, MajorityVote  # noqa: E402
from labelwright.consensus.label_models.hyper import against_the_rest  # noqa: E402
from labelwright.consensus.label_models.hyper_network import HyperNetwork, row_loss  # noqa: E402
from labelwright.consensus.label_models.hyper_training import (  # noqa: E402
    SyntheticVotes,
    better_than_chance,
    chance_of_one,
    dense_logits,
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


def entries_of(x):
    """Return a table (n, m) in {-1, 0, 1} as the network reads votes of two classes."""
    return against_the_rest(VoteTable.of(Votes.from_matrix(np.select([x > 0, x < 0], [1, 0], -1), 2)), 1)


def test_p121_the_sparse_network_and_that_of_the_training_are_the_dense_one():
    torch.manual_seed(0)
    net = HyperNetwork()
    x = np.random.default_rng(0).integers(-1, 2, (2, 9, 4))
    x[:, 3] = 0
    in_training = dense_logits(net, torch.from_numpy(x).float()).detach()
    for i in range(2):
        assert_allclose(net(entries_of(x[i])).detach(), dense_forward(net, x[i]), atol=1e-5)
        assert_allclose(in_training[i], dense_forward(net, x[i]), atol=1e-5)


def test_p121_chances_are_the_law_of_the_tables_itself():
    """All votes and labellings of a small table, each negated as the law says: what share has class 1?"""
    n, m = 3, 2
    votes = np.array(list(product([-1, 0, 1], repeat=n * m))).reshape(-1, n, m)
    labels = np.array(list(product([0, 1], repeat=n)))
    made = {}
    for y in labels:
        for x in better_than_chance(votes, np.broadcast_to(y, (len(votes), n))):
            made.setdefault(x.tobytes(), []).append(y)
    tables = torch.from_numpy(np.array([np.frombuffer(x, dtype=np.int64).reshape(n, m) for x in made])).float()
    wanted = np.array([np.mean(ys, axis=0) for ys in made.values()])
    every = SimpleNamespace(integers=lambda *a, **k: labels.astype(np.int8))  # each labelling once, as a draw
    found = chance_of_one(tables, len(labels), every, torch.zeros(len(tables), n))
    assert_allclose(found, wanted, atol=1e-6)


def test_a_table_that_no_draw_fits_keeps_its_labels():
    votes = torch.tensor([[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]])  # fits labels 1, 1 and 0, 0 alone
    rng = SimpleNamespace(integers=lambda *a, **k: np.array([[0, 1]], dtype=np.int8))
    labels = torch.tensor([[1.0, 0.0]])
    assert chance_of_one(votes, 1, rng, labels).equal(labels)


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


def test_known_labels_leave_the_trained_network_alone(model):
    table, truth = world()
    votes = Votes.from_matrix(table, 2)
    before = model.fit(votes).predict_proba(votes)
    model.fit(votes, truth)
    assert_array_equal(model.fit(votes).predict_proba(votes), before)


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
    monkeypatch.setattr("labelwright.consensus.label_models.hyper_training.Loop", None)
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
    assert one.votes.equal(two.votes) and one.target.equal(two.target) and len(one) == 2
    assert not np.array_equal(one.votes, made[np.array([5, 6])].votes)


def test_one_class_and_no_training_are_told_or_answered(model):
    votes = Votes.from_matrix([[0, 0], [0, -1]], n_classes=1)
    assert_allclose(model.fit(votes).predict_proba(votes), 1)
    with pytest.raises(BadInput, match="no training"):
        HyperLabelModel(steps=0)
