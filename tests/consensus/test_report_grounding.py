"""P039: what a report says is found, placed and outlined, or left alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

from labelwright.consensus import (
    CandidateLesions,
    FindingParser,
    ground_report,
    match_findings,
    refine_component,
    refine_contour,
)
from labelwright.data import blob_volumes
from labelwright.errors import BadInput
from labelwright.metrics.masks import dice


def read(text):
    return [(f.value, f.slice_number) for f in FindingParser().parse(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Lung nodule with SUVmax 12.3 on slice 145.",
        "Lung nodule, SUV max of 12.3, axial image #145.",
        "Hypermetabolic lung nodule (maximum SUV: 12.3; image 145).",
        "Lung nodule on image 145 with SUVmax of 12.3.",
        "Lung nodule with SUVmax 12.3 on axial slcie 145.",
    ],
)
def test_value_and_slice_are_read_however_they_are_written(text):
    assert read(text) == [(12.3, 145)]


@pytest.mark.parametrize(
    "text",
    [
        "Lung nodule with SUVmax 12.3.",
        "Lung nodule on slice 145.",
        "Lung nodule with SUVmax 2.1 on slice 145.",
        "Something with SUVmax 12.3 on slice 145.",
        "Lung nodule with SUVmax 12.3 on slice 145 and slice 150.",
        "Lung nodules with SUVmax 12.3 and 8.1 on slice 145.",
        "Liver reference SUVmax 3.3 on slice 90.",
        "",
    ],
)
def test_sentences_that_cannot_be_placed_surely_are_dropped(text):
    assert read(text) == []


def test_the_present_value_counts_where_the_previous_one_is_told_too():
    assert read("Lung nodule with SUVmax 12.3 on slice 145, previously 8.1.") == [(12.3, 145)]
    assert read("Lung nodule, previously SUVmax 8.1, now SUVmax 12.3 on slice 145.") == [(12.3, 145)]


def test_the_training_sentence_holds_neither_number():
    (found,) = FindingParser().parse("Left 12 mm lung nodule with SUVmax 12.3 on slice 145.")
    assert "12.3" not in found.training_text and "145" not in found.training_text
    assert "12 mm" in found.training_text and found.side == "left"
    assert FindingParser().parse("Left and right lung, SUVmax 12.3, slice 145.")[0].side is None


def world(seed=0, **more):
    worlds = blob_volumes(1, size=32, noise=0.0, seed=seed, **more)
    volume, blobs = worlds.volumes[0].astype(float), worlds.blobs[0]
    there = blobs[:, 0] >= 0
    return volume, blobs[there], worlds.peaks[0][there], worlds.masks[0][there]


def report_of(volume, blobs, masks, count=lambda z: z):
    return " ".join(
        f"Lung nodule with SUVmax {volume[mask].max():.1f} on slice {count(blob[0])}."
        for blob, mask in zip(blobs, masks, strict=True)
    )


@pytest.mark.parametrize("count", [lambda z: z, lambda z: z + 1, lambda z: 32 - z, lambda z: 31 - z])
def test_every_ball_is_found_however_slices_are_counted(count):
    volume, blobs, _, masks = world(3)
    found = ground_report(report_of(volume, blobs, masks, count), volume)
    assert len(found) == len(blobs)
    for one in found:
        mask = masks[one.finding.sentence]
        assert mask[one.place] and dice(one.mask, mask) > 0.8


def test_p039_the_order_of_sentences_permutes_the_answers():
    volume, blobs, _, masks = world(3)
    order = np.random.default_rng(0).permutation(len(blobs))
    first = ground_report(report_of(volume, blobs, masks), volume)
    second = ground_report(report_of(volume, blobs[order], masks[order]), volume)
    for one in second:
        (same,) = [f for f in first if f.finding.sentence == order[one.finding.sentence]]
        assert_array_equal(one.mask, same.mask)


def test_two_balls_alike_on_one_slice_are_ambiguous_and_dropped():
    volume = np.ones((20, 20, 20))
    volume[10, 5, 5] = volume[10, 15, 15] = 9.0
    assert match_findings(FindingParser().parse("Lung nodule with SUVmax 9.0 on slice 10."), volume) == []


def test_a_value_that_no_component_has_is_not_placed():
    volume, blobs, _, masks = world(1, counts=(1, 1))
    wrong = f"Lung nodule with SUVmax {volume[masks[0]].max() + 0.5:.1f} on slice {blobs[0][0]}."
    assert match_findings(FindingParser().parse(wrong), volume) == []


def test_p039_one_ball_gives_the_iso_contour_at_the_fixed_point():
    volume, blobs, peaks, _ = world(2, counts=(1, 1), radii=(3.0, 3.5), peaks=(8.0, 12.0))
    place, value = tuple(blobs[0].tolist()), float(peaks[0])
    region = refine_component(volume, place, value)
    shell = ndimage.binary_dilation(region, np.ones((3, 3, 3)), iterations=3) & ~region
    threshold = (0.078 / (0.064 * region.sum()) + 0.617 * volume[shell].mean() / value + 0.316) * value
    labels, _ = ndimage.label(volume > threshold)
    again = labels == labels[place]
    assert (again != region).sum() <= 0.1 * region.sum()
    inside, outside = volume[region].min(), volume[ndimage.binary_dilation(region) & ~region].max()
    assert inside > outside


def test_growing_by_layers_never_leaves_the_component_and_gives_up_in_flat_lesions():
    volume, blobs, peaks, masks = world(2, counts=(1, 1))
    place, value = tuple(blobs[0].tolist()), float(peaks[0])
    grown = refine_contour(volume, place, value)
    assert grown is not None and grown[place] and dice(grown, masks[0]) > 0.8
    assert ndimage.label(grown)[1] == 1
    axes = np.mgrid[:40, :40, :40] - 20
    flat = np.where(np.sqrt((axes**2).sum(axis=0)) <= 12, 9.0, 1.0)
    assert refine_contour(flat, (20, 20, 20), 9.0) is None
    assert dice(refine_component(flat, (20, 20, 20), 9.0), flat > 5) > 0.99


def test_candidates_know_their_slices_and_peaks():
    volume = np.ones((9, 9, 9))
    volume[2:5, 4, 4] = [5.0, 9.0, 6.0]
    found = CandidateLesions.of(volume, 9.0)
    assert (found.first[0], found.last[0], found.peak[0]) == (2, 4, 9.0)
    assert_array_equal(found.place, [[3, 4, 4]])
    assert len(found.fitting(9.05, 4)) == 1 and len(found.fitting(9.0, 5)) == 0 == len(found.fitting(8.7, 3))
    assert len(CandidateLesions.of(np.ones((3, 3, 3)), 9.0).peak) == 0


def test_a_lesion_far_on_the_other_side_is_dropped():
    volume = np.ones((40, 40, 40))
    volume[18:23, 18:23, 34:39] = 9.0
    volume[20, 20, 36] = 9.6
    text = "{} lung nodule with SUVmax 9.6 on slice 20."
    assert len(ground_report(text.format("Left"), volume)) == 1
    assert len(ground_report(text.format("Right"), volume)) == 0
    assert len(ground_report(text.format("Right"), volume, left_is_high=False)) == 1


def test_volumes_and_places_must_fit():
    with pytest.raises(BadInput):
        ground_report("Lung nodule with SUVmax 9.6 on slice 20.", np.ones((4, 4)))
    with pytest.raises(BadInput, match="does not fit"):
        refine_contour(np.ones((4, 4, 4)), (9, 0, 0), 5.0)
    with pytest.raises(BadInput, match="anatomical"):
        FindingParser(anatomy=())


def segmenter(**more):
    pytest.importorskip("torch")
    from labelwright.consensus import TextGroundedSegmenter

    return TextGroundedSegmenter(width=2, **more)


def test_the_segmenter_hears_words_and_the_same_seed_gives_the_same_voxels():
    model = segmenter(epochs=2)
    rng = np.random.default_rng(0)
    volumes, masks = rng.random((4, 8, 8, 8)) + 1, rng.random((4, 8, 8, 8)) < 0.1
    said = ["left node", "right node", "left node", ""]
    first = model.fit(volumes, said, masks).predict_proba(volumes, said)
    again = segmenter(epochs=2).fit(volumes, said, masks).predict_proba(volumes, said)
    assert_array_equal(first, again)
    other = model.predict_proba(volumes[:1], ["right node"])
    assert first.shape == (4, 8, 8, 8) and np.abs(other - first[:1]).max() > 0
    with pytest.raises(BadInput, match="do not fit"):
        model.fit(volumes, said[:2], masks)
    with pytest.raises(BadInput, match="not fitted"):
        segmenter().predict(volumes, said)


def test_attention_reads_words_alone_and_gates_by_multiplication():
    torch = pytest.importorskip("torch")
    from labelwright.consensus.text_segmenter import TokenAttention

    torch.manual_seed(0)
    attend = TokenAttention(4, 6)
    features, tokens = torch.randn(1, 4, 2, 2, 2), torch.randn(1, 3, 6)
    words = torch.tensor([[True, True, False]])
    first = attend(features, tokens, words)
    changed = tokens.clone()
    changed[0, 2] = 100.0
    assert torch.equal(first, attend(features, changed, words))
    assert (first.abs() <= features.abs()).all()
    assert torch.equal(attend(torch.zeros_like(features), tokens, words), torch.zeros_like(features))
