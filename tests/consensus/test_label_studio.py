"""Exports of Label Studio are read as they are; forms that lost who said what are refused by name."""

from __future__ import annotations

import csv
import json

import pytest

from labelwright.consensus import aggregate_file, read_vote_file
from labelwright.errors import BadInput


def annotation(who, choice, question="mood", **more):
    result = [{"from_name": question, "to_name": "text", "type": "choices", "value": {"choices": [choice]}}]
    return {"id": 1, "completed_by": who, "was_cancelled": False, "lead_time": 4.0, "result": result} | more


def export(tmp_path, *tasks, name="export.json"):
    content = [{"id": i + 1, "data": {"text": f"t{i}"}, "annotations": list(one)} for i, one in enumerate(tasks)]
    path = tmp_path / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def rows(path, **options):
    return [tuple(row.values()) for row in read_vote_file(path, **options).table.to_pylist()]


def test_each_annotation_is_a_vote_of_who_made_it(tmp_path):
    path = export(tmp_path, [annotation(3, "sad"), annotation({"id": 4, "email": "a@b.c"}, "glad", lead_time=2.5)])
    assert rows(path) == [("1", "3", "sad", None, 4.0), ("1", "a@b.c", "glad", None, 2.5)]


def test_a_skipped_annotation_abstains_and_ground_truth_is_a_known_label(tmp_path):
    path = export(
        tmp_path, [annotation(1, "sad", was_cancelled=True), annotation(2, "glad", ground_truth=True)],
        [annotation(1, "glad"), annotation(3, "sad")],
    )  # fmt: skip
    assert [row[2:4] for row in rows(path)] == [(None, "glad"), ("glad", None), ("sad", None)]
    result, about = aggregate_file(path)
    first = result.labels.to_pylist()[0]
    assert (first["label"], first["confidence"], first["n_votes"]) == ("glad", 1.0, 0)
    assert "1 skipped annotations count as abstentions" in about.notes


def test_who_only_marked_ground_truth_is_no_annotator(tmp_path):
    path = export(tmp_path, [annotation(1, "sad"), annotation(9, "glad", ground_truth=True)])
    assert [row[1:4] for row in rows(path)] == [("1", "sad", "glad")]
    assert aggregate_file(path)[0].annotators.column("annotator").to_pylist() == ["1"]


def test_predictions_are_a_source_of_their_own_and_off_by_default(tmp_path):
    path = export(tmp_path, [annotation(1, "sad")])
    content = json.loads(path.read_text())
    content[0]["predictions"] = [{"model_version": "v2", "result": annotation(0, "glad")["result"]}]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert [row[1] for row in rows(path)] == ["1"]
    assert any("--predictions" in note for note in read_vote_file(path).notes)
    assert [row[1:3] for row in rows(path, predictions=True)] == [("1", "sad"), ("model v2", "glad")]


def test_one_of_several_questions_has_to_be_named(tmp_path):
    path = export(tmp_path, [annotation(1, "sad"), annotation(2, "long", question="size")])
    with pytest.raises(BadInput, match="--question mood"):
        read_vote_file(path)
    assert [row[2] for row in rows(path, question="size")] == [None, "long"]
    with pytest.raises(BadInput, match="did you mean 'mood'"):
        read_vote_file(path, question="moods")


@pytest.mark.parametrize(
    ("kind", "value", "label"),
    [("rating", {"rating": 4}, "4"), ("pairwise", {"selected": "left"}, "left"), ("number", {"number": 2.0}, "2"),
     ("taxonomy", {"taxonomy": [["animal", "cat"]]}, "animal / cat")],
)  # fmt: skip
def test_other_answers_about_a_whole_task_are_read_too(tmp_path, kind, value, label):
    one = annotation(1, "")
    one["result"] = [{"from_name": "q", "type": kind, "value": value}]
    assert rows(export(tmp_path, [one]))[0][2] == label


def test_several_answers_to_one_question_are_refused_with_the_task(tmp_path):
    one = annotation(1, "a")
    one["result"][0]["value"]["choices"] = ["a", "b"]
    with pytest.raises(BadInput, match=r"task '1'.*2 answers to 'mood'"):
        read_vote_file(export(tmp_path, [one]))


def test_boxes_and_spans_are_no_answers_about_a_task(tmp_path):
    one = annotation(1, "a")
    one["result"] = [{"from_name": "box", "type": "rectanglelabels", "value": {"x": 1, "rectanglelabels": ["cat"]}}]
    with pytest.raises(BadInput, match="whole task"):
        read_vote_file(export(tmp_path, [one]))


def test_an_export_without_annotators_is_refused(tmp_path):
    with pytest.raises(BadInput, match="completed_by"):
        read_vote_file(export(tmp_path, [annotation(None, "a")]))


def flat(tmp_path, name, columns):
    values = {"id": ["1", "1", "2"], "annotation_id": ["7", "8", "9"], "annotator": ["x", "y", "x"]}
    values |= {"lead_time": ["1", "2", "3"], "text": ["t", "t", "u"], "mood": ["sad", "glad", "sad"]}
    records = [dict(zip(columns, row, strict=True)) for row in zip(*(values[c] for c in columns), strict=True)]
    path = tmp_path / name
    if name.endswith(".json"):
        path.write_text(json.dumps(records), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(records)
    return path


@pytest.mark.parametrize("name", ["export.csv", "min.json"])
def test_a_flat_export_with_annotators_is_read_and_its_question_found(tmp_path, name):
    path = flat(tmp_path, name, ["annotation_id", "annotator", "id", "lead_time", "mood", "text"])
    read = read_vote_file(path)
    assert (read.task, read.annotator, read.label, read.seconds) == ("id", "annotator", "mood", "lead_time")


@pytest.mark.parametrize(("name", "form"), [("export.csv", "CSV"), ("min.json", "JSON-MIN")])
def test_a_flat_export_without_annotators_is_refused_by_name(tmp_path, name, form):
    path = flat(tmp_path, name, ["annotation_id", "id", "lead_time", "mood", "text"])
    with pytest.raises(BadInput, match=rf"{form}.* export of Label Studio has no column 'annotator'"):
        read_vote_file(path)


def test_a_coco_file_is_refused_by_name(tmp_path):
    path = tmp_path / "coco.json"
    path.write_text(json.dumps({"images": [], "annotations": []}))
    with pytest.raises(BadInput, match="COCO"):
        read_vote_file(path)


def test_column_options_make_no_sense_for_an_export(tmp_path):
    with pytest.raises(BadInput, match="--label name columns"):
        read_vote_file(export(tmp_path, [annotation(1, "a")]), label="mood")
