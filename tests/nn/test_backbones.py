"""Networks: shapes, features, graphs, and modules of the user's own."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.nn import GAT, GCN, MLP, Linear, Module, ResNet18, SmallCNN, Standardized, TwoTowers, UNet  # noqa: E402
from labelwright.nn.backbones.graph import both_ways, normalized_adjacency  # noqa: E402

EDGES = np.array([[0, 1], [1, 2], [2, 3]])


@pytest.mark.parametrize(
    ("backbone", "shape"),
    [
        (Linear(), (7,)),
        (MLP((5, 6), dropout=0.1, batch_norm=True), (7,)),
        (MLP((5,)), (1, 4, 4)),
        (SmallCNN((4, 8)), (3, 8, 8)),
        (ResNet18(4), (3, 16, 16)),
    ],
)
def test_logits_are_the_head_of_the_features(backbone, shape):
    net = backbone(shape, 3).eval()
    x = torch.randn(2, *shape)
    assert net(x).shape == (2, 3)
    assert net.features(x).shape == (2, net.n_features)
    torch.testing.assert_close(net.head(net.features(x)), net(x))


def test_bytes_are_images_in_zero_to_one():
    net = SmallCNN((4,))((1, 4, 4), 2).eval()
    x = torch.randint(0, 255, (2, 1, 4, 4), dtype=torch.uint8)
    torch.testing.assert_close(net(x), net(x.float() / 255))


def test_a_u_net_gives_logits_a_pixel():
    assert UNet(4, 2)((3, 16, 16), 5)(torch.randn(2, 3, 16, 16)).shape == (2, 5, 16, 16)


def test_towers_compare_by_cosine():
    towers = TwoTowers(torch.nn.Identity(), torch.nn.Identity(), temperature=0.5)
    v = torch.tensor([[3.0, 0.0], [0.0, 2.0]])
    torch.testing.assert_close(towers(v, v), 2 * torch.eye(2))


def test_standardisation_leaves_constants_at_zero():
    layer = Standardized(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 0.0]))
    assert layer(torch.tensor([[3.0, 2.0]])).tolist() == [[1.0, 0.0]]


def test_edges_go_both_ways_once_with_loops():
    assert both_ways([[0, 1], [1, 0]], 2).tolist() == [[0, 0, 1, 1], [0, 1, 0, 1]]
    with pytest.raises(BadInput, match="outside"):
        both_ways([[0, 5]], 2)


def test_the_normalised_adjacency_is_the_papers():
    a = np.eye(4)
    a[EDGES[:, 0], EDGES[:, 1]] = a[EDGES[:, 1], EDGES[:, 0]] = 1
    d = a.sum(axis=1)
    wanted = a / np.sqrt(np.outer(d, d))
    found = normalized_adjacency(both_ways(EDGES, 4), 4).to_dense().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("backbone", [GCN(EDGES, 4, hidden=(5,)), GAT(EDGES, 4, hidden=3, heads=2)])
def test_a_graph_network_follows_the_renaming_of_its_nodes(backbone):
    torch.manual_seed(0)
    net = backbone((6,), 3).eval()
    order = torch.tensor([2, 0, 3, 1])
    renamed = type(backbone)(order.argsort()[torch.from_numpy(EDGES)].numpy(), 4, backbone.hidden)
    if isinstance(backbone, GAT):
        renamed = GAT(order.argsort()[torch.from_numpy(EDGES)].numpy(), 4, hidden=3, heads=2)
    other = renamed((6,), 3).eval()
    other.load_state_dict(net.state_dict())
    x = torch.randn(4, 6)
    torch.testing.assert_close(other(x[order]), net(x)[order])
    assert net.whole


def test_attention_over_neighbours_sums_to_one():
    """With equal projected features every node's output is that feature, whatever the attention."""
    torch.manual_seed(0)
    net = GAT(EDGES, 4, hidden=3, heads=2)((6,), 3).eval()
    x = torch.randn(1, 6).expand(4, 6)
    out = net(x)
    torch.testing.assert_close(out, out[:1].expand(4, 3))


def test_a_module_of_ones_own_is_copied_and_tells_its_features():
    own = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    make = Module(own)
    net = make((4,), 2)
    x = torch.randn(3, 4)
    torch.testing.assert_close(net(x), own(x))
    torch.testing.assert_close(net.features(x), own[1](own[0](x)))
    other = make((4,), 2)
    assert not torch.equal(other(x), own(x))  # a second network starts from another head
    with pytest.raises(BadInput, match="2 outputs"):
        Module(own)((4,), 3)
    with pytest.raises(BadInput, match="no torch module"):
        Module("resnet")


def test_a_module_with_shared_weights_counts_each_parameter_once():
    own = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    net = Module(own)((4,), 2)
    assert sum(p.numel() for p in net.parameters()) == sum(p.numel() for p in own.parameters())
