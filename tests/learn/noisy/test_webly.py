"""P036: plain self-training as a special case, anchors by captions, and captions lent by images that look alike."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import (  # noqa: E402
    CAPro,
    capro,
    collective_bootstrap,
    enhanced_texts,
    joint_prediction,
    mended_labels,
    mutual_neighbor_graph,
    text_prototype_match,
)
from labelwright.nn import MLP, TABLE_VIEWS, Loop, Task, Training  # noqa: E402


def search_results(n: int = 90, seed: int = 0) -> tuple[Task, np.ndarray, np.ndarray, np.ndarray]:
    """Return a task whose web labels are wrong for half of class 0, captions, definitions and the truth."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    x = (4 * np.eye(3)[y] + 0.5 * rng.normal(size=(n, 3))).astype(np.float32)
    web = np.where((y == 1) & (rng.random(n) < 0.5), 0, y)
    texts = np.eye(3)[y] + 0.1 * rng.normal(size=(n, 3))
    texts[rng.random(n) < 0.3] = 0
    return Task(x, Hard(web, 3), net=MLP((16,)), views=TABLE_VIEWS), texts, np.eye(3), y


def test_without_prototypes_labels_are_mended_by_plain_self_training():
    """With α = 1 the rule is: relabel at 0.6, keep from 1/K, else drop [P036]."""
    torch.manual_seed(0)
    logits, labels = 2 * torch.randn(200, 4), torch.randint(0, 4, (200,))
    ours = mended_labels(joint_prediction(logits, torch.randn(200, 4), alpha=1.0), labels)
    for p, y, answer in zip(logits.softmax(1).tolist(), labels.tolist(), ours.tolist(), strict=True):
        expected = int(np.argmax(p)) if max(p) >= 0.6 else y if p[y] >= 1 / 4 else -1
        assert answer == expected


def test_without_bootstrap_the_auxiliary_target_is_the_label():
    """β = 0: the low-dimensional loss is cross-entropy with the labels [P036]."""
    task, texts, definitions, _ = search_results()
    objective = CAPro(texts, definitions, bootstrap=0.0, anchors=5, neighbors=5, size=8, queue=16)
    Loop(objective, task, Training(epochs=1, device="cpu"))
    v, keys = (torch.nn.functional.normalize(torch.randn(6, 8), dim=1) for _ in range(2))
    labels = torch.tensor([0, 1, 2, -1, 1, 0])
    expected = torch.nn.functional.cross_entropy(objective.auxiliary(v), labels, ignore_index=-1)
    torch.testing.assert_close(objective._bootstrapped(v, keys, labels), expected)


def test_a_row_without_label_is_relabelled_or_left():
    probs = torch.tensor([[0.9, 0.1], [0.55, 0.45]])
    assert mended_labels(probs, torch.tensor([-1, -1])).tolist() == [0, -1]


def test_the_bootstrap_is_a_distribution_and_leans_to_similar_keys():
    keys = torch.nn.functional.normalize(torch.randn(10, 4), dim=1)
    said = collective_bootstrap(keys, keys, torch.rand(10, 3).softmax(dim=1))
    torch.testing.assert_close(said.sum(dim=1), torch.ones(10))
    assert collective_bootstrap(torch.eye(2), -torch.eye(2), torch.eye(2)).tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_rows_of_the_graph_sum_to_one_and_hold_no_self_weight():
    x = np.random.default_rng(0).normal(size=(50, 4))
    graph = mutual_neighbor_graph(x, 5)
    assert_allclose(np.asarray(graph.sum(axis=1)).ravel(), 1)
    assert_array_equal(graph.diagonal(), 0)


def test_weights_are_jaccard_similarities_of_mutual_neighbours():
    """Two pairs far apart, k = 1: each is the other's only mutual neighbour, similarity 1 [P036]."""
    graph = mutual_neighbor_graph([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]], 1).toarray()
    assert_array_equal(graph, [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]])


def test_an_empty_caption_is_filled_by_images_that_look_alike():
    looks = np.array([[1.0, 0], [1, 0.1], [1, 0.05], [0, 1], [0.1, 1], [0.05, 1]])
    texts = np.array([[0.0, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1]])
    assert_allclose(enhanced_texts(texts, looks, 2)[0], [1, 0])


def test_anchors_are_ranked_within_each_class():
    texts = np.array([[1.0, 0], [0.1, 1], [0.2, 1], [1, 0.1]])
    anchors = text_prototype_match(texts, np.eye(2), [0, 0, 1, 1], 1)
    assert_array_equal(anchors, [[True, False], [False, False], [False, True], [False, False]])


def test_an_image_may_have_several_web_labels():
    anchors = text_prototype_match([[1.0, 0.5], [0.1, 1]], np.eye(2), [[True, True], [False, True]], 1)
    assert_array_equal(anchors, [[True, False], [False, True]])


def test_an_image_without_any_text_is_no_anchor():
    assert not text_prototype_match([[0.0, 0.0]], np.eye(2), [0], 5).any()


def test_it_finds_the_anchors_and_mends_the_labels():
    task, texts, definitions, y = search_results()
    objective = CAPro(texts, definitions, anchors=8, neighbors=5, start=3, clean_from=5, size=16, queue=64)
    loop = capro(task, objective, Training(epochs=15, batch_size=16, device="cpu"), Training(epochs=3, device="cpu"))
    anchored = objective.anchor_class.numpy() >= 0
    assert (objective.anchor_class.numpy() == y)[anchored].mean() > 0.9
    assert (loop.predict_proba(rows=np.arange(90)).argmax(dim=1).numpy() == y).mean() > 0.9
    assert (objective.cleaned.numpy()[anchored] == objective.anchor_class.numpy()[anchored]).all()


def test_before_it_starts_the_encoder_stays():
    task, texts, definitions, _ = search_results()
    objective = CAPro(texts, definitions, anchors=8, neighbors=5, start=2, clean_from=2, size=16, queue=64)
    loop = Loop(objective, task, Training(epochs=3, device="cpu"))
    before = [p.clone() for p in objective.net.body.parameters()]
    loop.fit(epochs=2)
    assert all(torch.equal(a, b) for a, b in zip(before, objective.net.body.parameters(), strict=True))
    loop.fit(epochs=1)
    assert not torch.equal(before[0], next(objective.net.body.parameters()))


@pytest.mark.parametrize(
    "settings", [{"alpha": 2.0}, {"temperature": 0.0}, {"anchors": 0}, {"start": 5, "clean_from": 3}]
)
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(BadInput):
        CAPro(np.zeros((3, 2)), np.eye(2), **settings)


def test_captions_that_do_not_fit_the_rows_are_refused():
    task, texts, definitions, _ = search_results()
    with pytest.raises(BadInput, match="89 captions"):
        Loop(CAPro(texts[:-1], definitions), task, Training(epochs=1, device="cpu"))


def test_captions_by_another_encoder_than_the_definitions_are_refused():
    with pytest.raises(BadInput, match="encoder"):
        text_prototype_match(np.ones((2, 3)), np.ones((2, 4)), [0, 1])
