"""The demo: real errors, the files beside the report, the next command."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from labelwright import cli
from labelwright.catalogue.demo_story import drawn, visible_errors
from labelwright.data.demo import write_demo
from labelwright.errors import BadInput


@pytest.fixture(scope="module")
def demo_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABELWRIGHT_CACHE", str(folder / "cache"))
        lines: list[str] = []
        patch.setattr("labelwright.cli.console.say", lambda line="": lines.append(line))
        code = cli.run(["demo", "--out", str(folder / "out"), "--quiet"])
    return code, lines, folder / "out"


@pytest.mark.slow
def test_the_demo_shows_an_error_that_a_person_can_see(demo_run):
    code, lines, _ = demo_run
    assert code == 0
    assert any("how come it takes so little time for a child" in line for line in lines)
    assert sum(line.startswith("    labelled ") for line in lines) == 3


@pytest.mark.slow
def test_the_demo_leaves_the_data_beside_the_report(demo_run):
    _, lines, out = demo_run
    assert {"sms.csv", "report.html", "issues.csv", "issues.parquet", "marked.parquet", "summary.json"} <= {
        path.name for path in out.iterdir()
    }
    assert "labelwright audit YOUR_FILE --label" in lines[-2]
    assert lines[-1].startswith(f"Next: labelwright studio {out} ")


@pytest.mark.slow
def test_the_demo_finds_the_real_duplicates(demo_run):
    import pyarrow.parquet as pq

    issues = pq.read_table(demo_run[2] / "issues.parquet")
    assert sum(kind == "exact_duplicate" for kind in issues["kind"].to_pylist()) > 300


def test_an_unknown_demo_is_exit_2_and_writes_nothing(tmp_path, capsys):
    assert cli.run(["demo", "smms", "--out", str(tmp_path / "out")]) == 2
    assert "'sms'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_digit_is_drawn_with_its_ink_dark(tmp_path):
    pixels = np.full((32, 32), 255, dtype=np.uint8)
    pixels[8:12, 4:8] = 0
    Image.fromarray(pixels).save(tmp_path / "x.png")
    assert drawn(tmp_path / "x.png") == ["", "", "  @@", "", "", "", "", ""]


def test_every_digit_of_the_demo_can_be_drawn(tmp_path):
    path = write_demo("digits", tmp_path).path
    shown = [drawn(image) for image in sorted(path.rglob("*.png"))[:50]]
    assert all(len(lines) == 8 and any(set(line) & set("#%@") for line in lines) for lines in shown)


class _Audited:
    """Just as much of an audit as the story reads."""

    def __init__(self, texts: list[str], findings: list[dict]) -> None:
        self.issues = pa.Table.from_pylist(findings)
        self._texts = pa.chunked_array([texts])
        self.dataset = self
        self.plan = self
        self.text, self.image = ("text",), None

    def column(self, name: str) -> pa.ChunkedArray:
        return self._texts


def test_copies_of_one_text_are_shown_once():
    findings = [{"kind": "label", "is_issue": True, "row": row, "given": "a", "suggested": "b"} for row in (0, 1, 2, 3)]
    shown = visible_errors(_Audited(["same", "same", "other", "third"], findings), most=2)
    assert [finding["row"] for finding in shown] == [0, 2]


def test_each_demo_has_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = []

    def stop(name, folder):
        asked.append((name, str(folder)))
        raise BadInput("far enough")

    monkeypatch.setattr("labelwright.data.demo.write_demo", stop)
    assert [cli.run(["demo", *more]) for more in ([], ["digits"], ["digits", "--out", "here"])] == [2, 2, 2]
    assert asked == [("sms", "labelwright-demo"), ("digits", "labelwright-demo-digits"), ("digits", "here")]
