"""`labelwright aggregate` from the outside: files in, labels, annotators, whom to ask, a page, and exit codes."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest

from consensus.vote_worlds import crowd
from json_schema import problems
from labelwright.cli import run
from labelwright.report.schemas import schema

FILES = {"labels.parquet", "annotators.csv", "reask.csv", "summary.json", "report.html"}
BAD = '=cmd|"/C calc"!A0'


def write_votes(path, n=120, **names):
    votes, truth = crowd(n=n, accuracy=(0.9, 0.8, 0.7, 0.6, 0.75), seed=3)
    label = names.get("label", ("cat", "dog"))
    who = names.get("who", tuple(f"ann{j}" for j in range(5)))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["task", "annotator", "label", "truth"])
        for i, j, k in zip(votes.row.tolist(), votes.source.tolist(), votes.value.tolist(), strict=True):
            writer.writerow([f"t{i}", who[j], label[k], label[truth[i]] if i % 4 == 0 else ""])
    return path, [label[k] for k in truth.tolist()]


@pytest.fixture(scope="module")
def merged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("merged")
    path, truth = write_votes(folder / "votes.csv")
    assert run(["aggregate", str(path), "--gold", "truth", "--out", str(folder / "out")]) == 0
    return folder / "out", truth


def summary_of(folder):
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def test_it_writes_labels_annotators_whom_to_ask_a_summary_and_a_page(merged):
    folder, truth = merged
    assert {p.name for p in folder.iterdir()} == FILES
    assert all(p.stat().st_mode & 0o077 == 0 for p in [folder, *folder.iterdir()])
    labels = pq.read_table(folder / "labels.parquet")
    assert labels.column_names == ["task", "label", "confidence", "n_votes", "p_cat", "p_dog"]
    order = [int(task[1:]) for task in labels["task"].to_pylist()]
    assert np.mean([label == truth[i] for i, label in zip(order, labels["label"].to_pylist(), strict=True)]) > 0.85
    with (folder / "annotators.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["annotator"] for row in rows} == {f"ann{j}" for j in range(5)} and all(row["rank"] for row in rows)
    assert (folder / "reask.csv").read_text().startswith('"task","annotator","expected_gain"')


def test_the_summary_fits_its_schema(merged):
    assert problems(summary_of(merged[0]), schema("aggregate")) == []


def test_known_labels_check_the_votes(merged):
    known = summary_of(merged[0])["known_labels"]
    assert known["n"] == 30 and 0.6 < known["accuracy_without_them"]["estimate"] <= 1


def test_the_same_votes_and_seed_give_the_same_bytes(tmp_path, merged):
    path, _ = write_votes(tmp_path / "votes.csv")
    assert run(["aggregate", str(path), "--gold", "truth", "--out", str(tmp_path / "again")]) == 0
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (merged[0] / name).read_bytes(), name


def test_it_says_the_verdict_the_guesses_and_what_to_do_next(tmp_path, capsys):
    path, _ = write_votes(tmp_path / "votes.csv")
    assert run(["aggregate", str(path), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    for words in ("120 tasks got a label from 5 annotators", "task = 'task'", "Model estimate", "Next: open", "--gold"):
        assert words in said


def test_json_prints_the_summary_and_quiet_the_verdict(tmp_path, capsys):
    path, _ = write_votes(tmp_path / "votes.csv")
    assert run(["aggregate", str(path), "--json", "--out", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out) == summary_of(tmp_path / "out")
    assert run(["aggregate", str(path), "--quiet", "--out", str(tmp_path / "out")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_under_twenty_judged_tasks_nothing_is_said_about_the_work(tmp_path, capsys):
    path, _ = write_votes(tmp_path / "votes.csv", n=15)
    assert run(["aggregate", str(path), "--out", str(tmp_path / "out")]) == 0
    assert "Not enough data about the work of 5 annotators" in capsys.readouterr().out
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("not enough data") == 5 and "Where answers differ" not in page


def test_hostile_names_and_labels_are_inert_everywhere(tmp_path, capsys):
    names = (BAD, "<script>alert(1)</script>", "\x1b[31mred", "{{ 7*7 }}", "\u202e::error::x")
    path, _ = write_votes(tmp_path / "votes.csv", label=("@SUM(1)", '"><img src=http://x onerror=y>'), who=names)
    assert run(["aggregate", str(path), "--out", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page and "<img" not in page and "{{ 7*7 }}" in page
    assert not re.search("[\x1b\u202e]", page + capsys.readouterr().out)
    cells = (tmp_path / "out" / "annotators.csv").read_text(encoding="utf-8")
    assert "'=cmd" in cells and "\x1b" not in cells
    assert set(pq.read_table(tmp_path / "out" / "labels.parquet")["label"].to_pylist()) <= {
        "@SUM(1)",
        '"><img src=http://x onerror=y>',
    }


def test_pseudonyms_stand_in_for_names_in_every_file(tmp_path):
    path, _ = write_votes(tmp_path / "votes.csv", who=tuple(f"Very Private {j}" for j in range(5)))
    assert run(["aggregate", str(path), "--pseudonyms", "--out", str(tmp_path / "out")]) == 0
    for file in (tmp_path / "out").iterdir():
        assert b"Private" not in file.read_bytes()
    assert "annotator 1" in (tmp_path / "out" / "annotators.csv").read_text()


def test_a_method_may_be_named(tmp_path, capsys):
    path, _ = write_votes(tmp_path / "votes.csv")
    assert run(["aggregate", str(path), "--method", "Dawid-Skene", "--out", str(tmp_path / "out")]) == 0
    assert summary_of(tmp_path / "out")["method"] == {
        "name": "DawidSkene",
        "members": [],
        "reason": None,
        "converged": True,
    }
    assert run(["aggregate", str(path), "--method", "dawid", "--out", str(tmp_path / "no")]) == 2
    assert "did you mean" in capsys.readouterr().err and not (tmp_path / "no").exists()


def test_probabilities_of_a_classifier_join_the_votes(tmp_path):
    path, truth = write_votes(tmp_path / "votes.csv")
    with (tmp_path / "probs.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["task", "p_cat", "p_dog"])
        writer.writerows([f"t{i}", *((0.9, 0.1) if label == "cat" else (0.1, 0.9))] for i, label in enumerate(truth))
    options = ["--pred-probs", str(tmp_path / "probs.csv"), "--out", str(tmp_path / "out")]
    assert run(["aggregate", str(path), *options]) == 0
    assert summary_of(tmp_path / "out")["method"]["name"] == "CROWDLAB"


def test_rules_vote_in_place_of_people(tmp_path, capsys):
    (tmp_path / "rules.yaml").write_text(
        "- {name: prize, keywords: [win, prize], label: spam}\n- {name: thanks, keywords: thanks, label: ham}\n"
    )
    with (tmp_path / "mails.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["mail", "body"])
        writer.writerows([f"m{i}", ("win a prize", "thanks", "hello")[i % 3]] for i in range(90))
    command = ["aggregate", str(tmp_path / "mails.csv"), "--rules", str(tmp_path / "rules.yaml")]
    assert run([*command, "--text", "body", "--task", "mail", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert (
        "60 rows of 90 got a label from 2 rules" in said
        and "no rule speaks about 30 of 90 rows; 30 of them have no label" in said
    )
    labels = pq.read_table(tmp_path / "out" / "labels.parquet")
    assert labels["label"].to_pylist()[:3] == ["spam", "ham", None]
    assert problems(summary_of(tmp_path / "out"), schema("aggregate")) == []
    assert run([*command, "--out", str(tmp_path / "no")]) == 2
    assert "'column' is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        ("model: nowhere", [], "nowhere' holds no trained model"),
        ("column: body, question: 'Is [TEXT] spam?'", [], "add --llm MODEL"),
        (
            "column: body, question: 'Is [TEXT] spam?'",
            ["--llm", "gpt", "--url", "https://api.example.org/v1"],
            "nobody is named to receive them. Fix: name api.example.org as send_to (--send-to api.example.org)",
        ),
    ],
)
def test_rules_ask_only_models_that_are_there_and_hosts_that_are_named(tmp_path, capsys, rule, options, message):
    (tmp_path / "rules.yaml").write_text(f"- {{name: asks, {rule}, label: spam}}\n")
    (tmp_path / "mails.csv").write_text("mail,body\nm1,win a prize\nm2,hello\n")
    command = ["aggregate", str(tmp_path / "mails.csv"), "--rules", str(tmp_path / "rules.yaml"), *options]
    assert run([*command, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--label", "lable"], "did you mean 'label'"),
        (["--text", "label"], "cannot be used without --rules"),
        (["--llm", "gpt"], "cannot be used without --rules"),
        (["--gold", "label", "--label", "label"], "two known labels"),
        (["--pred-probs", "nowhere.csv"], "there is no such file"),
        (["--rules", "nowhere.yaml", "--annotator", "annotator"], "cannot be used with --rules"),
    ],
)
def test_bad_options_end_in_one_line_and_leave_earlier_results_alone(tmp_path, capsys, options, message):
    path, _ = write_votes(tmp_path / "votes.csv", n=12)
    out = tmp_path / "out"
    out.mkdir()
    (out / "labels.parquet").write_text("earlier")
    assert run(["aggregate", str(path), *options, "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    assert (out / "labels.parquet").read_text() == "earlier" and len(list(out.iterdir())) == 1


def test_a_folder_that_cannot_be_used_is_refused_first(tmp_path, capsys):
    path, _ = write_votes(tmp_path / "votes.csv", n=12)
    assert run(["aggregate", str(path), "--out", str(path)]) == 2
    assert "would be written into the data" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert run(["aggregate", str(path), "--out", str(tmp_path / "file")]) == 2
    assert "not a folder" in capsys.readouterr().err
