from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from labelwright.data.cache import Cache
from labelwright.data.language_model import LanguageModel, Prompt, Remembered, WritingModel, checked_probs
from labelwright.errors import BadInput


class Counting:
    """Says yes to texts with an "a", writes texts in capitals, and counts what it is asked."""

    name = "counting"

    def __init__(self):
        self.asked = []

    def option_probs(self, prompts, options):
        self.asked += [p.text for p in prompts]
        yes = np.array([0.9 if "a" in p.text else 0.2 for p in prompts])
        return np.column_stack([yes, 1 - yes])

    def write(self, prompts):
        self.asked += [p.text for p in prompts]
        return [p.text.upper() for p in prompts]


class Scorer:
    name = "scorer"

    def __init__(self, probs):
        self.probs = np.asarray(probs)

    def option_probs(self, prompts, options):
        return self.probs


def prompts(*texts):
    return [Prompt("Is [TEXT] good?", text) for text in texts]


def test_every_slot_is_filled_and_the_text_is_never_read_as_a_template():
    assert Prompt("[TEXT] and [TEXT]", "[TEXT]!").filled() == "[TEXT]! and [TEXT]!"


def test_what_was_asked_once_is_not_asked_again_even_by_another_process(tmp_path):
    first, second = Counting(), Counting()
    given = Remembered(first, Cache(tmp_path)).option_probs(prompts("a", "b", "a"), ["yes", "no"])
    again = Remembered(second, Cache(tmp_path)).option_probs(prompts("b", "a"), ["yes", "no"])
    assert (first.asked, second.asked) == (["a", "b"], [])
    assert_array_equal(given[[1, 0]], again)


@pytest.mark.parametrize(
    "changed", [Prompt("Is [TEXT] bad?", "a"), Prompt("Is [TEXT] good?", "b"), Prompt("Is [TEXT] good?", "a", (b"x",))]
)
def test_another_template_text_or_picture_is_another_question(tmp_path, changed):
    model = Counting()
    remembered = Remembered(model, Cache(tmp_path))
    remembered.option_probs([Prompt("Is [TEXT] good?", "a"), changed], ["yes", "no"])
    assert len(model.asked) == 2


def test_other_options_are_another_question(tmp_path):
    model = Counting()
    remembered = Remembered(model, Cache(tmp_path))
    remembered.option_probs(prompts("a"), ["yes", "no"])
    remembered.option_probs(prompts("a"), ["no", "yes"])
    assert model.asked == ["a", "a"]


def test_a_run_that_breaks_keeps_the_blocks_that_were_answered(tmp_path):
    class Breaks(Counting):
        def option_probs(self, prompts, options):
            if self.asked:
                raise OSError("line cut")
            return super().option_probs(prompts, options)

    with pytest.raises(OSError, match="line cut"):
        Remembered(Breaks(), Cache(tmp_path), block=2).option_probs(prompts("a", "b", "c"), ["yes", "no"])
    model = Counting()
    Remembered(model, Cache(tmp_path)).option_probs(prompts("a", "b", "c"), ["yes", "no"])
    assert model.asked == ["c"]


def test_written_answers_are_remembered_whole(tmp_path):
    model = Counting()
    remembered = Remembered(model, Cache(tmp_path))
    assert [remembered.write(prompts("ä\n√", "")) for _ in range(2)] == [["Ä\n√", ""]] * 2
    assert model.asked == ["ä\n√", ""]


def test_a_scorer_is_told_apart_from_a_writer():
    assert isinstance(Scorer([]), LanguageModel) and not isinstance(Scorer([]), WritingModel)
    assert isinstance(Counting(), WritingModel)
    with pytest.raises(BadInput, match="writes none"):
        Remembered(Scorer([])).write(prompts("a"))


def test_no_prompts_give_no_rows(tmp_path):
    assert Remembered(Counting(), Cache(tmp_path)).option_probs([], ["yes", "no"]).shape == (0, 2)


@pytest.mark.parametrize(
    "probs", [[[0.5, 0.6]], [[1.5, -0.5]], [[np.nan, 1.0]], [[0.5, 0.5]] * 2, [[np.inf, 0]], [0.5]]
)
def test_a_model_that_gives_no_probabilities_is_named(probs):
    with pytest.raises(BadInput, match="scorer"):
        checked_probs(Scorer(probs), prompts("a"), ["yes", "no"])


def test_an_unread_answer_is_a_row_of_nan():
    assert np.isnan(checked_probs(Scorer([[np.nan, np.nan]]), prompts("a"), ["yes", "no"])).all()


@pytest.mark.parametrize("options", [["yes"], ["yes", "yes"], ["yes", " "], []])
def test_answers_must_be_a_choice(options):
    with pytest.raises(BadInput, match="no choice"):
        checked_probs(Scorer([[1.0]]), prompts("a"), options)
