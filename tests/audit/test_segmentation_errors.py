"""Auditors of masks: suspect regions by a model, and what is odd in masks themselves."""

import numpy as np
import pytest
from PIL import Image

from labelwright import Audit
from labelwright.audit import OddMasks, SegmentationErrors
from labelwright.data.parts.mask_files import load_masks
from labelwright.data.parts.regions import read_region
from labelwright.evidence import LabelSpace
from parts_world import CLASSES, WRONG_MASK, paint, write_masks

SPACE = LabelSpace(("sky", "disc"))


def kinds(path, **options):
    data = load_masks(path, **options)
    return {scores.kind: scores for scores in OddMasks().score(data.parts, data.space)}


def test_a_wrong_region_is_named_by_its_very_pixels(tmp_path):
    write_masks(tmp_path)
    probs = np.load(tmp_path / "probs.npy")
    masks = load_masks(tmp_path / "masks", classes=CLASSES).parts
    rows, parts = SegmentationErrors().score(masks, probs, SPACE)
    assert rows.is_issue.nonzero()[0].tolist() == [WRONG_MASK]
    assert (parts.given, parts.suggested) == (["sky"], ["disc"])
    wrong = (masks[WRONG_MASK] == 0) & (paint(WRONG_MASK) == 1)
    assert (read_region(parts.part[0], "").pixels(masks[WRONG_MASK], 0) == wrong).all()


def test_a_seam_along_an_outline_is_no_region():
    truth = np.zeros((8, 20, 20), int)
    truth[:, :, 10:] = 1
    given = truth.copy()
    given[:, :, 10] = 0
    probs = np.stack([0.9 - 0.8 * truth, 0.1 + 0.8 * truth], axis=1)
    assert not SegmentationErrors().score(given, probs, SPACE)[0].is_issue.any()


def test_an_audit_reads_a_memory_mapped_array(tmp_path):
    write_masks(tmp_path)
    stack = np.stack([np.asarray(Image.open(path)) for path in sorted((tmp_path / "masks/a").iterdir())])
    np.save(tmp_path / "masks.npy", stack)
    audit = Audit(tmp_path / "masks.npy", task="segmentation", pred_probs=tmp_path / "probs.npy", classes=CLASSES).run()
    assert audit.summary["counts"]["label"] == 1


def test_probabilities_may_be_files_beside_the_masks(tmp_path):
    write_masks(tmp_path)
    (tmp_path / "said/a").mkdir(parents=True)
    for i, image in enumerate(np.load(tmp_path / "probs.npy")):
        np.save(tmp_path / f"said/a/{i:02d}.npy", image)
    audit = Audit(tmp_path / "masks", task="segmentation", pred_probs=tmp_path / "said", classes=CLASSES).run()
    assert audit.summary["counts"]["label"] == 1


def test_specks_within_one_class_are_found_and_their_class_suggested(tmp_path):
    for i in range(3):
        mask = np.zeros((200, 200), np.uint8)
        mask[50:150, 50:150] = 1
        mask[10, 10:12] = i == 1
        Image.fromarray(mask).save(tmp_path / f"{i}.png")
    found = kinds(tmp_path)["tiny_fragment"]
    assert (found.rows.tolist(), found.given, found.suggested) == ([1], ["1"], ["0"])
    assert found.reason == ["a speck of 2 pixels of '1' within '0'"]


def test_a_class_of_odd_size_is_found(tmp_path):
    for i in range(12):
        mask = np.zeros((100, 100), np.uint8)
        mask[: 10 + i % 3, :10] = 1
        mask[90 if i < 11 else 20 :] = 2
        Image.fromarray(mask).save(tmp_path / f"{i:02d}.png")
    found = kinds(tmp_path)["odd_size_part"]
    assert [(row, name) for row, name in zip(found.rows.tolist(), found.part, strict=True) if name == "2"] == [
        (11, "2")
    ]


def test_masks_and_images_of_different_size_do_not_go_together(tmp_path):
    write_masks(tmp_path)
    Image.new("RGB", (5, 6)).save(tmp_path / "images/a/03.png")
    (tmp_path / "images/a/07.png").unlink()
    found = kinds(tmp_path / "masks", classes=CLASSES, images=tmp_path / "images")["mask_size"]
    assert found.rows.tolist() == [3, 7]
    assert found.reason[0] == "the mask has 32 x 32 pixels, the image 5 x 6"


@pytest.mark.parametrize("classes", [None, "sky,disc,edge"])
def test_clean_masks_have_no_odd_kind(tmp_path, classes):
    write_masks(tmp_path)
    assert all(not len(scores) for scores in kinds(tmp_path / "masks", classes=classes).values())
