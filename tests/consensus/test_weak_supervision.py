"""Labelling functions over data frames, rules from a file, and a pipeline that ends in a classifier."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from labelwright.consensus import (
    DataProgramming,
    LabelingFunction,
    MajorityVote,
    WeakSupervisionPipeline,
    apply_functions,
    comparison,
    distance,
    keyword,
    labeling_function,
    model,
    question,
    read_rules,
    regex,
)
from labelwright.errors import BadInput
from labelwright.evidence import Votes

FRAME = {"text": ["Subscribe to my channel", "great song", None, "see http://x.y"], "length": [23, 10, 0, 14]}
CLASSES = ["ham", "spam"]


def rules():
    @labeling_function()
    def short(row):
        return "ham" if row["length"] < 12 else None

    return [
        keyword(["subscribe", "my channel"], "text", "spam"),
        regex("https?://", "text", "spam"),
        comparison("length", "spam", at_least=20, name="long"),
        short,
    ]


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_rules_vote_or_abstain_on_any_frame(kind):
    votes = apply_functions(rules(), kind(FRAME), CLASSES)
    assert votes.to_matrix().tolist() == [[1, -1, 1, -1], [-1, -1, -1, 0], [-1, -1, -1, 0], [-1, 1, -1, -1]]


def test_processes_do_not_change_the_votes():
    frame = pd.DataFrame({"text": ["buy", "hello", "BUY it"] * 5})
    functions = [keyword(["buy"], "text", "spam")]
    assert apply_functions(functions, frame, CLASSES, jobs=2) == apply_functions(functions, frame, CLASSES)


def test_keywords_are_whole_words_in_any_case():
    rule = keyword(["win"], "text", "spam")
    assert [rule({"text": t}) for t in ("WIN!", "winter", "twin", None)] == ["spam", None, None, None]


def test_a_decorated_function_keeps_its_name_and_answers():
    @labeling_function(name="loud", columns=["text"])
    def shouting(row):
        return "spam" if row["text"].isupper() else None

    assert isinstance(shouting, LabelingFunction) and shouting.name == "loud" and shouting.columns == ("text",)


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        ([keyword(["a"], "txt", "spam")], "did you mean 'text'"),
        ([LabelingFunction("bad", lambda row: "spamm")], "which is no class"),
        ([LabelingFunction("breaks", lambda row: row["text"].lower())], "rule 'breaks' failed"),
        ([keyword(["a"], "text", "spam", "x")] * 2, "share the name 'x'"),
        ([], "no labelling functions"),
    ],
)
def test_rules_that_go_wrong_are_named(functions, message):
    with pytest.raises(BadInput, match=message):
        apply_functions(functions, pd.DataFrame({"text": [None]}), CLASSES)


def test_rules_are_read_from_a_plain_file(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(
        "- {name: asks, column: text, keywords: [subscribe, my channel], label: spam}\n"
        "- {name: link, column: text, regex: 'https?://', label: spam}\n"
        "- {name: short, column: length, at_most: 12, label: ham}\n",
        encoding="utf-8",
    )
    found = read_rules(path)
    assert [f.name for f in found] == ["asks", "link", "short"]
    assert apply_functions(found, pd.DataFrame(FRAME), CLASSES).to_matrix()[:, 2].tolist() == [-1, 0, 0, -1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {name: a, column: c, label: l, keywrods: [x]}", "did you mean 'keywords'"),
        ("- {name: a, column: c, label: l}", "one condition"),
        ("- {name: a, column: c, label: l, regex: '('}", "rule 1: '\\('"),
        ("- {name: a, column: c, label: yes, regex: x}", "'label' is missing or no text"),
        ("- {name: a, column: c, label: l, at_least: many}", "no number"),
        ("- !!python/object/apply:os.system [echo]", "no YAML"),
        ("just words", "no list of rules"),
        ("- word", "rule 1"),
    ],
)
def test_a_rule_that_is_not_right_is_named_with_its_place(tmp_path, text, message):
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        read_rules(path)
    with pytest.raises(BadInput, match="there is no such file of rules"):
        read_rules(tmp_path / "nowhere.yaml")


def made(n=300, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 3)) + 1.5 * truth[:, None]
    table = np.where(rng.random((n, 5)) < 0.75, truth[:, None], 1 - truth[:, None])
    table[rng.random((n, 5)) < 0.6] = -1
    return X, truth, Votes.from_matrix(table, 2)


def test_the_end_model_beats_the_votes_and_answers_rows_without_any():
    X, truth, votes = made()
    pipeline = WeakSupervisionPipeline(DataProgramming()).fit(X, votes)
    voted = votes.counts().sum(axis=1) > 0
    assert pipeline.n_used_ == voted.sum() < len(X)
    assert (pipeline.predict(X) == truth).mean() > 0.9


def test_certain_soft_labels_are_ordinary_training():
    X, truth, _ = made()
    votes = Votes.from_matrix(truth[:, None], 2)
    pipeline = WeakSupervisionPipeline(MajorityVote(), LogisticRegression()).fit(X, votes)
    assert_allclose(pipeline.predict_proba(X), LogisticRegression().fit(X, truth).predict_proba(X), atol=1e-6)


def test_what_a_pipeline_cannot_learn_from_is_refused():
    X, _, votes = made(20)
    with pytest.raises(BadInput, match="X has 19 rows"):
        WeakSupervisionPipeline().fit(X[:19], votes)
    with pytest.raises(BadInput, match="name one class"):
        WeakSupervisionPipeline(MajorityVote()).fit(X, Votes.from_matrix(np.zeros((20, 1), int), 2))


SAID = ["please subscribe to my channel", "Subscribe to my chanel, pls", "what a song", None]


@pytest.mark.parametrize(("at_most", "wanted"), [(0.0, [1, -1, -1, -1]), (0.6, [1, 1, -1, -1])])
def test_a_text_is_like_an_example_within_a_distance(at_most, wanted):
    rule = distance([SAID[0]], "text", "spam", at_most=at_most)
    votes = apply_functions([rule], pd.DataFrame({"text": SAID}), CLASSES)
    assert votes.to_matrix()[:, 0].tolist() == wanted
    assert [rule({"text": text}) == "spam" for text in SAID] == [one == 1 for one in wanted]


def test_a_trained_model_is_a_rule_where_it_is_sure():
    probs = np.array([[0.02, 0.98], [0.1, 0.9], [0.11, 0.89]])
    sure = model(lambda table: probs[: table.num_rows], CLASSES, "spam", at_least=0.9)
    votes = apply_functions([keyword(["a"], "text", "ham"), sure], pd.DataFrame({"text": ["a", "b", "a"]}), CLASSES)
    assert votes.to_matrix().tolist() == [[0, 1], [-1, 1], [0, -1]]


class Reader:
    name = "reader"

    def option_probs(self, prompts, options):
        assert options == ("yes", "no")
        yes = np.array([np.nan if "?" in prompt.text else float("win" in prompt.text) for prompt in prompts])
        return np.column_stack([yes, 1 - yes])


def test_a_question_to_a_language_model_is_a_rule_and_no_answer_abstains():
    asks = question('Does "[TEXT]" promise a prize?', Reader(), "text", "spam")
    votes = apply_functions([asks], pd.DataFrame({"text": ["win now", "hello", "?"]}), CLASSES)
    assert votes.to_matrix()[:, 0].tolist() == [1, -1, -1]


def test_a_rule_for_all_rows_must_answer_each():
    rule = LabelingFunction("short", lambda row: None, (), "spam", lambda table: ["spam"])
    with pytest.raises(BadInput, match="1 answers for 2 rows"):
        apply_functions([rule], pd.DataFrame({"text": ["a", "b"]}), CLASSES)


def test_models_and_examples_are_read_from_a_plain_file(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(
        "- {name: like, column: text, distance: [please subscribe], at_most: 0.4, label: spam}\n"
        "- {name: old, model: old-model, at_least: 0.8, label: ham}\n"
        "- {name: asked, column: text, question: 'Is \"[TEXT]\" a prize?', label: spam}\n",
        encoding="utf-8",
    )
    opened = []

    def models(folder):
        opened.append(folder)
        return lambda table: np.tile([0.8, 0.2], (table.num_rows, 1)), CLASSES

    found = read_rules(path, models=models, asked=Reader())
    frame = pa.table({"text": ["Please subscribe", "win"]})
    assert opened == [tmp_path / "old-model"]
    assert apply_functions(found, frame, CLASSES).to_matrix().tolist() == [[1, 0, -1], [-1, 0, 1]]
    for missing, message in (({"models": None}, "rule 2: nothing opens models"), ({"asked": None}, "rule 3: .*--llm")):
        with pytest.raises(BadInput, match=message):
            read_rules(path, **({"models": models, "asked": Reader()} | missing))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {name: a, column: c, label: l, distance: [], at_most: 0.2}", "no examples"),
        ("- {name: a, column: c, label: l, distance: [x], at_most: 1}", "not in"),
        ("- {name: a, column: c, label: l, distance: [x], at_least: 1}", "has no at_least"),
        ("- {name: a, column: c, label: l, keywords: [x], at_most: 1}", "has no at_most"),
        ("- {name: a, label: nobody, model: m}", "knows no class 'nobody'"),
        ("- {name: a, label: spam, model: m, at_least: 2}", "not in"),
        ("- {name: a, column: c, label: l, question: no slot}", "no place for the text"),
    ],
)
def test_limits_that_mean_nothing_are_refused(tmp_path, text, message):
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        read_rules(tmp_path / "rules.yaml", models=lambda folder: (lambda table: None, CLASSES), asked=Reader())
