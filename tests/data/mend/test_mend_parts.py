"""Boxes, regions and tokens: COCO, YOLO, Label Studio and CoNLL keep every byte but those of the decision."""

from __future__ import annotations

import json

import pytest

from labelwright.data.load import load_dataset
from labelwright.data.mend import MendOptions, apply_decisions
from labelwright.data.mend.datasets import apply_to_dataset
from labelwright.errors import BadInput


def decide(*rows: tuple[str, str] | tuple[str, str, str]) -> dict[str, list[str | None]]:
    """Return decisions from (id, decision[, label]) rows."""
    full = [(*row, None)[:3] for row in rows]
    return {name: [row[k] for row in full] for k, name in enumerate(("id", "decision", "label"))}


def mend(path, *rows, options=None):
    """Apply decisions to a file and return the new bytes."""
    out = path.with_name("new" + path.suffix)
    out.unlink(missing_ok=True)
    out.with_name(out.name + ".manifest.csv").unlink(missing_ok=True)
    apply_decisions(decide(*rows), path, out, options or MendOptions())
    return out.read_bytes()


COCO = b"""{"info": {"year": 2.0},
 "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 9, "file_name": "\xc3\xa9.jpg"}],
 "annotations": [
  {"id":1, "image_id":7, "category_id": 1, "bbox":[0.10,1,2,3]},
  {"id":2, "image_id":9, "category_id": 2, "bbox":[1,1,2,3]},
  {"id":3, "image_id":7, "category_id": 2, "bbox":[2,1,2,3]}
 ],
 "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]}
"""


@pytest.fixture
def coco(tmp_path):
    path = tmp_path / "coco.json"
    path.write_bytes(COCO)
    return path


def test_coco_a_box_gets_another_category_and_nothing_else_changes(coco):
    assert mend(coco, ("7#1", "relabel", "cat")) == COCO.replace(b'2, "bbox":[2', b'1, "bbox":[2')


def test_coco_a_rejected_box_goes_with_one_comma(coco):
    gone = b',\n  {"id":3, "image_id":7, "category_id": 2, "bbox":[2,1,2,3]}'
    assert mend(coco, ("7#1", "reject")) == COCO.replace(gone, b"")


def test_coco_a_rejected_image_takes_its_boxes_along(coco):
    new = json.loads(mend(coco, ("7", "reject"), ("7#0", "relabel", "dog")))
    assert [image["id"] for image in new["images"]] == [9]
    assert [annotation["id"] for annotation in new["annotations"]] == [2]


def test_coco_a_new_class_joins_the_categories(coco):
    new = json.loads(mend(coco, ("9#0", "relabel", "emu"), options=MendOptions(new_classes=("emu",))))
    assert new["categories"][-1] == {"id": 3, "name": "emu"}
    assert new["annotations"][1]["category_id"] == 3


def test_coco_an_image_has_no_label_of_its_own(coco):
    with pytest.raises(BadInput, match="has no label of its own"):
        mend(coco, ("7", "relabel", "cat"))


STUDIO = b"""[
 {"id": 1, "data": {"text": "caf\\u00e9"}, "annotations": [
   {"id": 5, "result": [{"type": "choices", "value": {"choices": ["pos"]}, "from_name": "s"}], "was_cancelled": false}],
  "predictions": [{"result": [{"type": "choices", "value": {"choices": ["pos"]}}]}]},
 {"id": 2, "data": {"image": "x.png"}, "annotations": [
   {"id": 6, "result": [
     {"type": "rectanglelabels", "value": {"x": 1.50, "rectanglelabels": ["car"]}},
     {"type": "rectanglelabels", "value": {"x": 2, "rectanglelabels": ["bus"]}}]},
   {"id": 7, "was_cancelled": true, "result": [{"type": "choices", "value": {"choices": ["pos"]}}]}]},
 {"id": 3, "data": {"text": "b"}, "annotations": [
   {"id": 8, "result": [{"type": "choices", "value": {"choices": ["neg"]}}]}]}
]
"""


@pytest.fixture
def studio(tmp_path):
    path = tmp_path / "export.json"
    path.write_bytes(STUDIO)
    return path


def test_label_studio_the_choice_of_a_task_changes_and_predictions_stay(studio):
    assert mend(studio, ("1", "relabel", "neg")) == STUDIO.replace(b'["pos"]}, "from', b'["neg"]}, "from')


def test_label_studio_a_region_changes_its_label(studio):
    assert mend(studio, ("2#1", "relabel", "car")) == STUDIO.replace(b'["bus"]', b'["car"]')


def test_label_studio_a_region_goes_and_the_other_stays(studio):
    gone = b'{"type": "rectanglelabels", "value": {"x": 1.50, "rectanglelabels": ["car"]}},\n     '
    assert mend(studio, ("2#0", "reject")) == STUDIO.replace(gone, b"")


def test_label_studio_a_rejected_task_goes(studio):
    assert [task["id"] for task in json.loads(mend(studio, ("2", "reject"), ("2#0", "relabel", "bus")))] == [1, 3]


def test_label_studio_a_task_of_regions_has_no_label_of_its_own(studio):
    with pytest.raises(BadInput, match="has no label of its own"):
        mend(studio, ("2", "relabel", "pos"))


CONLL = (
    b"EU NNP  B-ORG\nrejects VBZ O\n#tag NN O\n\n\nNew NNP O\r\nYork NNP O\r\n. . O\r\n\r\n"
    b"\xc3\x89mile\tNNP\tB-PER\t\nis\tVB\tO\t"
)


@pytest.fixture
def conll(tmp_path):
    path = tmp_path / "train.conll"
    path.write_bytes(CONLL.replace(b"\t\n", b"\n")[:-1])
    return path


def test_conll_a_tag_changes_and_every_blank_stays(conll):
    old = conll.read_bytes()
    assert mend(conll, ("0#0", "relabel", "B-PER"), ("2#0", "relabel", "B-ORG")) == old.replace(
        b"NNP  B-ORG", b"NNP  B-PER"
    ).replace(b"NNP\tB-PER", b"NNP\tB-ORG")


def test_conll_a_span_gets_a_type(conll):
    options = MendOptions(new_classes=("I-ORG",))
    assert mend(conll, ("1#0-1", "relabel", "ORG"), options=options) == conll.read_bytes().replace(
        b"New NNP O\r\nYork NNP O", b"New NNP B-ORG\r\nYork NNP I-ORG"
    )


def test_conll_a_token_and_its_span_may_both_be_decided_if_they_agree(conll):
    options = MendOptions(new_classes=("I-ORG",))
    span = ("1#0-1", "relabel", "ORG")
    assert mend(conll, ("1#0", "relabel", "B-ORG"), span, options=options) == mend(conll, span, options=options)
    with pytest.raises(BadInput, match="'1#0' is decided twice: relabel to 'O'"):
        mend(conll, ("1#0", "relabel", "O"), span, options=options)


def test_conll_a_rejected_sentence_goes_with_its_blank_line(conll):
    old = conll.read_bytes()
    assert mend(conll, ("1", "reject"), ("1#0", "relabel", "B-ORG")) == old.replace(
        b"\nNew NNP O\r\nYork NNP O\r\n. . O\r\n\r\n", b""
    )


def test_conll_sentences_are_named_by_their_ids_where_all_have_one(tmp_path):
    path = tmp_path / "x.conllu"
    data = b"# sent_id = s1\n# free words\n1\ta\tX\n\n# sent_id = s2\n1\tb\tY\n"
    path.write_bytes(data)
    assert mend(path, ("s2#0", "relabel", "X")) == data.replace(b"b\tY", b"b\tX")
    assert mend(path, ("s2#0", "relabel", "b"), options=MendOptions(label="2", new_classes=("b",))) == data


def test_conll_a_token_cannot_be_taken_out(conll):
    with pytest.raises(BadInput, match="tokens cannot be taken out"):
        mend(conll, ("0#1", "reject"))


@pytest.fixture
def yolo(tmp_path):
    folder = tmp_path / "cars"
    for name, data in {
        "data.yaml": b"train: images/train\nnames:\n  0: car\n  1: bus\n",
        "images/train/a.jpg": b"A",
        "images/train/b.jpg": b"B",
        "images/val/c.jpg": b"C",
        "labels/train/a.txt": b"0 0.50 .5 .1 .1\r\n\r\n1  0.1 .2 .3 .4",
        "labels/train/b.txt": b"",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_yolo_the_class_number_of_a_box_changes(yolo, tmp_path):
    apply_decisions(decide(("images/train/a.jpg#1", "relabel", "car")), yolo, tmp_path / "new")
    new = {p.relative_to(tmp_path / "new").as_posix(): p.read_bytes() for p in (tmp_path / "new").rglob("*.*")}
    assert new.pop("labels/train/a.txt") == b"0 0.50 .5 .1 .1\r\n\r\n0  0.1 .2 .3 .4"
    assert new.pop("manifest.csv")
    old = {p.relative_to(yolo).as_posix(): p.read_bytes() for p in yolo.rglob("*.*")}
    assert new == {name: data for name, data in old.items() if name != "labels/train/a.txt"}


def test_yolo_a_rejected_box_goes_and_a_rejected_image_goes_aside_with_its_labels(yolo, tmp_path):
    rows = (("images/train/a.jpg#0", "reject"), ("images/val/c.jpg", "reject"), ("images/train/b.jpg", "reject"))
    apply_decisions(decide(*rows), yolo / "data.yaml", tmp_path / "new")
    assert (tmp_path / "new/labels/train/a.txt").read_bytes() == b"\r\n1  0.1 .2 .3 .4"
    assert (tmp_path / "new/_rejected/images/val/c.jpg").read_bytes() == b"C"
    assert (tmp_path / "new/_rejected/labels/train/b.txt").exists()
    assert not (tmp_path / "new/images/train/b.jpg").exists()


def test_yolo_a_class_that_the_yaml_does_not_list_is_refused(yolo, tmp_path):
    with pytest.raises(BadInput, match=r"data\.yaml lists the classes"):
        apply_decisions(
            decide(("images/train/a.jpg#1", "relabel", "cab")),
            yolo,
            tmp_path / "new",
            MendOptions(new_classes=("cab",)),
        )


def test_yolo_a_broken_line_is_named(yolo, tmp_path):
    (yolo / "labels/train/a.txt").write_bytes(b"0 1 1 1 1\n7 1 1 1 1\n")
    with pytest.raises(BadInput, match=r"a.txt line 2: holds class 7 of 2"):
        apply_decisions(decide(("images/train/b.jpg", "keep")), yolo, tmp_path / "new")


def asked(question, kind, value):
    return {"from_name": question, "type": kind, "value": {kind: value}}


@pytest.fixture
def answers(tmp_path):
    tasks = [
        {
            "id": 1,
            "data": {"text": "a"},
            "annotations": [
                {"result": [asked("mood", "choices", ["glad"]), asked("size", "choices", ["long"])]},
                {"result": [asked("mood", "choices", ["glad"]), asked("stars", "rating", 4)]},
            ],
        },
        {
            "id": 2,
            "data": {"text": "b"},
            "annotations": [
                {"result": [asked("mood", "choices", ["sad"]), asked("kind", "taxonomy", [["animal", "cat"]])]},
                {"result": [asked("stars", "rating", 5), asked("weight", "number", 2.5)]},
            ],
        },
    ]
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(tasks))
    return path


@pytest.mark.parametrize(
    ("question", "decision", "old", "new"),
    [
        ("mood", ("1", "relabel", "sad"), '["glad"]', '["sad"]'),
        ("stars", ("1", "relabel", "5"), "4", "5"),
        ("weight", ("2", "relabel", "0.25"), "2.5", "0.25"),
        ("kind", ("2", "relabel", "animal / dog"), '["animal", "cat"]', '["animal", "dog"]'),
    ],
)
def test_label_studio_the_question_named_as_label_is_answered_anew(answers, question, decision, old, new):
    options = MendOptions(label=question, new_classes=("animal / dog",))
    mended = mend(answers, decision, options=options).decode()
    assert mended == answers.read_text().replace(f": {old}}}", f": {new}}}").replace(f"[{old}]", f"[{new}]")


def test_label_studio_of_several_questions_one_must_be_named(answers):
    with pytest.raises(BadInput, match="has no label of its own"):
        mend(answers, ("1", "relabel", "sad"))
    with pytest.raises(BadInput, match="no annotation answers a question 'mud'"):
        mend(answers, ("1", "relabel", "sad"), options=MendOptions(label="mud"))
    with pytest.raises(BadInput, match="'long' is not a class"):
        mend(answers, ("1", "relabel", "long"), options=MendOptions(label="mood"))


def test_label_studio_an_export_that_was_loaded_is_mended_by_its_tasks(answers, tmp_path):
    dataset = load_dataset(answers, label="mood")
    decisions = {"id": ["2"], "decision": ["relabel"], "label": ["glad"]}
    apply_to_dataset(dataset, decisions, tmp_path / "new.json", MendOptions())
    assert load_dataset(tmp_path / "new.json", label="mood", classes="glad,sad").given == ("glad", "glad")
