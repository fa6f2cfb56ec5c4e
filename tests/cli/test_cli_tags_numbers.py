"""`train`, `calibrate`, `predict` and `evaluate` on tags and on numbers, from the outside."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")

from labelwright.cli import run

GENRES = {"action": "chase explosion", "comedy": "joke laughter", "drama": "tears family", "horror": "ghost scream"}
FAST = ["--jobs", "1", "--epochs", "12", "--quiet"]


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def films(n=180, seed=0):
    """Return plots whose words give the genres away, most of the time; every film has a genre."""
    rng, names, rows = np.random.default_rng(seed), list(GENRES), []
    for i in range(n):
        on = [name for name in names if rng.random() < 0.35] or [names[i % 4]]
        words = [w for name in on for w in GENRES[name].split() if rng.random() < 0.8]
        words += rng.choice(["night", "city", "man", "old", *GENRES["drama"].split()], 3).tolist()
        rows.append({"film": f"F{seed}-{i}", "plot": " ".join(rng.permutation(words)), "genres": "|".join(on)})
    return rows


def houses(n=180, seed=0):
    """Return houses whose price follows from area and place, to within some thousands."""
    rng, rows = np.random.default_rng(seed), []
    for i in range(n):
        area, place = float(rng.uniform(40, 200)), str(rng.choice(["north", "centre"]))
        price = 1000 * area + 60_000 * (place == "centre") + rng.normal(0, 8000)
        rows.append({"house": f"H{seed}-{i}", "area": round(area, 1), "place": place, "price": round(price)})
    return rows


@pytest.fixture(scope="module")
def cinema(tmp_path_factory):
    """Films, a model of their genres, and predictions with sets of films that it has not seen."""
    folder = tmp_path_factory.mktemp("cinema")
    write(folder / "films.csv", films())
    write(folder / "new.csv", films(120, seed=1))
    args = ["train", folder / "films.csv", "--label", "genres", "--task", "multilabel", "--id", "film"]
    assert ran(*args, "--out", folder / "model", *FAST, "--epochs", "20", "--holdout", "0.4") == 0
    assert ran("calibrate", folder / "model", folder / "films.csv", "--jobs", "1", "--quiet") == 0
    assert ran("predict", folder / "model", folder / "new.csv", "--alpha", "0.1", "--out", folder / "p.csv") == 0
    return folder


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """Houses, a model of their prices, and predictions with intervals."""
    folder = tmp_path_factory.mktemp("market")
    write(folder / "houses.csv", houses())
    write(folder / "new.csv", houses(120, seed=1))
    args = ["train", folder / "houses.csv", "--label", "price", "--task", "regression", "--id", "house"]
    assert ran(*args, "--out", folder / "model", *FAST, "--epochs", "30", "--holdout", "0.4") == 0
    assert ran("calibrate", folder / "model", folder / "houses.csv", "--jobs", "1", "--quiet") == 0
    assert ran("predict", folder / "model", folder / "new.csv", "--alpha", "0.1", "--out", folder / "p.csv") == 0
    return folder


def ran(*args):
    return run([str(a) for a in args])


def error_of(capsys, *args):
    assert ran(*args) == 2
    said = capsys.readouterr().err
    assert said.count("error:") == 1
    return said


def facts_of(capsys, *args):
    capsys.readouterr()
    assert ran(*args, "--json") == 0
    return json.loads(capsys.readouterr().out)


def rows_of(path):
    return list(csv.DictReader(path.open(encoding="utf-8", newline="")))


def card_of(model):
    return json.loads((model / "model_card.json").read_text())


def test_a_model_of_tags_has_a_card_that_tells_of_tags(cinema):
    card = card_of(cinema / "model")
    assert card["evidence"] == ["tags on and off, on 180 of 180 rows"]
    assert set(card["classes"]) == set(GENRES)
    assert card["held_out"]["measure"] == "mean average precision over the tags"
    assert "| tag | given labels |" in (cinema / "model" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card["held_out"]["value"] > 0.8


def test_predicted_tags_have_a_probability_each_and_every_row_has_one(cinema):
    for row in rows_of(cinema / "p.csv"):
        probs = {name: float(row[f"p:{name}"]) for name in GENRES}
        likely = [name for name in sorted(GENRES) if probs[name] > 0.5] or [max(probs, key=probs.__getitem__)]
        assert row["prediction"].split("|") == likely


def test_sets_of_tags_hold_all_tags_of_most_rows(cinema, capsys):
    args = ("evaluate", cinema / "p.csv", cinema / "new.csv", "--label", "genres", "--id", "film")
    facts = facts_of(capsys, *args)
    assert facts["n"] == 120
    assert facts["coverage"]["high"] >= 0.9
    assert facts["f1"]["estimate"] > 0.7
    assert facts["ranking"]["estimate"] > 0.8
    assert ran(*args) == 0
    assert "nothing corrects them" in capsys.readouterr().out


def test_people_who_checked_tags_are_counted_apart(cinema, tmp_path, capsys):
    told = [{"id": r["id"], "decision": "relabel", "label": r["prediction"]} for r in rows_of(cinema / "p.csv")[:40]]
    decisions = write(tmp_path / "decisions.csv", told)
    args = ("evaluate", cinema / "p.csv", cinema / "new.csv", "--label", "genres", "--id", "film")
    facts = facts_of(capsys, *args, "--decisions", decisions)
    assert facts["n_checked"] == 40
    assert facts["checked"]["estimate"] == 1


def test_rows_that_list_one_tag_each_leave_the_others_unknown(tmp_path, capsys):
    rows = [{**row, "genres": row["genres"].split("|")[0]} for row in films()]
    write(tmp_path / "one.csv", rows)
    args = ["train", tmp_path / "one.csv", "--label", "genres", "--task", "multilabel", "--out", tmp_path / "m"]
    assert ran(*args, "--jobs", "1", "--epochs", "5") == 0
    assert "taken as unknown" in capsys.readouterr().out
    card = card_of(tmp_path / "m")
    assert "unknown" in card["evidence"][0]
    assert card["method"] != "IgnoreUnobserved"
    assert ran("calibrate", tmp_path / "m", tmp_path / "one.csv", "--jobs", "1") == 0
    said = capsys.readouterr().out
    assert "no temperature" in said
    assert "Listed tags alone are promised" in said


def test_incomplete_lists_can_be_said(tmp_path):
    write(tmp_path / "films.csv", films())
    args = ["train", tmp_path / "films.csv", "--label", "genres", "--task", "multilabel", "--incomplete"]
    assert ran(*args, "--out", tmp_path / "m", *FAST) == 0
    assert "those not listed are unknown" in card_of(tmp_path / "m")["evidence"][0]


def test_a_model_of_numbers_tells_its_error_in_their_unit(market):
    card = card_of(market / "model")
    assert card["classes"] == {}
    assert card["held_out"]["measure"] == "mean absolute error"
    assert 3000 < card["held_out"]["value"] < 20_000
    assert "half of the predictions lie within" in (market / "model" / "MODEL_CARD.md").read_text()


def test_intervals_hold_the_number_as_often_as_promised(market, capsys):
    args = ("evaluate", market / "p.csv", market / "new.csv", "--label", "price", "--id", "house")
    facts = facts_of(capsys, *args)
    assert facts["coverage"]["high"] >= 0.9
    assert facts["r2"]["estimate"] > 0.8
    assert facts["mean_absolute_error"]["low"] <= facts["mean_absolute_error"]["estimate"]
    assert ran(*args) == 0
    assert "Mean absolute error (counted, 120 rows)" in capsys.readouterr().out


def test_bounds_teach_numbers_and_are_kept_from_the_features(tmp_path):
    rows = []
    for row in houses():
        price = row.pop("price")
        low, high = price // 40_000 * 40_000, price // 40_000 * 40_000 + 40_000
        rows.append({**row, "least": low, "most": "" if price > 200_000 else high})
    write(tmp_path / "bounds.csv", rows)
    write(tmp_path / "new.csv", [{k: v for k, v in row.items() if k != "price"} for row in houses(60, seed=1)])
    args = ["train", tmp_path / "bounds.csv", "--low", "least", "--high", "most", "--id", "house"]
    assert ran(*args, "--out", tmp_path / "m", *FAST, "--epochs", "30") == 0
    assert "bounds, on 180 rows" in card_of(tmp_path / "m")["evidence"][0]
    assert ran("predict", tmp_path / "m", tmp_path / "new.csv", "--out", tmp_path / "p.csv", "--quiet") == 0
    guess = [float(row["prediction"]) for row in rows_of(tmp_path / "p.csv")]
    truth = [row["price"] for row in houses(60, seed=1)]
    assert np.corrcoef(guess, truth)[0, 1] > 0.9


def test_methods_are_named_for_tags_and_numbers_too(tmp_path, capsys):
    write(tmp_path / "films.csv", films())
    write(tmp_path / "houses.csv", houses())
    tags = ["train", tmp_path / "films.csv", "--label", "genres", "--task", "multilabel", *FAST]
    numbers = ["train", tmp_path / "houses.csv", "--label", "price", "--task", "regression", *FAST]
    assert ran(*tags, "--method", "asl", "--out", tmp_path / "a") == 0
    assert ran(*numbers, "--method", "gaussian", "--out", tmp_path / "b") == 0
    assert card_of(tmp_path / "b")["method"] == "GaussianLikelihood"
    assert "has to know the mean number of tags" in error_of(capsys, *tags, "--method", "role", "--out", tmp_path / "c")
    assert "these rows have numbers" in error_of(capsys, *numbers, "--method", "elr", "--out", tmp_path / "c")
    assert "these rows have tags" in error_of(capsys, *tags, "--method", "imprecise", "--out", tmp_path / "c")


def test_what_does_not_fit_the_task_is_one_line(tmp_path, market, cinema, capsys):
    base = ["train", tmp_path / "h.csv", "--out", tmp_path / "m", "--jobs", "1"]
    rows = [{**row, "least": 5, "most": 3} for row in houses(60)]
    write(tmp_path / "h.csv", rows)
    assert "swap the ends" in error_of(capsys, *base, "--low", "least", "--high", "most")
    assert "hold no numbers" in error_of(capsys, *base, "--low", "place").replace("holds", "hold")
    assert "is no number" in error_of(capsys, *base, "--label", "place", "--task", "regression")
    assert "bounds are about numbers" in error_of(capsys, *base, "--low", "area", "--task", "multilabel")
    assert "did you mean 'regression'" in error_of(capsys, *base, "--label", "price", "--task", "regresion")
    assert "one class a row" in error_of(capsys, *base, "--label", "price", "--candidates", "place", "--low", "least")
    assert not (tmp_path / "m").exists()
    wrong = ("evaluate", market / "p.csv", cinema / "new.csv", "--label", "genres", "--id", "film")
    assert "is no number" in error_of(capsys, *wrong)


def test_intervals_need_calibration(market, tmp_path, capsys):
    model = shutil.copytree(market / "model", tmp_path / "model")
    (model / "calibration.json").unlink()
    said = error_of(capsys, "predict", model, market / "new.csv", "--alpha", "0.1", "--out", tmp_path / "p.csv")
    assert "prediction intervals need a calibrated model" in said


def test_too_few_rows_make_infinite_intervals_and_say_so(market, tmp_path, capsys):
    model = shutil.copytree(market / "model", tmp_path / "model")
    write(tmp_path / "few.csv", houses(5, seed=9))
    assert ran("calibrate", model, tmp_path / "few.csv", "--jobs", "1") == 0
    assert "every interval is infinite" in capsys.readouterr().out
    assert ran("predict", model, market / "new.csv", "--alpha", "0.1", "--out", tmp_path / "p.csv", "--quiet") == 0
    assert {row["high"] for row in rows_of(tmp_path / "p.csv")} == {"inf"}
