from hypothesis import given
from hypothesis import strategies as st

from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.inert import display_width, inert, shortened


@given(st.text())
def test_inert_text_holds_nothing_that_a_terminal_acts_on(text):
    shown = inert(text)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or 0x202A <= ord(char) <= 0x202E for char in shown)
    assert not shown.lstrip().startswith("::")


@given(st.text(alphabet="abc äß中 🙂-_/.", max_size=40))
def test_plain_text_stays_as_it_is(text):
    assert inert(text) == text


def test_an_emoji_joined_family_stays_readable():
    assert inert("e\u0301") == "e\u0301"


def test_wide_characters_take_two_columns_and_marks_none():
    assert display_width("中文") == 4
    assert display_width("e\u0301") == 1


def test_shortened_text_ends_in_an_ellipsis():
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd"


def test_a_quoted_value_is_cut_at_eighty_characters():
    assert len(quoted("x" * 500)) == 82
    assert quoted("a\nb") == "'a\\nb'"


def test_a_long_list_says_how_many_more():
    assert listed(["a", "b", "c"], 2) == "'a', 'b' and 1 more"


def test_near_names_are_offered_and_case_counts_as_near():
    assert did_you_mean("TOPIC", ["topic", "body"]).startswith("did you mean 'topic'")
    assert did_you_mean("zzz", ["topic", "body"]) == "use one of 'topic', 'body'"


def test_bad_input_reads_as_place_problem_remedy():
    error = BadInput("it is empty", where="a.csv line 2", fix="fill it")
    assert str(error) == "a.csv line 2: it is empty. Fix: fill it."
    assert error.exit_code == 2


def test_commands_of_hosted_runners_are_broken_wherever_they_stand():
    assert "##[" not in inert("row 3 ##[error]x") and "##vso[" not in inert("see ##vso[task.setvariable]")
    assert inert("a::b") == "a::b"
