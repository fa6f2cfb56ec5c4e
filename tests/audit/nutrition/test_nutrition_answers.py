"""The questionnaire is read strictly and in plain forms."""

from __future__ import annotations

import pytest

from labelwright.audit.nutrition.answers import Answers, UseCase, load_answers, read_use_cases
from labelwright.errors import BadInput


def test_a_misspelt_question_is_refused_with_the_near_one():
    with pytest.raises(BadInput, match=r"'licence' is not a question.*did you mean 'license'"):
        Answers.from_dict({"licence": "CC0"})


def test_a_yaml_file_and_a_dict_give_the_same_answers(tmp_path):
    path = tmp_path / "answers.yaml"
    path.write_text("made_by: A bureau\nsensitive: [race, sex]\ncollected_to: 2020-05-31\nmissing_codes: {age: -1}\n")
    same = {
        "made_by": "A bureau",
        "sensitive": "race, sex",
        "collected_to": "2020-05-31",
        "missing_codes": {"age": [-1]},
    }
    assert load_answers(path) == load_answers(same)


def test_yaml_that_would_build_objects_is_refused(tmp_path):
    path = tmp_path / "answers.yaml"
    path.write_text("made_by: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(BadInput, match="not YAML"):
        load_answers(path)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"collected_from": "last year"}, "is not a date"),
        ({"badges": {"consent": "perhaps"}}, "neither true nor false"),
        ({"badges": {"consents": True}}, "did you mean 'consent'"),
        ({"reference_shares": {"race": {"A": 1.4}}}, r"not in \[0, 1\]"),
        ({"horizon_days": -3}, "not a number of days"),
        ({"horizon_days": True}, "not a number of days"),
        ({"use_cases": [{"title": "no id"}]}, "has no id"),
        ({"use_cases": [{"id": "a"}, {"id": "a"}]}, "share the id 'a'"),
        ({"use_cases": "triage"}, "are a list"),
        ({"variables": {"age": "years"}}, "expected names with values"),
        ({"keywords": 3}, "expected a list"),
    ],
)
def test_a_wrong_answer_is_named(answers, message):
    with pytest.raises(BadInput, match=message):
        load_answers(answers)


def test_a_missing_answers_file_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        load_answers(tmp_path / "none.yaml")


def test_an_empty_file_is_a_questionnaire_without_answers(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("")
    assert load_answers(path).unanswered == Answers().unanswered


def test_nobody_asked_differs_from_nothing_answered():
    assert load_answers(None).given is False
    assert load_answers({}).given is True


def test_use_cases_pass_through_and_are_read_from_dicts():
    assert read_use_cases([{"id": "a", "columns": "x, y"}]) == (UseCase("a", columns=("x", "y")),)
