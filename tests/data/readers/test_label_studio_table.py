"""Exports of Label Studio as a table: a row a task, a column a question."""

from __future__ import annotations

import json

import pytest

from labelwright.data.load import load_dataset
from labelwright.data.readers import read_source
from labelwright.errors import BadInput


def annotation(value, *, kind="choices", question="mood", key=None, **more):
    result = [{"from_name": question, "to_name": "x", "type": kind, "value": {key or kind: value}}]
    return {"id": 1, "completed_by": 1, "was_cancelled": False, "result": result} | more


def export(tmp_path, *tasks, data=None):
    content = [
        {"id": 10 + i, "data": (data or {"text": f"words {i}"}), "annotations": list(one)}
        for i, one in enumerate(tasks)
    ]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_row_is_a_task_and_its_label_the_choice(tmp_path):
    path = export(tmp_path, [annotation(["glad"])], [annotation(["sad"])], [])
    assert read_source(path).table.to_pylist() == [
        {"id": "10", "text": "words 0", "mood": "glad"},
        {"id": "11", "text": "words 1", "mood": "sad"},
        {"id": "12", "text": "words 2", "mood": None},
    ]
    dataset = load_dataset(path)
    assert dataset.plan.label == "mood"
    assert dataset.ids.tolist() == ["10", "11", "12"]
    assert dataset.labels.tolist() == [0, 1, -1]


def test_annotators_who_differ_leave_a_task_without_a_label_and_it_is_said(tmp_path):
    agree = [annotation(["glad"]), annotation(["glad"])]
    differ = [annotation(["glad"]), annotation(["sad"])]
    skipped = [annotation(["glad"]), annotation(["sad"], was_cancelled=True)]
    source = read_source(export(tmp_path, agree, differ, skipped))
    assert source.table["mood"].to_pylist() == ["glad", None, "glad"]
    assert source.details["unlabelled"].startswith("1 task is answered differently by several annotators")


@pytest.mark.parametrize(
    ("kind", "value", "key", "text"),
    [
        ("rating", 4, None, "4"),
        ("number", 2.5, None, "2.5"),
        ("pairwise", "left", "selected", "left"),
        ("taxonomy", [["animal", "cat"]], None, "animal / cat"),
    ],
)
def test_other_answers_about_whole_tasks_are_labels_too(tmp_path, kind, value, key, text):
    path = export(tmp_path, [annotation(value, kind=kind, key=key)])
    assert read_source(path).table["mood"].to_pylist() == [text]


def test_of_several_questions_one_is_named(tmp_path):
    path = export(
        tmp_path,
        [annotation(["glad"]), annotation(["long"], question="size")],
        [annotation(["sad"]), annotation(["short"], question="size")],
    )
    with pytest.raises(BadInput, match="which column holds the labels is not said"):
        load_dataset(path)
    dataset = load_dataset(path, label="size")
    assert dataset.given == ("long", "short")
    assert ("mood", "it answers another question") in [(one.name, one.reason) for one in dataset.plan.ignored]


def test_data_called_like_the_id_or_a_question_keep_apart(tmp_path):
    path = export(tmp_path, [annotation(["glad"])], data={"id": 7, "mood": "?", "meta": {"a": 1}})
    assert read_source(path).table.to_pylist() == [
        {"id": "10", "data.id": 7, "data.mood": "?", "meta": '{"a": 1}', "mood": "glad"}
    ]


def test_files_of_the_server_are_named_below_the_root(tmp_path):
    for address, name in (
        ("/data/local-files/?d=pets/a%20b.png", "pets/a b.png"),
        ("/data/upload/3/ab-c.png", "upload/3/ab-c.png"),
        ("https://host/c.png", "https://host/c.png"),
    ):
        path = export(tmp_path, [annotation(["glad"])], data={"image": address})
        assert read_source(path).table["image"].to_pylist() == [name]


def test_exports_that_cannot_be_read_are_refused_in_one_line(tmp_path):
    boxes = {"id": 1, "result": [{"from_name": "b", "type": "rectanglelabels", "value": {"x": 1}}]}
    with pytest.raises(BadInput, match="for regions and boxes export COCO, YOLO or CoNLL"):
        read_source(export(tmp_path, [boxes]))
    with pytest.raises(BadInput, match=r"task '10': an annotation gives 2 answers to 'mood'"):
        read_source(export(tmp_path, [annotation(["glad", "sad"])]))
    path = export(tmp_path, [annotation(["glad"])], [annotation(["sad"])])
    path.write_text(path.read_text().replace('"id": 11', '"id": 10'))
    with pytest.raises(BadInput, match="two tasks have one id"):
        read_source(path)
