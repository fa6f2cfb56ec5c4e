"""Pixels of masks: the names of the field give the answers of the field (B083), in memory bounded by one image."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import labelwright.audit.pixel_pass as room
from labelwright.audit import (
    segmentation_common_label_issues,
    segmentation_filter_by_class,
    segmentation_find_label_issues,
    segmentation_issues_from_scores,
    segmentation_label_quality_scores,
)
from labelwright.audit.pixel_pass import look_at, lowest
from labelwright.errors import BadInput


def world(dtype=np.float64, n=4, k=3, size=12, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, (n, size // 4, size // 4)).repeat(4, axis=1).repeat(4, axis=2)
    labels = truth.copy()
    labels[:, :3, :3] = (labels[:, :3, :3] + 1) % k
    probs = rng.gamma(0.5, size=(n, k, size, size))
    np.put_along_axis(probs, truth[:, None], 3.0 + rng.random((n, 1, size, size)), axis=1)
    return labels, (probs / probs.sum(axis=1, keepdims=True)).astype(dtype)


@pytest.fixture
def peer():
    return pytest.importorskip("cleanlab.segmentation")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("downsample", [1, 2])
def test_flags_equal_those_of_the_peer(peer, dtype, downsample):
    from cleanlab.segmentation.filter import find_label_issues

    labels, probs = world(dtype)
    theirs = find_label_issues(labels, probs, n_jobs=1, verbose=False, downsample=downsample)
    assert theirs.any()
    assert (segmentation_find_label_issues(labels, probs, downsample=downsample) == theirs).all()


@pytest.mark.parametrize("method", ["softmin", "num_pixel_issues"])
def test_scores_equal_those_of_the_peer(peer, method):
    from cleanlab.segmentation.rank import get_label_quality_scores

    labels, probs = world()
    theirs = get_label_quality_scores(labels, probs, method=method, n_jobs=1, verbose=False)
    ours = segmentation_label_quality_scores(labels, probs, method=method)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)
    assert (ours[1] == theirs[1]).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ">f4", np.float64])
@pytest.mark.parametrize("kind", [np.uint8, np.int64])
def test_scores_are_what_is_given_to_the_class_of_each_pixel(dtype, kind):
    labels, probs = world(np.float32)
    probs = probs.astype(dtype)
    images, pixels = segmentation_label_quality_scores(labels.astype(kind), probs)
    wanted = np.take_along_axis(probs, labels[:, None], axis=1)[:, 0]
    assert (pixels == wanted).all()
    wide = wanted.reshape(len(labels), -1).astype(np.float64)
    weight = np.exp((1 - wide) / 0.1)
    np.testing.assert_allclose(images, (weight * wide).sum(axis=1) / weight.sum(axis=1), rtol=1e-13)


def test_scores_do_not_depend_on_threads_maps_or_the_order_of_axes(tmp_path):
    labels, probs = world(np.float32, n=9)
    np.save(tmp_path / "p.npy", probs)
    last = np.ascontiguousarray(probs.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    alone = segmentation_label_quality_scores(labels, probs, n_jobs=1)
    for given in (probs, np.load(tmp_path / "p.npy", mmap_mode="r"), last):
        both = segmentation_label_quality_scores(labels, given, n_jobs=3)
        assert all(np.array_equal(a, b) for a, b in zip(alone, both, strict=True))


@pytest.mark.parametrize("size", [1, room.PART - 1, room.PART, room.PART + 1])
def test_scores_pooled_in_parts_are_pooled_at_once(size):
    scores = np.random.default_rng(0).random(size).astype(np.float32)
    wide = scores.astype(np.float64)
    for temperature in (0.1, 1e-3, 10.0):
        weight = np.exp((wide.min() - wide) / temperature)
        assert room.softmin(scores, temperature) == pytest.approx(float(weight @ wide / weight.sum()), rel=1e-12)


def test_the_first_bad_mask_is_named_whatever_runs_beside():
    labels, probs = world(n=6)
    labels[2, 0, 0], labels[4, 0, 0] = 3, -1
    for jobs in (1, 4):
        with pytest.raises(BadInput, match="image 2"):
            segmentation_label_quality_scores(labels, probs, n_jobs=jobs)


def test_counts_by_class_and_the_choice_of_a_class_equal_those_of_the_peer(peer):
    from cleanlab.segmentation.summary import common_label_issues, filter_by_class

    labels, probs = world()
    flags = segmentation_find_label_issues(labels, probs)
    theirs = common_label_issues(flags, labels, probs, verbose=False)
    assert segmentation_common_label_issues(flags, labels, probs).to_pandas().values.tolist() == theirs.values.tolist()
    ours = segmentation_filter_by_class(1, flags, labels, probs)
    assert (ours == filter_by_class(1, flags, labels, probs)).all()


def test_a_memory_map_gives_what_memory_gives_and_waits_in_a_file(tmp_path, monkeypatch):
    labels, probs = world(np.float32)
    np.save(tmp_path / "p.npy", probs)
    whole = segmentation_find_label_issues(labels, probs)
    monkeypatch.setattr(room, "IN_MEMORY", 0)
    mapped = np.load(tmp_path / "p.npy", mmap_mode="r")
    assert isinstance(look_at(labels, mapped).given, np.memmap)
    assert (segmentation_find_label_issues(labels, mapped) == whole).all()


def test_half_precision_is_read_as_its_exact_numbers():
    labels, probs = world(np.float16)
    single = segmentation_find_label_issues(labels, probs.astype(np.float32))
    assert (segmentation_find_label_issues(labels, probs) == single).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_lowest_values_are_found_in_parts(dtype):
    values = np.random.default_rng(0).random(1000).round(2).astype(dtype)
    starts = np.array([0, 300, 300, 1000])
    ordered = np.sort(values)
    for wanted in (1, 17, 500, 1000):
        cut, equal = lowest(values, starts, wanted)
        assert cut == ordered[wanted - 1]
        assert equal == wanted - np.count_nonzero(values < dtype(cut))


def test_pixels_of_no_known_class_are_never_flagged():
    labels, probs = world()
    labels[0] = -1
    flags = list(look_at(labels, probs, unknown=True).flags())
    assert not flags[0].any() and flags[1].any()


def test_images_may_differ_in_size():
    labels = [np.zeros((2, 3), int), np.zeros((4, 1), int)]
    probs = [np.full((2, *mask.shape), 0.5) for mask in labels]
    assert [flag.shape for flag in look_at(labels, probs).flags()] == [(2, 3), (4, 1)]


def test_low_scores_become_issues():
    assert segmentation_issues_from_scores([0.3, 0.05, 0.01]).tolist() == [2, 1]
    assert segmentation_issues_from_scores([0.3], np.array([[[0.05, 0.5]]])).tolist() == [[[True, False]]]


@pytest.mark.parametrize(
    ("labels", "probs", "words"),
    [
        (np.zeros((1, 2, 2), int), np.zeros((1, 2, 2, 3)), r"\(n, K, H, W\)"),
        (np.full((1, 2, 2), 5), np.full((1, 2, 2, 2), 0.5), "image 0: the mask holds"),
        (np.zeros((1, 2, 2), int), np.full((1, 2, 2, 2), np.nan), "8 of the probabilities are not"),
        (np.zeros((1, 2, 2), int), np.full((1, 2, 2, 2), 7.0), "8 of the probabilities are not"),
        (np.zeros((0, 2, 2), int), np.zeros((0, 2, 2, 2)), "no mask"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(labels, probs, words):
    with pytest.raises(BadInput, match=words):
        segmentation_find_label_issues(labels, probs)


@pytest.mark.parametrize("kind", ["u1", "i1", "<u2", ">i4", "<i8", ">u8"])
def test_scores_are_the_same_for_masks_of_every_type_and_strange_codes_are_refused(kind):
    rng = np.random.default_rng(3)
    masks = rng.integers(0, 4, (2, 5, 6))
    probs = rng.dirichlet(np.ones(4), (2, 5, 6)).transpose(0, 3, 1, 2)
    images, pixels = segmentation_label_quality_scores(masks.astype(kind), probs)
    assert_array_equal(pixels, np.take_along_axis(probs, masks[:, None], axis=1)[:, 0])
    weights = np.exp((1 - pixels) / 0.1)
    assert_allclose(images, (pixels * weights).sum(axis=(1, 2)) / weights.sum(axis=(1, 2)), rtol=1e-12)
    masks[1, 2, 3] = 4
    with pytest.raises(BadInput, match="image 1: the mask holds other numbers than 0 to 3"):
        segmentation_label_quality_scores(masks.astype(kind), probs)
