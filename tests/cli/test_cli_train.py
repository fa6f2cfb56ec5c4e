"""`labelwright train`, `predict`, `calibrate` and `evaluate` from the outside."""

from __future__ import annotations

import csv
import json
import random
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")

from labelwright.cli import run
from ticket_world import WORDS, write_tickets

COMMON = ["--id", "ticket", "--jobs", "1"]
FAST = [*COMMON, "--epochs", "6", "--quiet"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Tickets with 8 wrong labels, a model, its predictions, and the truth."""
    folder = tmp_path_factory.mktemp("world")
    wrong = write_tickets(folder / "tickets.csv")
    args = ["train", str(folder / "tickets.csv"), "--label", "topic", "--out", str(folder / "model")]
    assert run([*args, *FAST]) == 0
    return folder, wrong


@pytest.fixture(scope="module")
def predicted(world):
    folder, _ = world
    out = folder / "predictions.parquet"
    assert run(["predict", str(folder / "model"), str(folder / "tickets.csv"), "--jobs", "1", "--out", str(out)]) == 0
    return out


def error_of(capsys, *args):
    assert run([str(a) for a in args]) == 2
    return capsys.readouterr().err


def rows_of(path):
    return list(csv.DictReader(path.open(encoding="utf-8", newline="")))


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_model_comes_with_a_card_that_tells_data_noise_method_and_limits(world):
    folder, _ = world
    card = json.loads((folder / "model" / "model_card.json").read_text())
    assert card["data"]["rows"] == 240
    assert sum(card["classes"].values()) == 240
    assert card["noise"]["source"] == "model estimate"
    assert card["method"] == "EarlyLearningRegularization"
    assert "2.9 %" in card["reason"]
    assert card["held_out"]["n"] == 48
    page = (folder / "model" / "MODEL_CARD.md").read_text()
    assert "Agreement with given labels is not accuracy" in page


def test_nothing_of_the_rows_themselves_lies_in_the_model(world):
    folder, _ = world
    task = (folder / "model" / "task.json").read_text()
    assert "T0001" not in task
    assert len(json.loads(task)["training_rows"]) == 192


def test_the_same_seed_gives_the_same_model(world, tmp_path):
    folder, _ = world
    args = ["train", str(folder / "tickets.csv"), "--label", "topic", "--out", str(tmp_path / "again"), *FAST]
    assert run(args) == 0
    again, first = (f / "model.safetensors" for f in (tmp_path / "again", folder / "model"))
    assert again.read_bytes() == first.read_bytes()


def test_predictions_have_a_probability_a_class_and_know_training_rows(predicted):
    table = pq.read_table(predicted)
    probs = np.column_stack([table[f"p:{name}"].to_numpy() for name in ("billing", "delivery", "login")])
    assert table.num_rows == 240
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(table["confidence"].to_numpy(), probs.max(axis=1))
    assert sum(table["in_training"].to_pylist()) == 192


def test_new_rows_need_no_labels_and_may_have_other_columns_in_another_order(world, tmp_path):
    folder, _ = world
    rows = [
        {"noise": "x", "body": "card payment invoice ☃ 日本", "ticket": "N1"},
        {"noise": "y", "body": "", "ticket": "N2"},
    ]
    new = write(tmp_path / "new.csv", rows)
    assert run(["predict", str(folder / "model"), str(new), "--jobs", "1", "--out", str(tmp_path / "p.csv")]) == 0
    answers = rows_of(tmp_path / "p.csv")
    assert [row["id"] for row in answers] == ["N1", "N2"]
    assert answers[0]["prediction"] == "billing"


def test_a_missing_input_column_is_named(world, tmp_path, capsys):
    folder, _ = world
    new = write(tmp_path / "new.csv", [{"bodi": "card", "ticket": "N1"}])
    said = error_of(capsys, "predict", folder / "model", new, "--out", tmp_path / "p.csv")
    assert "'body'" in said
    assert "did you mean 'bodi'" in said
    assert not (tmp_path / "p.csv").exists()


def test_sets_need_calibration_which_leaves_training_rows_out(world, tmp_path, capsys):
    folder, _ = world
    model, tickets = shutil.copytree(folder / "model", tmp_path / "model"), folder / "tickets.csv"
    assert "calibrate" in error_of(capsys, "predict", model, tickets, "--alpha", "0.1", "--out", tmp_path / "p.csv")
    assert run(["calibrate", str(model), str(tickets), "--jobs", "1", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["n_rows"], facts["left_out"]) == (48, 192)
    args = ["--alpha", "0.1", "--jobs", "1", "--out", str(tmp_path / "p.csv")]
    assert run(["predict", str(model), str(tickets), *args]) == 0
    rows = [row for row in rows_of(tmp_path / "p.csv") if row["in_training"] == "false"]
    given = {row["ticket"]: row["topic"] for row in rows_of(tickets)}
    assert sum(given[row["id"]] in row["set"].split("|") for row in rows) >= 0.9 * len(rows)
    assert json.loads((model / "model_card.json").read_text())["calibration"]["n_rows"] == 48
    assert "Not calibrated" not in (model / "MODEL_CARD.md").read_text()


def test_evaluate_counts_agreement_and_corrects_it(world, predicted, capsys):
    folder, _ = world
    args = ["evaluate", str(predicted), str(folder / "tickets.csv"), "--label", "topic", *COMMON]
    assert run([*args, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["n"] == 48
    assert facts["left_out_as_trained_on"] == 192
    assert facts["corrected_accuracy_source"] == "model estimate"
    assert facts["corrected_accuracy"]["estimate"] >= facts["agreement_with_given_labels"]["estimate"]
    assert run(args) == 0
    said = capsys.readouterr().out
    assert "model estimate" in said
    assert "trained on them" in said


def test_rows_that_people_checked_are_counted_apart(world, predicted, tmp_path, capsys):
    folder, wrong = world
    topics = list(WORDS)
    told = []
    for i, row in enumerate(rows_of(folder / "tickets.csv")):
        truth = topics[i % 3]
        told.append({"id": row["ticket"], "decision": "relabel" if i in wrong else "keep", "label": truth})
    decisions = write(tmp_path / "decisions.csv", told)
    args = ["evaluate", str(predicted), str(folder / "tickets.csv"), "--label", "topic", *COMMON, "--json"]
    assert run([*args, "--decisions", str(decisions)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["n_checked"] == 48
    truth = facts["accuracy_on_checked_rows"]["estimate"]
    given, corrected = (facts[k]["estimate"] for k in ("agreement_with_given_labels", "corrected_accuracy"))
    assert abs(truth - corrected) < abs(truth - given)


def test_predictions_of_any_model_can_be_evaluated(world, tmp_path, capsys):
    folder, _ = world
    rows = [{"ticket": r["ticket"], "prediction": r["topic"]} for r in rows_of(folder / "tickets.csv")]
    mine = write(tmp_path / "mine.csv", rows)
    args = ["evaluate", str(mine), str(folder / "tickets.csv"), "--label", "topic", *COMMON, "--json"]
    assert run(args) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["agreement_with_given_labels"]["estimate"] == 1
    assert facts["corrected_accuracy"]["estimate"] < 1


def votes_of(folder, path, wrong_rate=0.2):
    rng, topics = random.Random(0), list(WORDS)
    rows = []
    for i, row in enumerate(rows_of(folder / "tickets.csv")):
        for who in ("ann", "bo", "çelik"):
            right = rng.random() > wrong_rate
            label = topics[i % 3] if right else rng.choice(topics)
            rows.append({"ticket": row["ticket"], "worker": who, "label": label})
    return write(path, rows)


def without_labels(folder, path):
    return write(path, [{"ticket": r["ticket"], "body": r["body"]} for r in rows_of(folder / "tickets.csv")])


def test_votes_from_a_file_are_enough(world, tmp_path):
    folder, _ = world
    data, votes = without_labels(folder, tmp_path / "data.csv"), votes_of(folder, tmp_path / "votes.csv")
    pq.write_table(pa.csv.read_csv(votes), tmp_path / "votes.parquet")
    args = ["train", data, "--evidence", tmp_path / "votes.parquet", "--out", tmp_path / "model", *FAST]
    assert run([str(a) for a in args]) == 0
    card = json.loads((tmp_path / "model" / "model_card.json").read_text())
    assert card["evidence"] == ["votes, on 240 rows"]
    assert card["held_out"]["measure"] == "agreement with the majority of votes"
    assert card["held_out"]["value"] > 0.8


def test_labels_and_votes_are_learned_together(world, tmp_path):
    folder, _ = world
    votes = votes_of(folder, tmp_path / "votes.csv")
    args = ["train", folder / "tickets.csv", "--label", "topic", "--evidence", votes, "--out", tmp_path / "m", *FAST]
    assert run([str(a) for a in args]) == 0
    card = json.loads((tmp_path / "m" / "model_card.json").read_text())
    assert card["method"] == "ImpreciseLabelLearner"
    assert len(card["evidence"]) == 2
    assert card["noise"] is not None


def test_candidate_lists_and_bags_are_learned_from_and_kept_from_the_features(world, tmp_path):
    folder, _ = world
    topics, rows = list(WORDS), []
    for i, row in enumerate(rows_of(folder / "tickets.csv")):
        truth, other = topics[i % 3], topics[(i + 1) % 3]
        counts = {f"n_{t}": 2 for t in topics}
        rows.append(
            {"ticket": row["ticket"], "body": row["body"], "maybe": f"{truth}|{other}", "box": i // 6, **counts}
        )
    data = write(tmp_path / "data.csv", rows)
    columns = ",".join(f"{t}=n_{t}" for t in topics)
    for name, extra, method in (
        ("a", ["--candidates", "maybe"], "ImpreciseLabelLearner"),
        ("b", ["--bag", "box", "--count-columns", columns], "CountLikelihood"),
        ("c", ["--candidates", "maybe", "--bag", "box", "--count-columns", columns], "ImpreciseLabelLearner"),
    ):
        args = ["train", str(data), *extra, "--text", "body", "--out", str(tmp_path / name), *FAST]
        assert run(args) == 0
        assert json.loads((tmp_path / name / "model_card.json").read_text())["method"] == method
        assert json.loads((tmp_path / name / "features.json").read_text())["columns"] == ["body"]
        out = str(tmp_path / f"{name}.csv")
        assert run(["predict", str(tmp_path / name), str(data), "--jobs", "1", "--out", out]) == 0


def test_known_positives_give_the_probability_of_the_class(world, tmp_path):
    folder, _ = world
    rows = rows_of(folder / "tickets.csv")
    told = [
        {"body": r["body"], "label": "billing" if r["topic"] == "billing" and i % 2 else ""} for i, r in enumerate(rows)
    ]
    data = write(tmp_path / "pu.csv", told)
    args = ["train", str(data), "--label", "label", "--positive", "billing", "--jobs", "1", "--epochs", "6"]
    assert run([*args, "--method", "nnpu", "--set", "prior=0.33", "--out", str(tmp_path / "m"), "--quiet"]) == 0
    assert run(["predict", str(tmp_path / "m"), str(data), "--jobs", "1", "--out", str(tmp_path / "p.csv")]) == 0
    answers = rows_of(tmp_path / "p.csv")
    assert set(answers[0]) >= {"p:billing", "p:not billing"}
    score = np.array([float(row["p:billing"]) for row in answers])
    is_billing = np.array([r["topic"] == "billing" for r in rows])
    assert score[is_billing].mean() > score[~is_billing].mean()


def test_a_table_with_categories_never_seen_is_predicted(tmp_path):
    rng = random.Random(0)
    rows = [
        {"size": str(rng.gauss(i % 2 * 4, 1)), "town": rng.choice(["Aix", "Ürümqi"]), "kind": "ab"[i % 2]}
        for i in range(80)
    ]
    data = write(tmp_path / "t.csv", rows)
    args = ["train", str(data), "--label", "kind", "--method", "ce", "--epochs", "5", "--jobs", "1", "--quiet"]
    assert run([*args, "--out", str(tmp_path / "m")]) == 0
    new = write(tmp_path / "new.csv", [{"town": "never seen", "size": "4.1"}, {"town": "", "size": "-0.3"}])
    assert run(["predict", str(tmp_path / "m"), str(new), "--jobs", "1", "--out", str(tmp_path / "p.jsonl")]) == 0
    answers = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [row["prediction"] for row in answers] == ["b", "a"]
    new = write(tmp_path / "bad.csv", [{"town": "Aix", "size": "huge"}])
    assert run(["predict", str(tmp_path / "m"), str(new), "--jobs", "1", "--out", str(tmp_path / "q.csv")]) == 2


BAD = [
    (["--method", "elrr"], "did you mean 'elr'"),
    (["--method", "PRODEN"], "PRODEN learns from candidates"),
    (["--method", "elr", "--set", "lamb=2"], "did you mean 'lam'"),
    (["--method", "elr", "--set", "lam"], "is no setting"),
    (["--set", "lam=2"], "no method"),
    (["--label", "topix"], "did you mean 'topic'"),
    (["--bag", "body"], "--count-columns"),
    (["--candidates", "none"], "no column 'none'"),
    (["--evidence", "absent.csv"], "absent.csv"),
    (["--holdout", "1.5"], "held-out share"),
    (["--positive", "bills"], "did you mean"),
    (["--method", "nnpu"], "--positive"),
]


@pytest.mark.parametrize(("extra", "said"), BAD, ids=[" ".join(extra) for extra, _ in BAD])
def test_what_cannot_be_is_refused_in_one_line(world, tmp_path, capsys, extra, said):
    folder, _ = world
    label = [] if "--label" in extra else ["--label", "topic"]
    error = error_of(capsys, "train", folder / "tickets.csv", *label, *extra, "--out", tmp_path / "m", *FAST)
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "m").exists()


def test_a_folder_that_holds_something_is_not_touched(world, tmp_path, capsys):
    folder, _ = world
    (tmp_path / "thesis.txt").write_text("mine")
    error = error_of(capsys, "train", folder / "tickets.csv", "--label", "topic", "--out", tmp_path)
    assert "not empty" in error
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_one_class_is_nothing_to_tell_apart(tmp_path, capsys):
    data = write(tmp_path / "one.csv", [{"body": f"text number {i} of some", "y": "a"} for i in range(30)])
    assert "'a'" in error_of(capsys, "train", data, "--label", "y", "--text", "body", "--out", tmp_path / "m")


def test_a_class_of_one_row_is_named_and_stays_in_training(tmp_path, capsys):
    rows = [{"body": f"text number {i} of {'cat' if i % 2 else 'dog'}", "y": "ab"[i % 2]} for i in range(30)]
    data = write(tmp_path / "rare.csv", [*rows, {"body": "one bird", "y": "c"}])
    args = ["train", str(data), "--label", "y", "--text", "body", "--out", str(tmp_path / "m"), "--epochs", "2"]
    assert run([*args, "--jobs", "1"]) == 0
    assert "one row alone has the label 'c'" in capsys.readouterr().out


def test_contradictory_evidence_is_named_by_its_row(tmp_path, capsys):
    rows = [
        {"key": f"r{i}", "body": f"text number {i} of {'cat' if i % 2 else 'dog'}", "y": "ab"[i % 2]} for i in range(30)
    ]
    data = write(tmp_path / "d.csv", rows)
    sure = write(tmp_path / "sure.csv", [{"key": "r3", "label": "a"}, {"key": "r4", "label": "a"}])
    args = ["train", data, "--label", "y", "--trusted", "--text", "body", "--id", "key", "--evidence", sure]
    said = error_of(capsys, *args, "--holdout", "0", "--out", tmp_path / "m")
    assert "contradicts itself" in said
    assert "row 3" in said


def test_votes_about_rows_that_are_not_there_are_refused(world, tmp_path, capsys):
    folder, _ = world
    votes = write(tmp_path / "v.csv", [{"ticket": "T9999", "worker": "ann", "label": "login"}])
    args = ["train", folder / "tickets.csv", "--label", "topic", "--evidence", votes, "--out", tmp_path / "m", *FAST]
    assert "'T9999'" in error_of(capsys, *args)


def test_a_model_of_another_schema_or_a_broken_one_is_refused(world, tmp_path, capsys):
    folder, _ = world
    model = shutil.copytree(folder / "model", tmp_path / "model")
    task = json.loads((model / "task.json").read_text())
    (model / "task.json").write_text(json.dumps({**task, "schema_version": 7}))
    assert "version 7" in error_of(capsys, "predict", model, folder / "tickets.csv", "--out", tmp_path / "p.csv")
    (model / "task.json").write_text("{")
    assert "cannot be read" in error_of(capsys, "predict", model, folder / "tickets.csv", "--out", tmp_path / "p.csv")
    assert "no trained model" in error_of(capsys, "predict", tmp_path, folder / "tickets.csv")


def test_calibration_with_unknown_classes_or_training_rows_alone_is_refused(world, predicted, tmp_path, capsys):
    folder, _ = world
    other = write(tmp_path / "o.csv", [{"ticket": "N", "body": "card", "topic": "bilin"}])
    assert "'bilin'" in error_of(capsys, "calibrate", folder / "model", other)
    seen = {r["id"] for r in pq_rows(folder) if r["in_training"]}
    rows = [r for r in rows_of(folder / "tickets.csv") if r["ticket"] in seen]
    assert "learned from every" in error_of(capsys, "calibrate", folder / "model", write(tmp_path / "s.csv", rows))


def pq_rows(folder):
    return pq.read_table(folder / "predictions.parquet").to_pylist()


def test_predictions_that_do_not_fit_the_data_are_refused(world, tmp_path, capsys):
    folder, _ = world
    tickets = folder / "tickets.csv"
    alien = write(tmp_path / "a.csv", [{"id": "zzz", "prediction": "login"}])
    assert "no prediction is about a row" in error_of(capsys, "evaluate", alien, tickets, "--label", "topic", *COMMON)
    alien = write(tmp_path / "b.csv", [{"id": "T0001", "prediction": "logn"}])
    assert "did you mean 'login'" in error_of(capsys, "evaluate", alien, tickets, "--label", "topic", *COMMON)
    alien = write(tmp_path / "c.csv", [{"id": "T0001", "guess": "login"}])
    assert "no column 'prediction'" in error_of(capsys, "evaluate", alien, tickets, "--label", "topic", *COMMON)
