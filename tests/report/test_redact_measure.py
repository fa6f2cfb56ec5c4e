"""A redacted measure holds no row and no person's name, whatever the measure is."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from labelwright.cli import run
from labelwright.errors import BadInput
from labelwright.metrics.report import Alert, Picture, Report, ReportTable, Section
from labelwright.report.measure import measure_facts, rewrite_measure, write_measure
from labelwright.report.redact_measure import redact_measure

NAMES = ("Ann Lee", "Ann", "Żofia")


def secret_report():
    people = ReportTable("Scores", ("who", "score"), tuple((name, 0.5) for name in NAMES), people="who")
    rows = ReportTable("Rows", ("id", "text"), (("SECRETID", "SECRETTEXT"),), private=True, file="rows.csv")
    alert = Alert("annotators", "caution", "Żofia scores low.", mitigation="Ask Ann Lee, not Ann.")
    return Report(
        "Who draws well?",
        (Section("People", "Ann is new.", {"best": "Ann"}, (people, rows), (alert,), (Picture("SECRETID", ""),)),),
        "Ann Lee is best; Annabel is nobody.",
        {"worst": "Żofia"},
        ("Look at SECRETID",),
    )


def test_rows_pictures_and_steps_go_and_people_become_numbers():
    clean = redact_measure(json.loads(secret_report().to_json()))
    said = clean.to_json()
    assert "SECRET" not in said and "Żofia" not in said and "Lee" not in said
    assert clean.verdict == "annotator 1 is best; Annabel is nobody."
    section = clean.sections[0]
    assert section.alerts[0].mitigation == "Ask annotator 1, not annotator 2." and section.text == "annotator 2 is new."
    assert [row[0] for row in section.tables[0].rows] == ["annotator 1", "annotator 2", "annotator 3"]
    assert not section.pictures and len(section.tables) == 1 and not clean.next_steps


def test_a_report_without_people_keeps_its_words():
    report = Report("Plain", (Section("Size", scalars={"rows": 3}),), "All is well.")
    assert redact_measure(report.to_dict()) == report


def test_people_must_stand_in_a_column():
    with pytest.raises(ValueError, match="people stand in column 'who'"):
        ReportTable("Scores", ("name",), (), people="who")


def test_the_command_redacts_drawings_of_people_and_leaves_the_rest_as_it_was(tmp_path, capsys):
    mask = np.zeros((16, 16), np.uint8)
    mask[4:12, 4:12] = 255
    for folder in ("people/Ann", "people/Zed", "gold"):
        (tmp_path / folder).mkdir(parents=True)
        for task in ("SECRETONE", "SECRETTWO"):
            shown = np.roll(mask, 3, axis=0) if folder.endswith("Zed") else mask
            Image.fromarray(shown).save(tmp_path / folder / f"{task}.png")
    out = tmp_path / "out"
    assert (
        run(["measure", "outlines", str(tmp_path / "people"), "--reference", str(tmp_path / "gold"), "--out", str(out)])
        == 0
    )
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert run(["report", str(out), "--redact"]) == 0
    assert "Redacted" in capsys.readouterr().out
    page = (out / "report-redacted.html").read_text()
    assert "annotator 1" in page and "Redacted" in page and "<svg" in page
    assert not any(secret in page for secret in ("Ann<", "Ann)", "Zed", "SECRET", "data:image"))
    assert {name: (out / name).read_bytes() for name in before} == before


def test_drawn_again_the_page_is_the_same(tmp_path):
    folder = write_measure("outlines", secret_report(), tmp_path / "out")
    first = (folder / "report.html").read_bytes()
    assert rewrite_measure(folder).read_bytes() == first


def test_a_damaged_report_is_refused_in_one_line(tmp_path):
    for text in ("{", "[]", "{}", json.dumps({**measure_facts("x", secret_report()), "sections": 3})):
        (tmp_path / "report.json").write_text(text)
        with pytest.raises(BadInput, match=r"damaged|cannot be read"):
            rewrite_measure(tmp_path, redact=True)
        assert not (tmp_path / "report-redacted.html").exists()
