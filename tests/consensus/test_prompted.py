"""P083: questions to a language model vote, abstain, and are weighed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.consensus import (
    MajorityVote,
    PromptedLabelingFunction,
    PromptedWeakSupervision,
    ResponseMap,
    WrittenLabelingFunction,
    calibrate_contextually,
)
from labelwright.errors import BadInput

SPAM = ["win cash now", "subscribe to me", "free cash", "subscribe now"] * 6
HAM = ["lovely song", "see you at home", "nice day", "what a song"] * 6


class Words:
    """Says yes where the word before ``?`` of the question occurs; leans to yes by `bias` everywhere."""

    name = "words"

    def __init__(self, bias=0.0):
        self.bias, self.asked = bias, 0

    def option_probs(self, prompts, options):
        self.asked += len(prompts)
        found = np.array([prompt.template.split()[0] in prompt.text.split() for prompt in prompts])
        yes = np.where(found, 0.8, 0.3) ** (1 - self.bias)
        return np.column_stack([yes, 1 - yes])

    def write(self, prompts):
        return ["Yes." if prompt.template.split()[0] in prompt.text.split() else "No." for prompt in prompts]


def question(word, label, kind=PromptedLabelingFunction):
    return kind(word, f"{word} in [TEXT]?", ResponseMap({"yes": label, "no": None}))


QUESTIONS = [question(w, "spam") for w in ("cash", "subscribe", "now")] + [question(w, "ham") for w in ("song", "home")]


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=5))
def test_p083_a_model_without_habits_is_not_changed_by_calibration(weights):
    p = np.array([weights]) / sum(weights)
    assert_allclose(calibrate_contextually(p, np.full(p.shape[1], 1 / p.shape[1])), p)


def test_an_answer_that_says_what_no_content_says_tells_nothing():
    assert_allclose(calibrate_contextually([[0.7, 0.2, 0.1]], [0.7, 0.2, 0.1]), [[1 / 3] * 3])


def test_unread_rows_stay_unread_and_a_silent_response_is_not_divided_by_zero():
    out = calibrate_contextually([[np.nan, np.nan], [0.0, 1.0], [0.5, 0.5]], [0.0, 1.0])
    assert np.isnan(out[0]).all() and np.isfinite(out[1:]).all()
    assert_allclose(out[1], [0, 1])
    with pytest.raises(BadInput, match="do not fit"):
        calibrate_contextually([[0.5, 0.5]], [0.3, 0.3, 0.4])


def test_p083_one_question_that_never_abstains_is_returned_by_the_label_model():
    sure = PromptedLabelingFunction("now", "now in [TEXT]?", ResponseMap({"yes": "spam", "no": "ham"}))
    model = PromptedWeakSupervision(Words(), [sure], ["ham", "spam"], label_model=MajorityVote(), calibrate=False)
    fitted = model.fit(SPAM + HAM)
    wanted = ["now" in text.split() for text in SPAM + HAM]
    assert_array_equal(fitted.label_model_.predict_proba(fitted.votes_).argmax(axis=1), wanted)


def test_the_votes_are_the_likeliest_responses_and_no_class_abstains():
    votes = PromptedWeakSupervision(Words(), QUESTIONS, ["ham", "spam"], calibrate=False).votes(["win cash", "my song"])
    assert_array_equal(votes.to_matrix(), [[1, -1, -1, -1, -1], [-1, -1, -1, 0, -1]])


def test_calibration_takes_out_a_leaning_to_yes():
    texts = ["win cash", "my day"]
    leaning = PromptedWeakSupervision(Words(bias=0.9), QUESTIONS, ["ham", "spam"], calibrate=False)
    assert (leaning.votes(texts).to_matrix() >= 0).all()
    calibrated = PromptedWeakSupervision(Words(bias=0.9), QUESTIONS, ["ham", "spam"])
    assert_array_equal(calibrated.votes(texts).to_matrix(), [[1, -1, -1, -1, -1], [-1] * 5])


def test_texts_and_questions_become_a_classifier():
    model = PromptedWeakSupervision(Words(), QUESTIONS, ["ham", "spam"]).fit(SPAM + HAM)
    assert_array_equal(model.predict(["subscribe for cash now", "a song at home"]), ["spam", "ham"])
    assert_allclose(model.predict_proba(HAM).sum(axis=1), 1)


def test_predicting_asks_no_question():
    words = Words()
    model = PromptedWeakSupervision(words, QUESTIONS, ["ham", "spam"]).fit(SPAM + HAM)
    before = words.asked
    model.predict(["cash"])
    assert words.asked == before == 5 * (48 + 3)


def test_features_of_your_own_take_the_place_of_the_built_in_ones():
    X = np.array([[text in SPAM] for text in SPAM + HAM], dtype=float)
    model = PromptedWeakSupervision(Words(), QUESTIONS, ["ham", "spam"]).fit(SPAM + HAM, X)
    assert_array_equal(model.predict(["?", "?"], np.array([[1.0], [0.0]])), ["spam", "ham"])
    with pytest.raises(BadInput, match="different features"):
        model.predict(["?"])


def test_questions_that_hardly_vote_are_left_out():
    rare = [*QUESTIONS, question("giraffe", "spam")]
    model = PromptedWeakSupervision(Words(), rare, ["ham", "spam"], least_coverage=0.05).fit(SPAM + HAM)
    assert [f.name for f in model.functions_] == ["cash", "subscribe", "now", "song", "home"]
    with pytest.raises(BadInput, match="no question votes"):
        PromptedWeakSupervision(Words(), rare[-1:], ["ham", "spam"]).fit(SPAM + HAM)


def test_soft_votes_spread_what_abstains_evenly():
    model = PromptedWeakSupervision(Words(), [QUESTIONS[0]], ["ham", "spam"], calibrate=False)
    assert_allclose(model.signals(["win cash"]), [[[0.1, 0.9]]])


def test_the_same_question_twice_is_named_as_dependent():
    twice = [*QUESTIONS, PromptedLabelingFunction("again", QUESTIONS[0].template, QUESTIONS[0].responses)]
    both = [PromptedLabelingFunction(f.name, f.template, ResponseMap({"yes": "spam", "no": "ham"})) for f in twice]
    model = PromptedWeakSupervision(Words(), both, ["ham", "spam"], label_model=MajorityVote(), calibrate=False)
    assert (0, 5) in {(pair.first, pair.second) for pair in model.fit(SPAM + HAM).dependence_}


def test_written_answers_vote_like_weighed_ones():
    written = [question(f.name, f.responses.classes["yes"], WrittenLabelingFunction) for f in QUESTIONS]
    texts = SPAM[:4] + HAM[:4]
    weighed = PromptedWeakSupervision(Words(), QUESTIONS, ["ham", "spam"], calibrate=False)
    said = PromptedWeakSupervision(Words(), written, ["ham", "spam"])
    assert_array_equal(said.votes(texts).to_matrix(), weighed.votes(texts).to_matrix())


@pytest.mark.parametrize(
    "answer, found", [("Not spam!", 1), ("SPAM", 0), ("spammer", -1), ("", -1), ("spam or not spam", -1), ("Käse", 2)]
)
def test_a_response_is_read_as_whole_words(answer, found):
    assert ResponseMap({"spam": "spam", "not spam": "ham", "Käse": None}).read(answer) == found


def test_an_answer_that_is_not_read_abstains():
    class Mumbles(Words):
        def write(self, prompts):
            return ["hm"] * len(prompts)

    written = question("cash", "spam", WrittenLabelingFunction)
    model = PromptedWeakSupervision(Mumbles(), [written], ["ham", "spam"])
    assert_array_equal(model.votes(["cash"]).to_matrix(), [[-1]])
    assert np.isnan(model.signals(["cash"])).all()


@pytest.mark.parametrize("classes", [{"yes": "spam"}, {"yes": None, "no": None}, {}])
def test_responses_must_tell_a_class_apart(classes):
    with pytest.raises(BadInput, match="no class apart"):
        ResponseMap(classes)


def test_mistakes_are_told_before_anything_is_asked():
    words = Words()
    with pytest.raises(BadInput, match=r"'spma', which is no class.*did you mean 'spam'"):
        PromptedWeakSupervision(words, [question("cash", "spma")], ["ham", "spam"])
    with pytest.raises(BadInput, match="share the name 'cash'"):
        PromptedWeakSupervision(words, QUESTIONS[:1] * 2, ["ham", "spam"])
    with pytest.raises(BadInput, match="no questions"):
        PromptedWeakSupervision(words, [], ["ham", "spam"])
    with pytest.raises(BadInput, match="no place for the text"):
        PromptedLabelingFunction("x", "Is it spam?", ResponseMap({"yes": "spam", "no": None}))
    with pytest.raises(BadInput, match="call fit"):
        PromptedWeakSupervision(words, QUESTIONS, ["ham", "spam"]).predict(["a"])
    assert words.asked == 0
