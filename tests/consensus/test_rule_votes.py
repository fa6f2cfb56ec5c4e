"""Rules vote in place of people."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest

from labelwright.consensus import aggregate_rules, keyword, labeling_function, read_rules
from labelwright.errors import BadInput

TEXTS = ["win a prize", "thanks a lot", "hello", "you win, thanks", "win win", "thanks"] * 10
RULES = [keyword(["win"], "text", "spam"), keyword(["thanks"], "text", "ham")]


def frame():
    return pd.DataFrame({"mail": [f"m{i}" for i in range(len(TEXTS))], "text": TEXTS})


def test_rows_without_a_vote_have_no_label():
    labels = aggregate_rules(RULES, frame(), task="mail").labels
    assert labels["label"].tolist()[:2] == ["spam", "ham"] and pd.isna(labels["label"][2])
    assert labels["n_votes"].tolist()[:4] == [1, 1, 0, 2]
    assert labels["confidence"][:2].notna().all() and pd.isna(labels["confidence"][2])


def test_a_person_is_asked_where_rules_say_nothing_or_contradict():
    reask = aggregate_rules(RULES, frame(), task="mail").reask
    assert reask["annotator"].isna().all() and len(reask) >= 20
    assert {"m2", "m3"} <= set(reask["task"])


def test_known_labels_give_rules_an_accuracy_with_its_interval():
    known = frame().assign(truth=(["spam", "ham", None, "spam", "spam", "ham"] * 10))
    result = aggregate_rules(RULES, known, gold="truth")
    table = result.annotators.set_index("annotator")
    assert table.loc["keyword win", "checked"] == 1.0 and table.loc["keyword thanks", "checked"] == pytest.approx(2 / 3)
    assert table.loc["keyword thanks", "checked_low"] < 2 / 3 < table.loc["keyword thanks", "checked_high"]
    assert table.loc["keyword win", "coverage"] == 0.5


def test_decorated_functions_run_in_several_processes_on_any_frame():
    @labeling_function(columns=["text"], label="spam")
    def shouts(row):
        return "spam" if "win" in row["text"] else None

    alone = aggregate_rules([shouts, RULES[1]], frame())
    shared = aggregate_rules([shouts, RULES[1]], pl.from_pandas(frame()), jobs=2)
    assert isinstance(shared.labels, pl.DataFrame)
    assert shared.labels["p_spam"].to_list() == alone.labels["p_spam"].tolist()


def test_rules_that_speak_about_the_same_rows_are_warned_about():
    spam = ["win a car", "win now", "cash for you", "cash now", "free win", "free call", "free cash"]
    texts = pd.DataFrame({"text": [*(spam * 20), *(["see you", "hi there", "see hi", "thanks"] * 60)]})
    rules = [keyword([word], "text", "spam") for word in ("win", "cash", "free")]
    rules += [keyword([word], "text", "ham") for word in ("see", "hi", "thanks")]
    assert aggregate_rules(rules, texts).dependent == ()
    copied = aggregate_rules([*rules, keyword(["win"], "text", "spam", name="again")], texts).dependent
    assert [(pair.first, pair.second, pair.agreement) for pair in copied] == [(0, 6, 1.0)]


def test_a_rule_without_a_column_reads_the_one_that_is_named(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("- {name: w, keywords: win, label: spam}\n- {name: t, column: mail, regex: m, label: ham}\n")
    rules = read_rules(path, "text")
    assert [rule.columns for rule in rules] == [("text",), ("mail",)] and rules[0].label == "spam"
    with pytest.raises(BadInput, match="'column' is missing"):
        read_rules(path)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda f: f.assign(mail="one"), {"task": "mail"}, "stands twice"),
        (lambda f: f.assign(truth="eggs"), {"gold": "truth", "classes": ["ham", "spam"]}, "'eggs' is no class"),
        (lambda f: f, {"task": "mails"}, "did you mean 'mail'"),
    ],
)
def test_what_does_not_fit_is_refused(change, options, message):
    with pytest.raises(BadInput, match=message):
        aggregate_rules(RULES, change(frame()), **options)
