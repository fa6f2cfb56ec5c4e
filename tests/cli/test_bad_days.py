"""Bad days at the command line: killed runs, hostile names, broken files, folders that cannot be written."""

from __future__ import annotations

import csv
import errno
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from labelwright.cli import run
from ticket_world import WORDS, write_tickets

FILES = {"report.html", "issues.parquet", "issues.csv", "marked.parquet", "summary.json", "run.json", "view.json"}
HOSTILE = (
    "[/billing]",
    "\x1b[31mred\x1b[0m\x07",
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x","y")',
    "::error file=x::boom",
    "\u202ereversed",
    "{{ 7*7 }} {% raw %}",
)


def write_hostile(path: Path) -> None:
    """Write 210 rows over seven classes whose names attack terminals, pages, spreadsheets and CI logs."""
    rng = random.Random(1)
    pool = [word for words in WORDS.values() for word in words.split()]
    topics = {name: rng.sample(pool, 6) for name in HOSTILE}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["body", "<b>topic</b>"])
        for i in range(210):
            name = HOSTILE[i % 7]
            given = HOSTILE[(i + 1) % 7] if i % 30 == 0 else name
            writer.writerow([" ".join(rng.sample(topics[name], 4)) + f" {HOSTILE[i % 7]} note {i}", given])


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """What an audit of hostile data printed, and the folder that it wrote."""
    folder = tmp_path_factory.mktemp("hostile")
    write_hostile(folder / "data.csv")
    command = [sys.executable, "-m", "labelwright", "audit", str(folder / "data.csv"), "--label", "<b>topic</b>"]
    done = subprocess.run([*command, "--out", str(folder / "out"), "--show-text", "--jobs", "1"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode() + done.stderr.decode(), folder / "out"


def test_no_control_or_direction_mark_reaches_the_terminal(hostile):
    assert re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", hostile[0]) == []


def test_no_line_of_the_terminal_is_a_ci_command(hostile):
    assert [line for line in hostile[0].splitlines() if re.match(r"\s*(::|##\[)", line)] == []


def test_no_markup_of_the_data_is_markup_of_the_page(hostile):
    page = (hostile[1] / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page.lower()
    assert "<b>topic" not in page
    assert "{{ 7*7 }}" in page
    assert re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", page) == []


def test_no_cell_of_the_csv_is_a_formula_or_a_control(hostile):
    text = (hostile[1] / "issues.csv").read_text(encoding="utf-8")
    cells = [cell for row in csv.reader(text.splitlines()) for cell in row]
    assert [cell for cell in cells if re.match(r"[=+@]|-(?!\d)", cell)] == []
    assert "\x1b" not in text


def test_the_parquet_keeps_class_names_exactly(hostile):
    given = set(pq.read_table(hostile[1] / "issues.parquet", columns=["given"])["given"].to_pylist())
    assert set(HOSTILE) <= given


def test_a_killed_run_leaves_no_result_and_a_rerun_finishes(tmp_path):
    write_tickets(tmp_path / "tickets.csv", n=3000)
    command = [sys.executable, "-m", "labelwright", "audit", "tickets.csv", "--label", "topic", "--out", "out"]
    environment = {**os.environ, "LABELWRIGHT_CACHE": str(tmp_path / "cache")}
    for delay in (1.0, 2.5, 4.0):
        victim = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        time.sleep(delay)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        left = {path.name for path in (tmp_path / "out").glob("*")}
        assert left in (set(), FILES)
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert not list(tmp_path.rglob(".labelwright-staging-*"))
    assert pq.read_table(tmp_path / "out" / "marked.parquet").num_rows == 3000


def test_a_second_run_takes_its_numbers_from_the_cache(tickets, tmp_path, monkeypatch):
    command = ["audit", str(tickets), "--label", "topic", "--out", str(tmp_path / "o"), "--quiet", "--jobs", "1"]
    assert run(command) == 0

    def refuse(*arguments, **options):
        raise AssertionError("computed again")

    monkeypatch.setattr("labelwright.data.crossval._out_of_fold", refuse)
    monkeypatch.setattr("labelwright.audit.material.nearest_neighbors", refuse)
    assert run(command) == 0


def test_a_failed_run_leaves_earlier_results_as_they_were(tickets, tmp_path):
    out = tmp_path / "out"
    assert run(["audit", str(tickets), "--label", "topic", "--out", str(out), "--quiet", "--jobs", "1"]) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert (
        run(["audit", str(tickets), "--label", "body", "--pred-probs", "none.npy", "--out", str(out), "--quiet"]) == 2
    )
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_before_the_work(tickets, tmp_path, capsys):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert run(["audit", str(tickets), "--label", "topic", "--out", str(tmp_path / "locked" / "o")]) == 2
    assert "cannot write here" in capsys.readouterr().err


def test_results_are_not_written_into_the_data(tmp_path, capsys):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / "photos" / "dog").mkdir()
    from PIL import Image

    for name in ("cat", "dog"):
        for i in range(3):
            Image.new("RGB", (8, 8), (i * 40, 10, 10)).save(tmp_path / "photos" / name / f"{i}.png")
    assert run(["audit", str(tmp_path / "photos"), "--out", str(tmp_path / "photos" / "cat")]) == 2
    assert "into the data" in capsys.readouterr().err


def malformed(rng: random.Random) -> tuple[str, bytes]:
    """Make one broken file: a good one of its kind cut, flipped, repeated or replaced."""
    suffix = rng.choice(["csv", "tsv", "jsonl", "parquet", "xlsx", "npz", "arrow"])
    lines = [f'{i},"text {rng.random()}",{"ab"[i % 2]}' for i in range(12)]
    good = ("id,text,label\n" + "\n".join(lines)).encode(rng.choice(["utf-8", "utf-16", "latin-1"]))
    damage = rng.randrange(6)
    if damage == 0:
        return suffix, good[: rng.randrange(len(good))]
    if damage == 1:
        return suffix, bytes(rng.randrange(256) for _ in range(rng.randrange(400)))
    if damage == 2:
        broken = bytearray(good)
        for _ in range(8):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        return suffix, bytes(broken)
    if damage == 3:
        return suffix, good.replace(b'"', b"", 1) + b'\n"unclosed'
    if damage == 4:
        return suffix, rng.choice([b"PK\x03\x04", b"PAR1", b"ARROW1\x00\x00", b"{", b"[[[[", b"\x93NUMPY"]) + good[:50]
    return suffix, b"\n" * rng.randrange(5) + b"label\n" * rng.randrange(3)


def test_three_hundred_malformed_files_end_in_one_line_each(tmp_path, capsys):
    rng = random.Random(7)
    for number in range(300):
        suffix, content = malformed(rng)
        path = tmp_path / f"broken-{number}.{suffix}"
        path.write_bytes(content)
        code = run(["audit", str(path), "--label", "label", "--dry-run"])
        errors = [line for line in capsys.readouterr().err.splitlines() if line]
        assert code in (0, 2), (path.name, errors)
        assert len(errors) == (code == 2), (path.name, errors)
        path.unlink()


@pytest.mark.parametrize(
    ("module", "extra"), [("sqlalchemy", "studio"), ("fastapi.routing", "studio"), ("torch", "torch")]
)
def test_a_command_whose_extra_is_not_installed_names_it(monkeypatch, capsys, module, extra):
    def broken():
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr("labelwright.cli.build_app", broken)
    assert run(["studio", "data.csv"]) == 2
    assert f'pip install "labelwright[{extra}]"' in capsys.readouterr().err


def lw(*words: str, **kw: object) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run([sys.executable, "-m", "labelwright", *words], stderr=subprocess.PIPE, text=True, **kw)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_output_that_cannot_be_written_is_said_in_one_line():
    with Path("/dev/full").open("w") as full:
        done = lw("papers", "list", stdout=full)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "No space left on device. Fix: make room" in done.stderr


def test_a_reader_that_has_had_enough_ends_a_command_quietly():
    reading, writing = os.pipe()
    os.close(reading)
    done = lw("papers", "list", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("bug", "words"),
    [
        (OSError(errno.ENOSPC, "full", "out/report.html"), "out/report.html: No space left on device. Fix: make room"),
        (PermissionError(errno.EACCES, "no", "x"), "x: Permission denied. Fix: choose another place"),
        (MemoryError(), "the memory of this machine does not suffice"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "No space left on device. Fix: make room"),
    ],
)
def test_what_is_no_bug_of_ours_is_one_line_with_a_remedy(monkeypatch, capsys, bug, words):
    def broken():
        raise bug

    monkeypatch.setattr("labelwright.cli.build_app", broken)
    assert run(["audit", "data.csv"]) == 2
    assert words in capsys.readouterr().err


def test_whoever_interrupts_is_told_what_remains(tickets, monkeypatch, capsys):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("labelwright.facade.run_audit", interrupted)
    assert run(["audit", str(tickets), "--label", "topic"]) == 130
    assert capsys.readouterr().err.startswith("error: interrupted. What was computed is in the cache")


def test_the_example_of_a_mishap_runs():
    import doctest

    from labelwright.cli import mishaps

    assert doctest.testmod(mishaps).failed == 0


def test_files_that_no_audit_wrote_are_not_written_over(tickets, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "report.html").write_text("my own")
    assert run(["audit", str(tickets), "--label", "topic", "--out", str(tmp_path / "mine")]) == 2
    assert "holds 'report.html', which no audit wrote" in capsys.readouterr().err
    assert [path.read_text() for path in (tmp_path / "mine").iterdir()] == ["my own"]


def test_a_report_goes_into_a_file_and_comes_from_an_audit(tickets, tmp_path, capsys):
    assert run(["report", str(tickets)]) == 2
    assert "no audit is stored here" in capsys.readouterr().err
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "view.json").write_text("{}")
    assert run(["report", str(tmp_path / "audit"), "--out", str(tmp_path)]) == 2
    assert "this is a folder. Fix: name a file, such as" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("audit", "tickets.csv", "--label", "topic", "--about", "none.yaml"),
        ("aggregate", "tickets.csv", "--rules", "none.yaml"),
    ],
)
def test_a_file_that_is_not_there_is_said_so(tickets, monkeypatch, capsys, words):
    monkeypatch.chdir(tickets.parent)
    tickets.rename("tickets.csv")
    assert run([*words, "--out", "new"]) == 2
    assert "there is no such file" in capsys.readouterr().err
