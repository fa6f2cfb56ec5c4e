"""P034: coding rates of one class, the mass that propagation keeps, and nodes without labels."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import (  # noqa: E402
    ERASE,
    class_coding_rate,
    coding_rate,
    decoupled_label_propagation,
    erase_loss,
    propagate,
)
from labelwright.learn.noisy.graph_erase import column_normalized  # noqa: E402
from labelwright.nn import AdamW, Linear, Loop, Task, Training  # noqa: E402
from labelwright.nn.backbones.graph import both_ways  # noqa: E402


def two_communities(n: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    pairs = [(i, j) for i in range(n) for j in range(i) if rng.random() < (0.3 if y[i] == y[j] else 0.02)]
    x = (rng.normal(size=(n, 6)) + 2 * y[:, None]).astype(np.float32)
    return x, np.array(pairs), y


def test_of_one_class_alone_the_loss_is_a_multiple_of_the_coding_rate():
    """One class only gives R_c = R (g1 = 1), so the loss is (1 − g2) R [P034]."""
    torch.manual_seed(0)
    z, one = torch.randn(9, 4, dtype=torch.float64), torch.zeros(9, dtype=torch.int64)
    torch.testing.assert_close(class_coding_rate(z, one), coding_rate(z))
    torch.testing.assert_close(erase_loss(z, one, g2=3.0), -2 * coding_rate(z))


def test_propagation_conserves_the_mass_of_every_class():
    """With A D⁻¹ each step keeps column sums over nodes that have edges [P034]."""
    _, pairs, _ = two_communities()
    edges = both_ways(pairs, 40, self_loops=False)
    linked = torch.from_numpy(np.bincount(edges[0], minlength=40) > 0)
    y = torch.rand(40, 3) * linked[:, None]
    torch.testing.assert_close(propagate(column_normalized(edges, 40), y, 0.6, 5).sum(dim=0), y.sum(dim=0))


def test_only_edges_between_labelled_nodes_correct_labels():
    edges = both_ways([[0, 1], [1, 2]], 3, self_loops=False)
    adjacency = column_normalized(edges, 3, np.array([True, True, False])).to_dense()
    assert adjacency.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]


def test_a_class_without_labelled_nodes_is_guarded():
    features = torch.rand(4, 3)
    corrected = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 0], [0, 0, 0]])
    adjacency = column_normalized(both_ways([[0, 2], [1, 3]], 4, self_loops=False), 4)
    labels = decoupled_label_propagation(
        features, corrected, torch.tensor([True, True, False, False]), adjacency, 0.6, 0.6, 2
    )
    assert set(labels.tolist()) <= {0, 1}


def test_it_separates_two_communities_from_partly_wrong_labels():
    x, pairs, y = two_communities()
    given = np.full(40, -1)
    given[:16] = y[:16]
    given[:3] = 1 - y[:3]
    task = Task(x, Hard(given, 2), net=Linear())
    loop = Loop(ERASE(pairs, 16, hidden=16), task, Training(epochs=20, optimizer=AdamW(1e-2), device="cpu"))
    loop.fit()
    probs = loop.predict_proba(x)
    torch.testing.assert_close(probs.sum(dim=1), torch.ones(40))
    assert (probs.argmax(dim=1).numpy() == y).mean() > 0.9
    assert (loop.objective.labels.numpy() == y).mean() > 0.9
    with pytest.raises(BadInput, match="nodes"):
        loop.predict_proba(x[:5])


@pytest.mark.parametrize("settings", [{"a": 1.5}, {"eps": 0.0}, {"heads": 3}, {"size": 0}])
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(BadInput):
        ERASE([[0, 1]], **settings)


def test_a_graph_without_labels_is_refused():
    task = Task(np.zeros((3, 2), np.float32), Hard([-1, -1, -1], 2), net=Linear())
    with pytest.raises(BadInput, match="no node"):
        Loop(ERASE([[0, 1]]), task, Training(epochs=1, device="cpu"))


def test_an_edge_to_a_node_that_is_not_there_is_refused():
    task = Task(np.zeros((3, 2), np.float32), Hard([0, 1, -1], 2), net=Linear())
    with pytest.raises(BadInput, match="outside"):
        Loop(ERASE([[0, 7]]), task, Training(epochs=1, device="cpu"))
