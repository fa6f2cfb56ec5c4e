"""A stored audit is the audit, whatever it was of, and is taken only where nothing that decides it has changed."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from labelwright import Audit
from labelwright.audit.options import AuditOptions
from labelwright.audit.result_key import result_key
from labelwright.audit.stored_result import store_result, stored_result
from labelwright.data.cache import Cache
from labelwright.data.load import load_dataset
from labelwright.report.view import build_view
from parts_world import CLASSES, write_coco, write_masks, write_sentences
from ticket_world import write_tickets


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    write_tickets(folder / "tickets.csv", n=90)
    write_sentences(folder / "places.conll")
    write_coco(folder / "boxes")
    write_masks(folder / "masks")
    return folder


def audit_of(folder, kind):
    boxes, masks, rng = folder / "boxes", folder / "masks", np.random.default_rng(0)
    size = rng.normal(size=60)
    given = {
        "classes": (folder / "tickets.csv", {"label": "topic", "about": {"answers": {"contact": "x"}}}),
        "numbers": ({"size": size, "price": size * 2 + rng.normal(size=60)}, {"label": "price"}),
        "tags": ({"size": size, "tags": ["big" if s > 0 else "small|red" for s in size]}, {"label": "tags",
                                                                                        "task": "multilabel"}),
        "token": (folder / "places.conll", {"task": "token"}),
        "boxes": (boxes / "shapes.json", {"images": boxes / "images", "predictions": boxes / "results.json"}),
        "masks": (masks / "masks", {"task": "segmentation", "images": masks / "images", "classes": CLASSES,
                                    "pred_probs": masks / "probs.npy"}),
    }  # fmt: skip
    data, options = given[kind]
    return Audit(data, jobs=1, cache=Cache(folder / "cache"), **options)


@pytest.mark.parametrize("kind", ["classes", "numbers", "tags", "token", "boxes", "masks"])
def test_what_comes_back_is_what_was_stored(folder, kind, tmp_path):
    result, cache = audit_of(folder, kind).run().result, Cache(tmp_path)
    again = audit_of(folder, kind)
    key = result_key(again.dataset, again.options)
    assert key == result_key(result.dataset, result.options)
    assert stored_result(cache, key, again.dataset, again.options) is None
    store_result(cache, key, result)
    back, _ = stored_result(cache, key, again.dataset, again.options)
    assert build_view(back) == build_view(result)
    assert back.issues.equals(result.issues) and back.notes == result.notes and back.nutrition == result.nutrition
    for name in ("matrix", "name", "notes"):
        assert np.array_equal(getattr(back.features, name, None), getattr(result.features, name, None))
    assert np.array_equal(back.pred_probs, result.pred_probs)
    assert type(back.part_predictions) is type(result.part_predictions)
    if result.neighbors is not None:
        assert np.array_equal(back.neighbors.indices, result.neighbors.indices)
        assert back.neighbors.distances.dtype == np.float32
        assert np.array_equal(back.neighbors.distances, result.neighbors.distances)
    if result.noise is not None:
        assert np.array_equal(back.noise.joint, result.noise.joint)
        assert replace(back.noise, joint=None, transition_matrix=None) == replace(
            result.noise, joint=None, transition_matrix=None
        )


def test_a_stored_audit_that_was_cut_short_is_not_found(folder, tmp_path):
    result, cache = audit_of(folder, "classes").run().result, Cache(tmp_path)
    key = result_key(result.dataset, result.options)
    store_result(cache, key, result)
    for entry in sorted(tmp_path.rglob("*.npy")):
        whole = entry.read_bytes()
        entry.write_bytes(whole[:-1])
        assert stored_result(cache, key, result.dataset, result.options) is None
        entry.write_bytes(whole)
    assert stored_result(cache, key, result.dataset, result.options) is not None


def key_of(data, **options):
    audit = Audit(data, **options)
    return result_key(audit.dataset, audit.options)


def test_a_changed_cell_label_option_or_given_file_changes_the_key(tmp_path):
    frame = {"id": ["a", "b", "c", "d"], "size": [1, 2, 3, 4], "kind": ["x", "y", "x", "y"]}
    probs = tmp_path / "probs.npy"
    np.save(probs, np.full((4, 2), 0.5))
    base = {"label": "kind", "id": "id", "pred_probs": probs}
    keys = [
        key_of(frame, **base),
        key_of(frame | {"size": [1, 2, 3, 5]}, **base),
        key_of(frame | {"kind": ["x", "y", "x", "x"]}, **base),
        key_of(frame, label="kind", id="id"),
        key_of(frame, **base, seed=1),
        key_of(frame, **base, about={"answers": {"contact": "ann"}}),
        key_of(frame, **base, classes=["y", "x"]),
    ]
    assert key_of(frame, **base, jobs=7) == keys[0]
    np.save(probs, np.array([[0.4, 0.6], *[[0.5, 0.5]] * 3]))
    keys.append(key_of(frame, **base))
    assert len(set(keys)) == len(keys)


def test_images_and_masks_count_by_size_and_time_of_their_files(tmp_path):
    write_masks(tmp_path)
    (image, *_), (mask, *_) = (sorted((tmp_path / name).rglob("*.png")) for name in ("images", "masks"))
    keys = []
    for changed in (None, image, mask):
        if changed is not None:
            os.utime(changed, ns=(1, 1))
        data = load_dataset(tmp_path / "masks", task="segmentation", images=tmp_path / "images", parts=True)
        keys.append(result_key(data, AuditOptions()))
    assert len(set(keys)) == 3


def test_an_image_of_a_folder_counts(tmp_path):
    for kind in ("a", "b"):
        (tmp_path / kind).mkdir()
        Image.new("RGB", (4, 4)).save(tmp_path / kind / "1.png")
    before = key_of(tmp_path)
    Image.new("RGB", (5, 4)).save(tmp_path / "a" / "1.png")
    assert key_of(tmp_path) != before
