"""An ensemble of judges: what it says, what it flags, and how far its flags can be trusted [P188]."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from json_schema import problems
from labelwright.audit import (
    ConfidenceBin,
    EstimatorJudge,
    JudgedLabels,
    JudgeEnsemble,
    PromptedJudge,
    Ratings,
    SimilarityJudge,
    compare_annotators,
    estimated_errors,
    filter_flagged,
    find_predicted_neq_given,
    flag_by_disagreement,
    flag_ordinal,
    flip_flagged,
    judge_agreement,
    mean_of_judges,
    precision_by_confidence,
    reported_vs_corrected,
)
from labelwright.cli import run
from labelwright.errors import BadInput
from labelwright.metrics.report import Report
from labelwright.report.measure import measure_facts
from labelwright.report.schemas import schema

NAN = float("nan")


class Says:
    """A judge that says what it was given."""

    def __init__(self, name, probs):
        self.name, self.probs = name, np.asarray(probs)

    def score(self, items, options):
        return self.probs


@given(st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_p188_one_judge_with_tau_0_is_the_confusion_baseline_and_above_1_nothing_is_flagged(seed):
    rng = np.random.default_rng(seed)
    labels, probs = rng.integers(0, 4, 60), rng.dirichlet(np.ones(4), 60)
    ensemble = JudgeEnsemble([Says("one", probs)], list("abcd")).score(range(60))
    assert_array_equal(flag_by_disagreement(labels, ensemble), find_predicted_neq_given(labels, probs))
    assert not flag_by_disagreement(labels, ensemble, tau=1.0001).any()


def test_the_mean_leaves_out_judges_that_do_not_answer():
    said = mean_of_judges([[[1, 0], [NAN, NAN]], [[0.5, 0.5], [NAN, NAN]]])
    assert_allclose(said, [[0.75, 0.25], [0.5, 0.5]])


def test_a_higher_tau_flags_a_part_of_what_a_lower_one_flags():
    rng = np.random.default_rng(0)
    labels, probs = rng.integers(0, 3, 200), rng.dirichlet(np.ones(3), 200)
    low, high = flag_by_disagreement(labels, probs, 0.5), flag_by_disagreement(labels, probs, 0.8)
    assert high.sum() < low.sum() and not (high & ~low).any()


def test_an_unlabelled_row_is_never_flagged():
    assert_array_equal(flag_by_disagreement([-1, 0], [[0.1, 0.9], [0.1, 0.9]]), [False, True])


def test_an_ordinal_rating_one_step_off_is_no_error():
    probs = np.eye(5)[[2, 3, 4]]
    assert_array_equal(flag_ordinal([2, 2, 2], probs), [False, False, True])


def test_a_doubted_rating_is_never_the_suggested_one():
    rng = np.random.default_rng(0)
    probs, given = rng.dirichlet(np.full(5, 0.3), 500), rng.integers(0, 5, 500)
    scale = Ratings()
    doubted = scale.flag(given, probs)
    assert doubted.any() and (scale.answer(probs)[doubted] != given[doubted]).all()
    with pytest.raises(BadInput, match="the nearest step"):
        Ratings(0.4)


def test_filter_and_flip_touch_the_same_rows():
    labels, probs = np.array([0, 0, 1]), np.array([[0.05, 0.95], [0.4, 0.6], [0.1, 0.9]])
    assert_array_equal(filter_flagged(labels, probs, 0.9), [False, True, True])
    assert_array_equal(flip_flagged(labels, probs, 0.9), [1, 0, 1])


def test_the_bins_count_every_flag_once():
    c = np.array([0.2, 0.5, 0.55, 0.95, 1.0, 0.7])
    flags = np.array([1, 1, 1, 1, 1, 0], bool)
    bins = precision_by_confidence(c, flags, flags, [0, 1, 0, 1, 1, 1])
    assert [(b.flagged, b.errors) for b in bins] == [(1, 0), (2, 1), (0, 0), (0, 0), (0, 0), (0, 0), (2, 2)]
    assert bins[-1].precision.estimate == 1.0 and np.isnan(bins[2].precision.estimate)


def test_when_everything_was_checked_the_number_of_errors_is_known():
    found = estimated_errors([ConfidenceBin(0.9, 1.0, 10, 10, 7)], unflagged=5, checked=5, errors=1)
    assert (found.estimate, found.low, found.high) == (8, 8, 8)


def test_a_bin_without_checks_counts_with_the_one_below_it():
    low, high = ConfidenceBin(0.8, 0.9, 10, 5, 2), ConfidenceBin(0.9, 1.0, 10, 0, 0)
    assert estimated_errors([low, high], 0, 0, 0).estimate == pytest.approx(20 * 2 / 5)
    assert estimated_errors([ConfidenceBin(0.5, 0.6, 10, 0, 0), low], 0, 0, 0).estimate == pytest.approx(20 * 2 / 5)


def test_where_nothing_was_checked_the_number_of_errors_is_unknown():
    assert np.isnan(estimated_errors([ConfidenceBin(0.9, 1.0, 10, 0, 0)], 5, 5, 1).estimate)
    assert np.isnan(estimated_errors([ConfidenceBin(0.9, 1.0, 10, 5, 1)], 5, 0, 0).estimate)


def test_a_model_that_is_right_where_the_label_is_wrong_scores_higher_on_corrected_labels():
    given_labels, truth = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])
    good, bad = reported_vs_corrected({"good": truth, "copies": given_labels}, given_labels, truth)
    assert (good.reported, good.corrected, good.reported_rank, good.corrected_rank) == (0.75, 1.0, 2, 1)
    assert (bad.reported, bad.corrected) == (1.0, 0.75)


def test_judges_that_always_agree_have_kappa_1():
    assert judge_agreement([[0, 1, 2], [0, 1, 2], [0, 1, 2]], 3) == 1.0


def test_a_right_label_costs_the_price_over_the_accuracy():
    (judge, silent) = compare_annotators({"a": [0, 1, -1, 0], "b": [-1] * 4}, [0, 1, 1, 1], {"a": 2.0, "b": 1.0})
    assert (judge.answers, judge.accuracy.estimate, judge.per_right_label) == (3, 2 / 3, 3.0)
    assert np.isnan(silent.accuracy.estimate) and silent.per_right_label is None
    with pytest.raises(BadInput, match="price of 'a'"):
        compare_annotators({"a": [0]}, [0], {"a": -1})


def test_a_judge_by_similarity_prefers_the_class_that_is_described_alike():
    vectors = {"x": [1.0, 0.1], "a": [1.0, 0.0], "b": [0.0, 1.0]}
    judge = SimilarityJudge("s", lambda texts: [vectors[t] for t in texts], {"A": "a", "B": "b"})
    assert judge.score(["x"], ["A", "B"]).argmax() == 0
    with pytest.raises(BadInput, match="'C' has no description"):
        judge.score(["x"], ["A", "C"])


def test_a_classifier_that_lacks_a_class_gives_it_probability_0():
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit([[0.0], [1.0]], [0, 2])
    assert_allclose(EstimatorJudge("m", model).score(np.array([[0.0]]), "abc")[:, 1], 0)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: JudgeEnsemble([], ["a", "b"]), "no judge"),
        (lambda: JudgeEnsemble([Says("s", [[2.0, -1.0]])], ["a", "b"]).score([0]), "no probabilities"),
        (lambda: JudgeEnsemble([Says("s", [[1.0, 0.0]])], ["a", "b"]).score([0, 1]), "an array"),
        (lambda: PromptedJudge(None, "no slot"), "no place for the text"),
        (lambda: JudgedLabels(tau=2), "tau is 2"),
        (lambda: JudgedLabels().measure([0, 5], {"j": np.eye(2)}, ["a", "b"]), "5"),
    ],
)
def test_what_cannot_be_judged_is_said_in_one_line(act, words):
    with pytest.raises(BadInput, match=words) as told:
        act()
    assert "\n" not in str(told.value)


def test_the_report_says_what_checked_rows_say_and_fits_its_schema():
    truth = np.tile([0, 1], 100)
    labels = truth.copy()
    labels[:20] = 1 - labels[:20]
    judges = {"a": np.eye(2)[truth] * 0.9 + 0.05, "b": np.eye(2)[truth]}
    report = JudgedLabels().measure(labels, judges, ["x", "y"], truth=truth, checked=np.ones(200, bool))
    assert "By the checked rows 10.0 % of all labels are wrong (10.0 to 10.0 %)." in report.verdict
    assert report.figures["doubted"] == 20
    assert problems(json.loads(json.dumps(measure_facts("judges", report))), schema("measure")) == []
    assert Report.from_json(report.to_json()) == report


@pytest.fixture
def mails(tmp_path):
    rng = np.random.default_rng(0)
    words = (["win", "cash", "prize", "claim"], ["home", "dinner", "train", "love"])
    y = np.arange(120) % 2
    texts = [" ".join(rng.choice(words[k], 6)) for k in y]
    given_labels = ["ham" if k else "spam" for k in y]
    given_labels[:3] = ["ham", "spam", "ham"]
    table = pa.table({"id": [f"m{i}" for i in range(120)], "text": texts, "kind": given_labels})
    pq.write_table(table, tmp_path / "mails.parquet")
    return tmp_path


def test_the_command_finds_planted_errors_and_its_suggestions_can_be_applied(mails, capsys, monkeypatch):
    monkeypatch.chdir(mails)
    columns = ["--label", "kind", "--id", "id"]
    assert run(["measure", "judges", "mails.parquet", *columns, "--tau", "0.7", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert "The judges doubt 3 of 120 labels" in out and "apply suggestions.csv DATA" in out
    suggested = (mails / "judges-report" / "suggestions.csv").read_text()
    assert {line.split(",")[0].strip('"') for line in suggested.splitlines()[1:]} == {"m0", "m1", "m2"}
    assert run(["apply", "judges-report/suggestions.csv", "mails.parquet", *columns, "--out", "mended.parquet"]) == 0


def test_given_judges_and_checked_rows_are_read_and_json_is_one_line(mails, capsys, monkeypatch):
    monkeypatch.chdir(mails)
    sure = np.tile([[0.02, 0.98], [0.97, 0.03]], (60, 1))
    table = pa.table({"id": [f"m{i}" for i in range(120)], "ham": sure[:, 0], "spam": sure[:, 1]})
    pq.write_table(table, "judge.parquet")
    (mails / "checked.csv").write_text("id,decision,label\nm0,relabel,spam\nm5,keep,\n")
    argv = ["measure", "judges", "mails.parquet", "--label", "kind", "--id", "id"]
    assert run([*argv, "--judge", "judge.parquet", "--checked", "checked.csv", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["measure"] == "judges" and facts["figures"]["checked by people"] == 2
    (mails / "costs.yaml").write_text("judge.parquet: 0.01\n")
    priced = [*argv, "--judge", "judge.parquet", "--checked", "checked.csv", "--costs", "costs.yaml", "--json"]
    assert run(priced) == 0 and "cost of a right label" in capsys.readouterr().out
    (mails / "costs.yaml").write_text("somebody: 0.01\n")
    assert run(priced) == 2
    assert run([*argv, "--judge", "absent.parquet"]) == 2
    assert run([*argv, "--out", "mails.parquet"]) == 2
    assert run(["measure", "judgs"]) == 2


def test_ratings_one_step_off_are_not_doubted_and_the_order_of_steps_must_be_known(mails, capsys, monkeypatch):
    monkeypatch.chdir(mails)
    given, said = np.tile([1, 2, 5], 4), np.tile([2, 2, 2], 4)
    pq.write_table(pa.table({"id": [f"m{i}" for i in range(12)], "stars": given.astype(str)}), "stars.parquet")
    judge = {"id": [f"m{i}" for i in range(12)], **{str(k): (said == k).astype(float) for k in (1, 2, 5)}}
    pq.write_table(pa.table(judge), "judge.parquet")
    argv = [
        "measure",
        "judges",
        "stars.parquet",
        "--label",
        "stars",
        "--id",
        "id",
        "--judge",
        "judge.parquet",
        "--json",
    ]
    assert run(argv) == 0 and json.loads(capsys.readouterr().out)["figures"]["doubted"] == 8
    assert run([*argv, "--ordinal"]) == 0 and json.loads(capsys.readouterr().out)["figures"]["doubted"] == 0
    assert run([*argv, "--ordinal", "--classes", "2,5,1"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["doubted"] == 4
    named = ["measure", "judges", "mails.parquet", "--label", "kind", "--id", "id", "--ordinal"]
    assert run(named) == 2 and "the order of the steps" in capsys.readouterr().err
