"""Images with boxes from COCO and YOLO, and what models found in them."""

import json

import numpy as np
import pytest
from PIL import Image

from labelwright.data.load import load_dataset
from labelwright.data.parts.box_predictions import load_box_predictions
from labelwright.errors import BadInput
from labelwright.evidence import Boxes

COCO = {
    "images": [{"id": 7, "file_name": "a.jpg", "width": 50, "height": 40}, {"id": 9, "file_name": "b.jpg"}],
    "annotations": [
        {"image_id": 9, "category_id": 5, "bbox": [1, 2, 3, 4]},
        {"image_id": 7, "category_id": 2, "bbox": [0, 0, 10.5, 10]},
        {"image_id": 9, "category_id": 2, "bbox": [5, 5, 5, 5]},
    ],
    "categories": [{"id": 2, "name": "cat"}, {"id": 5, "name": "dog"}],
}


def write(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def coco(tmp_path):
    return write(tmp_path / "coco.json", COCO)


@pytest.fixture
def yolo(tmp_path):
    for part in ("images/train", "labels/train", "said"):
        (tmp_path / "y" / part).mkdir(parents=True)
    (tmp_path / "y/data.yaml").write_text("names: {0: cat, 1: dog}\n")
    for name in ("a", "b"):
        Image.new("RGB", (100, 50)).save(tmp_path / f"y/images/train/{name}.png")
    (tmp_path / "y/labels/train/a.txt").write_text("1 0.5 0.5 0.2 0.4\n\n0 0.1 0.1 0.2 0.1 0.2 0.3\n")
    return tmp_path / "y"


def test_coco_boxes_come_by_image_in_the_order_of_the_file(coco):
    data = load_dataset(coco, parts=True)
    boxes = data.parts.boxes
    assert (data.plan.task, data.ids.tolist(), data.space.names) == ("detection", ["7", "9"], ("cat", "dog"))
    assert boxes.offsets.tolist() == [0, 1, 3]
    assert boxes.corners.tolist() == [[0, 0, 10.5, 10], [1, 2, 4, 6], [5, 5, 10, 10]]
    assert boxes.classes.tolist() == [0, 1, 0]
    assert boxes.sizes[0].tolist() == [50, 40] and np.isnan(boxes.sizes[1]).all()


def test_yolo_shares_become_pixels_and_an_outline_the_box_around_it(yolo):
    data = load_dataset(yolo, parts=True)
    assert data.ids.tolist() == ["images/train/a.png", "images/train/b.png"]
    np.testing.assert_allclose(data.parts.boxes.corners, [[40, 15, 60, 35], [10, 5, 20, 15]])
    assert data.parts.boxes.classes.tolist() == [1, 0]


def test_results_in_the_form_of_coco_are_joined_by_image_and_category(coco, tmp_path):
    results = [{"image_id": 9, "category_id": 5, "bbox": [0, 0, 2, 2], "score": 0.5}]
    said = load_box_predictions(write(tmp_path / "r.json", results), load_dataset(coco, parts=True))
    assert (said.offsets.tolist(), said.classes.tolist(), said.confidence.tolist()) == ([0, 0, 1], [1], [0.5])


def test_results_in_text_files_are_found_by_the_name_of_the_image(yolo):
    (yolo / "said/b.txt").write_text("0 0.5 0.5 0.5 0.5 0.9\n")
    said = load_box_predictions(yolo / "said", load_dataset(yolo, parts=True))
    assert said.offsets.tolist() == [0, 0, 1]
    assert said.corners.tolist() == [[25, 12.5, 75, 37.5]]


def test_boxes_in_memory_must_be_of_the_same_images(coco):
    data = load_dataset(coco, parts=True)
    said = Boxes([0, 0, 0], [], [], 2, confidence=[])
    assert load_box_predictions(said, data) is said
    with pytest.raises(BadInput, match="2 images and 2 classes"):
        load_box_predictions(Boxes([0, 0], [], [], 2, confidence=[]), data)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"annotations": [{"image_id": 7, "category_id": 2, "bbox": [0, 0, 1]}]}, "entry 0 has no bbox of four"),
        ({"annotations": [{"image_id": 7, "category_id": 2, "bbox": [0, 0, 1, float("nan")]}]}, "no bbox of four"),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": [0, 0, 1, 1]}]}, "category_id '3', which is none"),
        ({"annotations": [{"image_id": 1, "category_id": 2}]}, "belongs to no image"),
        ({"images": [{"id": 7}, {"id": 7}]}, "two images have one id"),
        ({"categories": [{"name": "cat"}]}, "categories entry 0 is no object with an id"),
        ({"images": None}, "has no lists"),
        ({"images": [], "annotations": []}, "names no image"),
        ({"categories": [], "annotations": []}, "names no category"),
    ],
)
def test_a_broken_coco_file_is_refused_in_one_line(tmp_path, change, words):
    path = write(tmp_path / "bad.json", COCO | change)
    with pytest.raises(BadInput, match=words):
        load_dataset(path, task="detection", parts=True)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"image_id": 1, "category_id": 2, "bbox": [0, 0, 1, 1], "score": 0.5}, "image_id '1', which the data lack"),
        ({"image_id": 7, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}, "category_id 1, which the data lack"),
        ({"image_id": 7, "category_id": 2, "bbox": None, "score": 0.5}, "no bbox"),
        ({"image_id": 7, "category_id": 2, "bbox": [0, 0, 1, 1], "score": 50}, "the score '50'"),
        ({"image_id": [7], "category_id": {}, "bbox": [0, 0, 1, 1]}, "which the data lack"),
    ],
)
def test_results_that_do_not_fit_are_refused_in_one_line(coco, tmp_path, result, words):
    with pytest.raises(BadInput, match=words):
        load_box_predictions(write(tmp_path / "r.json", [result]), load_dataset(coco, parts=True))


@pytest.mark.parametrize("line", ["5 0 0 1 1", "0 a b c d", "0 0.5 0.5", "cat 0 0 1 1"])
def test_a_broken_label_file_is_named_with_its_line(yolo, line):
    (yolo / "labels/train/b.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    with pytest.raises(BadInput, match=r"b\.txt line 2"):
        load_dataset(yolo, parts=True)


def test_results_without_confidence_are_refused(yolo):
    (yolo / "said/a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    with pytest.raises(BadInput, match="has no confidence"):
        load_box_predictions(yolo / "said", load_dataset(yolo, parts=True))


def test_rows_of_json_are_no_coco(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(
        '[{"text": "\\"images\\" \\"annotations\\" \\"categories\\"", "label": "a"}, {"text": "b", "label": "b"}]'
    )
    assert load_dataset(path, label="label", parts=True).plan.task == "classification"
