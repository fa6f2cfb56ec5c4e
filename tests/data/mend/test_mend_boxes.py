"""Boxes that are moved or drawn anew: only the bytes of the decision change."""

import json

import pytest
from PIL import Image

from labelwright.data.mend import MendOptions, apply_decisions
from labelwright.errors import BadInput

COCO = b"""{"images": [{"id": 7, "file_name": "a.jpg"}, {"id": 9, "file_name": "b.jpg"}],
 "annotations": [
  {"id":1, "image_id":7, "category_id": 1, "bbox":[0.10,1,2,3], "area": 6.0},
  {"id":2, "image_id":9, "category_id": 2, "bbox":[1,1,2,3], "segmentation": [[1, 1, 3, 1, 3, 4]]}
 ],
 "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]}
"""


def decide(*rows):
    full = [(*row, None)[:3] for row in rows]
    return {name: [row[k] for row in full] for k, name in enumerate(("id", "decision", "label"))}


@pytest.fixture
def coco(tmp_path):
    path = tmp_path / "coco.json"
    path.write_bytes(COCO)
    return path


def mend(path, *rows, options=None):
    out = path.with_name("new" + path.suffix)
    apply_decisions(decide(*rows), path, out, options or MendOptions())
    return out.read_bytes() if out.is_file() else out


def test_coco_a_moved_box_changes_its_numbers_alone(coco):
    new = COCO.replace(b"[0.10,1,2,3]", b"[5, 6.5, 10, 20]").replace(b"6.0", b"200")
    assert mend(coco, ("7#0:5,6.5,10,20", "relabel", "cat")) == new


def test_coco_a_moved_box_may_get_another_class(coco):
    annotation = json.loads(mend(coco, ("7#0:5,6,7,8", "relabel", "dog")))["annotations"][0]
    assert (annotation["category_id"], annotation["bbox"]) == (2, [5, 6, 7, 8])


def test_coco_new_boxes_join_the_end_and_everything_before_stays(coco):
    new = mend(coco, ("9#new:1,2,3,4", "relabel", "dog"), ("7#new:0,0,5,5", "relabel", "cat"))
    end = COCO.index(b"\n ],")
    assert new[:end] == COCO[:end] and new.endswith(COCO[end:])
    added = json.loads(new)["annotations"][2:]
    assert [(one["id"], one["image_id"], one["category_id"], one["bbox"]) for one in added] == [
        (3, 9, 2, [1, 2, 3, 4]),
        (4, 7, 1, [0, 0, 5, 5]),
    ]


def test_coco_a_new_box_takes_the_place_of_all_others(coco):
    new = json.loads(mend(coco, ("7#0", "reject"), ("9#0", "reject"), ("9#new:1,2,3,4", "relabel", "dog")))
    assert [one["id"] for one in new["annotations"]] == [3]


def test_coco_an_empty_list_takes_a_new_box(tmp_path):
    path = tmp_path / "empty.json"
    path.write_bytes(b'{"images": [{"id": 1}], "annotations": [ ], "categories": [{"id": 3, "name": "cat"}]}')
    assert json.loads(mend(path, ("1#new:1,2,3,4", "relabel", "cat")))["annotations"][0]["category_id"] == 3


def test_coco_a_new_box_of_a_rejected_image_goes_with_it(coco):
    new = json.loads(mend(coco, ("9", "reject"), ("9#new:1,2,3,4", "relabel", "dog")))
    assert [one["image_id"] for one in new["annotations"]] == [7]


def test_coco_a_suggestion_that_is_kept_or_unclear_changes_nothing(coco):
    assert mend(coco, ("9#new:1,2,3,4", "cannot_tell"), ("7#0:5,6,7,8", "keep")) == COCO


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("7#4:1,2,3,4", "relabel", "cat")], "no number 4"),
        ([("7#0:1,2,0,4", "relabel", "cat")], "has no extent"),
        ([("7#0:1,2,3,4", "reject")], "is a box as it might be"),
        ([("7#0:1,2,3,4", "relabel", "cat"), ("7#0", "reject")], "under two names"),
        ([("7#0:1,2,3,4", "relabel", "cat"), ("7#0:1,2,3,5", "relabel", "cat")], "gets two bounds"),
        ([("9#0:1,2,3,4", "relabel", "dog")], "has an outline too"),
        ([("8#new:1,2,3,4", "relabel", "dog")], "there is no row"),
        ([("7#new:1,2,3,4", "relabel", "cow")], "'cow' is not a class"),
    ],
)
def test_decisions_that_do_not_fit_write_nothing(coco, rows, words):
    with pytest.raises(BadInput, match=words):
        mend(coco, *rows)
    assert not coco.with_name("new.json").exists()


@pytest.fixture
def yolo(tmp_path):
    folder = tmp_path / "y"
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    (folder / "data.yaml").write_text("names: [cat, dog]\n")
    for name in ("a", "b"):
        Image.new("RGB", (100, 50)).save(folder / f"images/{name}.png")
    (folder / "labels/a.txt").write_bytes(b"1 0.5 0.5 0.2 0.4\r\n0 0.1 0.1 0.2 0.1 0.2 0.3")
    return folder


def test_yolo_a_moved_box_changes_its_line_alone(yolo):
    new = mend(yolo, ("images/a.png#0:10,5,20,10", "relabel", "cat"))
    text = (new / "labels/a.txt").read_bytes()
    assert text == b"0 0.200000 0.200000 0.200000 0.200000\r\n0 0.1 0.1 0.2 0.1 0.2 0.3"


def test_yolo_a_new_box_gets_a_line_at_the_end(yolo):
    new = mend(yolo, ("images/a.png#new:0,0,50,50", "relabel", "dog"))
    before = (yolo / "labels/a.txt").read_bytes()
    assert (new / "labels/a.txt").read_bytes() == before + b"\n1 0.250000 0.500000 0.500000 1.000000\n"


def test_yolo_an_image_without_labels_gets_its_file(yolo):
    new = mend(yolo, ("images/b.png#new:0,0,50,50", "relabel", "dog"))
    assert (new / "labels/b.txt").read_bytes() == b"1 0.250000 0.500000 0.500000 1.000000\n"
    assert (new / "labels/a.txt").read_bytes() == (yolo / "labels/a.txt").read_bytes()


def test_yolo_an_outline_is_not_moved(yolo):
    with pytest.raises(BadInput, match="is an outline"):
        mend(yolo, ("images/a.png#1:0,0,5,5", "relabel", "cat"))
