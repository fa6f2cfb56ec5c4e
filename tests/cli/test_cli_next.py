"""`labelwright next`, and `evaluate --checked`, from the outside."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from labelwright.cli import run

WORDS = {"cat": "purr whisker claw kitten", "dog": "bark leash bone puppy", "bird": "wing feather nest beak"}
NAMES = tuple(WORDS)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """90 short texts of three animals: 30 labelled, votes on 75, predictions of all, and all labels."""
    folder, rng = tmp_path_factory.mktemp("animals"), np.random.default_rng(0)
    truth = [NAMES[i % 3] for i in range(90)]
    texts = [
        " ".join(rng.choice(WORDS[name].split(), 3).tolist() + rng.choice(["the", "of", "a", "big"], 2).tolist())
        for name in truth
    ]
    write(
        folder / "part.csv",
        [(f"a{i}", t, y if i < 30 else "") for i, (t, y) in enumerate(zip(texts, truth, strict=True))],
    )
    write(folder / "full.csv", [(f"a{i}", t, y) for i, (t, y) in enumerate(zip(texts, truth, strict=True))])
    write(folder / "none.csv", [(f"a{i}", t, "") for i, t in enumerate(texts)])
    votes = [
        (f"a{i}", f"ann{j}", truth[i] if rng.random() < 0.6 + 0.1 * j else str(rng.choice(NAMES)))
        for i in range(75)
        for j in rng.permutation(4)[: 1 + i % 3].tolist()
    ]
    write(folder / "votes.csv", votes, ("task", "annotator", "label"))
    guess = [y if rng.random() < 0.85 else str(rng.choice(NAMES)) for y in truth]
    write(folder / "predictions.csv", [(f"a{i}", g) for i, g in enumerate(guess)], ("id", "prediction"))
    crowd = [y if rng.random() < 0.8 else str(rng.choice(NAMES)) for y in truth]
    rows = [(f"a{i}", t, c, y if i % 2 else "") for i, (t, c, y) in enumerate(zip(texts, crowd, truth, strict=True))]
    write(folder / "tiers.csv", rows, ("id", "text", "crowd", "expert"))
    return folder, truth, guess


def write(path, rows, header=("id", "text", "label")):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ask(*args):
    return run(["next", *(str(a) for a in args), "--jobs", "1"])


def fill(path, truth, n=None):
    rows = rows_of(path)
    for row in rows[:n]:
        row["label"] = truth[int(row["id"][1:])]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_unlabelled_rows_are_listed_with_a_reason_each(world, tmp_path, capsys):
    folder, _, _ = world
    assert ask(folder / "part.csv", "--label", "label", "--id", "id", "--budget", 5, "--out", tmp_path / "o") == 0
    rows = rows_of(tmp_path / "o" / "next.csv")
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert all(int(row["id"][1:]) >= 30 and row["question"] == "label" and row["text"] for row in rows)
    assert all(row["reason"] and row["label"] == "" for row in rows)
    facts = json.loads((tmp_path / "o" / "summary.json").read_text())
    assert facts["schema_version"] == 1 and facts["method"] == "diverse" and facts["n_with_label"] == 30
    assert "5 new rows" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_list(world, tmp_path):
    folder, _, _ = world
    common = (folder / "part.csv", "--label", "label", "--id", "id", "--budget", 6, "--method", "badge", "--quiet")
    assert ask(*common, "--out", tmp_path / "a") == ask(*common, "--out", tmp_path / "b") == 0
    assert (tmp_path / "a" / "next.csv").read_bytes() == (tmp_path / "b" / "next.csv").read_bytes()


def test_answers_count_in_the_next_round(world, tmp_path):
    folder, truth, _ = world
    common = (folder / "none.csv", "--label", "label", "--id", "id", "--budget", 12, "--quiet")
    assert ask(*common, "--out", tmp_path / "a") == 0
    first = {row["id"] for row in rows_of(tmp_path / "a" / "next.csv")}
    fill(tmp_path / "a" / "next.csv", truth)
    assert ask(*common, "--answers", tmp_path / "a" / "next.csv", "--out", tmp_path / "b") == 0
    facts = json.loads((tmp_path / "b" / "summary.json").read_text())
    assert facts["n_with_label"] == 12 and facts["classes"] == sorted(NAMES)
    assert not first & {row["id"] for row in rows_of(tmp_path / "b" / "next.csv")}


def test_labelled_rows_are_asked_about_again_only_when_allowed(world, tmp_path):
    folder, _, _ = world
    wrong = [(f"a{i}", r["text"], "bird" if i == 0 else r["label"]) for i, r in enumerate(rows_of(folder / "part.csv"))]
    write(tmp_path / "wrong.csv", wrong)
    common = (tmp_path / "wrong.csv", "--label", "label", "--id", "id", "--budget", 3, "--may-reask", "--quiet")
    assert ask(*common, "--out", tmp_path / "o") == 0
    rows = rows_of(tmp_path / "o" / "next.csv")
    assert rows[0]["id"] == "a0" and rows[0]["question"] == "label again"
    assert "labelled 'bird'" in rows[0]["reason"]


def test_votes_alone_say_what_to_ask_again_and_whom(world, tmp_path, capsys):
    folder, _, _ = world
    assert ask(folder / "votes.csv", "--budget", 4, "--out", tmp_path / "o") == 0
    rows = rows_of(tmp_path / "o" / "next.csv")
    assert len(rows) == 4 and all(row["annotator"].startswith("ann") for row in rows)
    given = {(row["task"], row["annotator"]) for row in rows_of(folder / "votes.csv")}
    assert not given & {(row["id"], row["annotator"]) for row in rows}
    assert "add the answers to the votes" in capsys.readouterr().out


def test_votes_beside_data_weigh_new_rows_against_second_opinions(world, tmp_path):
    folder, _, _ = world
    common = (folder / "none.csv", "--votes", folder / "votes.csv", "--id", "id", "--text", "text", "--unlabelled")
    assert ask(*common, "--budget", 60, "--may-reask", "--out", tmp_path / "o", "--quiet") == 0
    rows = rows_of(tmp_path / "o" / "next.csv")
    assert {row["question"] for row in rows} == {"label", "label again"}
    given = {(row["task"], row["annotator"]) for row in rows_of(folder / "votes.csv")}
    assert not given & {(row["id"], row["annotator"]) for row in rows}


def test_tasks_for_label_studio_carry_ids_and_reasons_and_no_suggestion(world, tmp_path):
    folder, _, _ = world
    common = (folder / "part.csv", "--label", "label", "--id", "id", "--budget", 2, "--quiet")
    assert ask(*common, "--to", "label-studio", "--out", tmp_path / "o") == 0
    tasks = json.loads((tmp_path / "o" / "label_studio.json").read_text())
    assert [set(task) for task in tasks] == [{"data"}] * 2
    assert {"text", "labelwright_id", "labelwright_reason"} <= set(tasks[0]["data"])


def test_a_replay_draws_curves_with_bands(world, tmp_path, capsys):
    folder, _, _ = world
    common = (folder / "full.csv", "--label", "label", "--id", "id", "--simulate", "--budget", 6)
    assert ask(*common, "--rounds", 3, "--repeats", 2, "--method", "margin,typiclust", "--out", tmp_path / "o") == 0
    facts = json.loads((tmp_path / "o" / "summary.json").read_text())
    assert set(facts["methods"]) == {"margin", "typiclust", "random"}
    assert facts["methods"]["margin"]["labels"] == [6.0, 12.0, 18.0, 24.0]
    page = (tmp_path / "o" / "curve.html").read_text(encoding="utf-8")
    assert page.count("<polyline") == 3 and page.count('class="band"') == 3 and "<script" not in page
    assert len(rows_of(tmp_path / "o" / "curve.csv")) == 12
    assert "curve.html" in capsys.readouterr().out


def test_a_plan_splits_the_money(world, tmp_path, capsys):
    folder, _, _ = world
    common = (folder / "tiers.csv", "--plan", "--money", 50, "--text", "text", "--id", "id", "--repeats", 1)
    assert ask(*common, "--cheap", "crowd=0.5", "--careful", "expert=2", "--out", tmp_path / "o", "--quiet") == 0
    facts = json.loads((tmp_path / "o" / "summary.json").read_text())
    assert facts["n_cheap"] * 0.5 + facts["n_careful"] * 2 <= 50
    assert facts["regime"] in ("quality", "quantity", "mixed") and 0 < facts["predicted"] <= 1
    assert "<polyline" in (tmp_path / "o" / "plan.html").read_text(encoding="utf-8")
    assert "of the money for careful ones" in capsys.readouterr().out


def test_checked_rows_give_an_unbiased_accuracy(world, tmp_path, capsys):
    folder, truth, guess = world
    common = (folder / "part.csv", "--label", "label", "--id", "id", "--test", folder / "predictions.csv")
    assert ask(*common, "--budget", 90, "--out", tmp_path / "o", "--quiet") == 0
    listed = tmp_path / "o" / "next.csv"
    fill(listed, truth)
    capsys.readouterr()
    assert run(["evaluate", str(folder / "predictions.csv"), "--checked", str(listed), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    right = np.mean([g == y for g, y in zip(guess, truth, strict=True)])
    assert facts["accuracy_by_active_testing"]["estimate"] == pytest.approx(right, abs=1e-9)
    assert facts["n_drawn"] == 90


def test_part_of_the_list_is_read_from_the_top_and_gaps_are_refused(world, tmp_path, capsys):
    folder, truth, _ = world
    common = (folder / "part.csv", "--label", "label", "--id", "id", "--test", folder / "predictions.csv")
    assert ask(*common, "--budget", 20, "--out", tmp_path / "o", "--quiet") == 0
    listed = tmp_path / "o" / "next.csv"
    fill(listed, truth, 10)
    assert run(["evaluate", str(folder / "predictions.csv"), "--checked", str(listed)]) == 0
    assert "10 checked rows" in capsys.readouterr().out
    rows = rows_of(listed)
    rows[3]["label"] = ""
    with listed.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert run(["evaluate", str(folder / "predictions.csv"), "--checked", str(listed)]) == 2
    assert "rank 4 has no label" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("part.csv", "--label", "label"), "--budget"),
        (("part.csv", "--label", "labell", "--budget", "3"), "label"),
        (("part.csv", "--label", "label", "--budget", "3", "--method", "margn"), "margin"),
        (("part.csv", "--label", "label", "--budget", "3", "--method", "hierarchy", "--set", "x=1"), "setting"),
        (("part.csv", "--label", "label", "--budget", "3", "--method", "robust-distillation"), "teacher_accuracy"),
        (("full.csv", "--label", "label", "--budget", "3"), "--may-reask"),
        (("none.csv", "--label", "label", "--budget", "3", "--method", "margin"), "typiclust"),
        (("part.csv", "--label", "label", "--budget", "3", "--to", "labelbox"), "label-studio"),
        (("part.csv", "--label", "label", "--budget", "3", "--simulate", "--plan"), "one of them"),
        (("part.csv", "--plan", "--money", "5"), "--cheap"),
        (("tiers.csv", "--plan", "--money", "5", "--cheap", "crowd", "--careful", "expert=1"), "COLUMN=PRICE"),
        (("part.csv", "--label", "label", "--unlabelled", "--budget", "3"), "--unlabelled"),
        (("part.csv", "--label", "label", "--budget", "3", "--answers", "predictions.csv"), "label"),
        (("part.csv", "--label", "label", "--budget", "3", "--votes", "votes.csv"), "--id"),
        (("part.csv", "--budget", "3", "--text", "text"), "--unlabelled"),
        (("absent.csv", "--budget", "3"), "absent.csv"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing_behind(world, tmp_path, capsys, args, said):
    folder, _, _ = world
    given = [str(folder / a) if a.endswith(".csv") else a for a in args]
    assert ask(*given, "--out", tmp_path / "o") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and said in error
    assert not (tmp_path / "o").exists()


def test_help_stands_under_many_hands(capsys):
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert text.index("Many hands") < text.index("next") < text.index("Train")
