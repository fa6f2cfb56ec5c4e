"""`labelwright audit` and `apply` on data whose rows have parts: find, show, make true."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from labelwright.cli import run
from parts_world import (
    CLASSES,
    MISSING,
    MOVED,
    SWAPPED,
    WRONG,
    WRONG_MASK,
    paint,
    scene,
    write_coco,
    write_masks,
    write_sentences,
    write_yolo,
)

FILES = {"report.html", "issues.parquet", "issues.csv", "marked.parquet", "summary.json", "run.json", "view.json"}


def decide_all(folder, out):
    """Write the suggestions of an audit as a table of decisions that a person might have written."""
    issues = pq.read_table(folder / "issues.parquet").to_pylist()
    chosen = [r for r in issues if r["level"] == "part" and r["kind"] == "label" and r["suggested"] is not None]
    with out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "part", "decision", "label"])
        writer.writerows([r["id"], r["part"], "relabel", r["suggested"]] for r in chosen)
    return chosen


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_sentences(tmp_path / "names.conll")
    return tmp_path / "names.conll"


def test_tokens_are_found_shown_and_made_true_byte_by_byte(corpus, capsys):
    before = corpus.read_bytes()
    assert run(["audit", "names.conll", "--task", "token", "--jobs", "1"]) == 0
    folder = corpus.parent / "names-audit"
    assert {path.name for path in folder.iterdir()} == FILES
    assert "3 of 120 sentences have a label worth a look" in capsys.readouterr().out
    page = (folder / "report.html").read_text()
    assert page.count("<mark>") >= 3 and "names.conll" in page
    assert len(decide_all(folder, corpus.parent / "d.csv")) == 3
    assert run(["apply", "d.csv", "names.conll", "--out", "new.conll"]) == 0
    old, new = before.splitlines(), (corpus.parent / "new.conll").read_bytes().splitlines()
    changed = [i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    assert changed == [6 * row + int(token) for row, token in WRONG.items()]
    assert corpus.read_bytes() == before


def test_suggestions_for_tokens_can_be_taken_at_once(corpus, capsys):
    assert run(["audit", "names.conll", "--jobs", "1", "--quiet"]) == 0
    assert run(["apply", "names-audit", "names.conll", "--auto", "--max-score", "0.5", "--out", "new.conll"]) == 0
    assert run(["audit", "new.conll", "--jobs", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["counts"]["label"] == 0


def test_a_redacted_report_holds_no_word_of_a_sentence(corpus):
    assert run(["audit", "names.conll", "--jobs", "1", "--quiet"]) == 0
    assert run(["report", "names-audit", "--redact"]) == 0
    assert "Oslo" not in (corpus.parent / "names-audit" / "report-redacted.html").read_text()


def test_audits_of_sentences_can_be_compared_and_checked(corpus):
    assert run(["audit", "names.conll", "--jobs", "1", "--quiet"]) == 0
    assert run(["check", "names-audit", "--fail-on", "label>50%"]) == 0
    assert run(["check", "names-audit", "--fail-on", "label>0"]) == 3
    assert run(["compare", "names-audit", "names-audit"]) == 0
    assert run(["compare", "names-audit", "names.conll"]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["missing.conll"],
        ["names.conll", "--label", "9"],
        ["names.conll", "--pred-probs", "missing.npz"],
        ["names.conll", "--images", "."],
        ["names.conll", "--task", "tokens"],
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(corpus, capsys, arguments):
    assert run(["audit", *arguments, "--quiet"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_tags_that_are_all_the_same_are_not_judged(corpus, capsys):
    corpus.write_text("a O\nb O\n\nc O\n")
    assert run(["audit", "names.conll", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("The tags could not be judged")


def test_a_dry_run_says_what_would_be_read(corpus, capsys):
    assert run(["audit", "names.conll", "--dry-run"]) == 0
    assert "120 sentences of 600 tokens with 3 tags" in capsys.readouterr().out


@pytest.fixture
def masks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_masks(tmp_path)
    return tmp_path


SEGMENTATION = ["--task", "segmentation", "--classes", CLASSES]


def test_a_region_of_a_mask_is_found_shown_and_made_true_pixel_by_pixel(masks, capsys):
    assert run(["audit", "masks", "--images", "images", "--pred-probs", "probs.npy", *SEGMENTATION]) == 0
    folder = masks / "masks-audit"
    assert {path.name for path in folder.iterdir()} == FILES
    assert "1 of 12 images have a label worth a look" in capsys.readouterr().out.replace("has", "have")
    assert 'class="drawn"' in (folder / "report.html").read_text()
    chosen = decide_all(folder, masks / "d.csv")
    assert [(row["row"], row["given"], row["suggested"]) for row in chosen] == [(WRONG_MASK, "sky", "disc")]
    before = {path.name: path.read_bytes() for path in (masks / "masks/a").iterdir()}
    assert run(["apply", "d.csv", "masks", *SEGMENTATION, "--out", "new"]) == 0
    after = {path.name: path.read_bytes() for path in (masks / "new/a").iterdir()}
    assert [name for name in before if before[name] != after[name]] == [f"{WRONG_MASK:02d}.png"]
    with Image.open(masks / f"new/a/{WRONG_MASK:02d}.png") as mended:
        assert mended.mode == "P" and mended.getpalette()[:6] == [0, 0, 255, 255, 0, 0]
        assert (np.asarray(mended) == paint(WRONG_MASK)).all()
    capsys.readouterr()
    assert run(["compare", "masks", "new", "--rows-only", "--task", "segmentation", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"]["relabelled"] == 1


def test_masks_without_a_model_are_looked_at_and_it_is_said(masks, capsys):
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(masks / "masks/a/11.png")
    assert run(["audit", "masks", "--images", "images", *SEGMENTATION]) == 0
    said = capsys.readouterr().out
    assert "No model's predictions were given" in said
    issues = pq.read_table(masks / "masks-audit/issues.parquet").to_pylist()
    assert [row["id"] for row in issues if row["kind"] == "empty_mask"] == ["a/11.png"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["masks", "--classes", "sky"],
        ["images"],
        ["masks", "--images", "nowhere"],
        ["masks", "--pred-probs", "nowhere.npy"],
        ["masks", "--pred-probs", "wide.npy", "--classes", CLASSES],
        ["probs.npy"],
    ],
)
def test_bad_masks_are_one_line_and_exit_code_2(masks, capsys, arguments):
    np.save(masks / "wide.npy", np.zeros((12, 5, 32, 32), np.float32))
    assert run(["audit", *arguments, "--task", "segmentation", "--quiet"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.fixture
def boxes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_coco(tmp_path)
    write_yolo(tmp_path / "y")
    return tmp_path


def test_boxes_of_coco_are_found_shown_and_made_true(boxes, capsys):
    command = ["audit", "shapes.json", "--task", "detection", "--images", "images", "--predictions", "results.json"]
    assert run(command) == 0
    folder = boxes / "shapes-audit"
    assert {path.name for path in folder.iterdir()} == FILES
    assert "3 of 16 images have a label worth a look" in capsys.readouterr().out
    assert (folder / "report.html").read_text().count('class="drawn"') >= 3
    assert sorted(row["row"] for row in decide_all(folder, boxes / "d.csv")) == [SWAPPED, MOVED, MISSING]
    assert run(["apply", "d.csv", "shapes.json", "--out", "new.json"]) == 0
    new = json.loads((boxes / "new.json").read_text())
    for i in (SWAPPED, MOVED, MISSING):
        mine = [one for one in new["annotations"] if one["image_id"] == 100 + i]
        assert sorted(one["category_id"] - 1 for one in mine) == sorted(kind for _, kind in scene(i))
    assert run(["audit", "new.json", "--images", "images", "--predictions", "results.json", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["counts"]["label"] == 0


def test_moved_and_new_boxes_are_labels_that_changed(boxes, capsys):
    model = ["--images", "images", "--predictions", "results.json"]
    assert run(["audit", "shapes.json", *model, "--quiet"]) == 0
    decide_all(boxes / "shapes-audit", boxes / "d.csv")
    assert run(["apply", "d.csv", "shapes.json", "--out", "new.json"]) == 0
    capsys.readouterr()
    assert run(["compare", "shapes.json", "new.json", *model, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"]["relabelled"], found["rows"]["edited"]) == (3, 0)
    assert run(["check", "shapes.json", *model, "--fail-on", "label>0.1%"]) == 3
    assert run(["check", "new.json", *model, "--fail-on", "label>0.1%", "--baseline", "shapes-audit"]) == 0


def test_boxes_of_yolo_are_found_and_made_true_line_by_line(boxes):
    assert run(["audit", "y/data", "--predictions", "y/said", "--out", "out", "--quiet"]) == 0
    decide_all(boxes / "out", boxes / "d.csv")
    assert run(["apply", "d.csv", "y/data", "--out", "new"]) == 0
    old, new = (
        {path.name: path.read_bytes() for path in (boxes / folder / "labels/train").iterdir()}
        for folder in ("y/data", "new")
    )
    assert sorted(int(name[:2]) for name in old if old[name] != new[name]) == [SWAPPED, MOVED, MISSING]


def test_boxes_without_a_model_are_looked_at_and_it_is_said(boxes, capsys):
    content = json.loads((boxes / "shapes.json").read_text())
    content["annotations"][0]["bbox"] = [90, 10, 40, 30]
    (boxes / "shapes.json").write_text(json.dumps(content))
    assert run(["audit", "shapes.json"]) == 0
    assert "No model's predictions were given: 1 of 16 images has" in capsys.readouterr().out
    issues = pq.read_table(boxes / "shapes-audit/issues.parquet").to_pylist()
    assert [(row["kind"], row["id"], row["part"]) for row in issues] == [("outside_box", "100", "0")]


@pytest.mark.parametrize(
    "arguments",
    [
        ["shapes.json", "--predictions", "nowhere.json"],
        ["shapes.json", "--predictions", "shapes.json"],
        ["results.json", "--task", "detection"],
        ["images", "--task", "detection"],
        ["shapes.json", "--predictions", "results.json", "--pred-probs", "results.json"],
    ],
)
def test_bad_boxes_are_one_line_and_exit_code_2(boxes, capsys, arguments):
    assert run(["audit", *arguments, "--quiet"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize("out", ["audit", "deep/audit"])
def test_the_studio_opens_what_an_audit_of_tokens_names(tmp_path, capsys, monkeypatch, out):
    pytest.importorskip("fastapi", reason="the studio needs labelwright[studio]")
    from labelwright.studio.studio import data_and_options

    monkeypatch.chdir(tmp_path)
    write_sentences(tmp_path / "places.conll")
    assert run(["audit", "places.conll", "--task", "token", "--out", out, "--quiet", "--jobs", "1"]) == 0
    words = capsys.readouterr().out.splitlines()[-1].partition("   (")[0].split()
    assert words[:3] == ["Next:", "labelwright", "studio"]
    data, known = data_and_options(Path(words[3]))
    assert data.resolve() == tmp_path / "places.conll"
    assert known.get("task", words[-1]) == "token"
