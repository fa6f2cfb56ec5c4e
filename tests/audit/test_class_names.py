import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.audit.class_names import ClassNames, SmallClasses
from labelwright.evidence.space import LabelSpace


def score(**counts):
    return scored(dict(counts))


def scored(counts):
    names = tuple(counts)
    return ClassNames().score(np.repeat(np.arange(len(names)), list(counts.values())), LabelSpace(names))


def test_case_twins_merge_into_the_commoner_spelling():
    s = score(Bug=812, bug=3)
    assert s.reason == ["'Bug' and 'bug' differ only in case: 812 and 3 rows; merge into 'Bug', the commoner spelling"]
    assert (s.given, s.suggested) == (["bug"], ["Bug"])


@pytest.mark.parametrize(
    ("odd", "plain", "words"),
    [
        ("bug ", "bug", "space or invisible characters"),
        ("b\u200bug", "bug", "invisible"),
        ("credit  card", "credit card", "space"),
        (" Bug", "bug", "space and case"),
        ("Ｂug", "Bug", "Unicode form (U+FF22"),
        ("cafe\u0301", "caf\u00e9", "Unicode form"),
        ("с\u0430t", "cat", "letters that look alike (U+0441 CYRILLIC SMALL LETTER ES)"),
        ("credit_card", "credit card", "how words are separated"),
        ("top-10", "top 10", "how words are separated"),
        ("STRASSE", "straße", "case"),
    ],
)
def test_twins_are_told_apart_by_what_differs(odd, plain, words):
    s = scored({plain: 50, odd: 40})
    assert (s.given, s.suggested) == ([odd], [plain])
    assert words in s.reason[0]


@pytest.mark.parametrize(
    "names",
    [
        ("1", "-1", "1.0", "10", "1.00", "0"),
        ("C", "C++", "C#", "F#"),
        ("class_1", "class_2", "class_12"),
        ("positive", "negative", "neutral"),
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        ("a/b", "ab"),
        ("かに", "カニ"),
    ],
)
def test_different_names_of_similar_size_are_left_alone(names):
    assert len(scored(dict.fromkeys(names, 40))) == 0


@pytest.mark.parametrize("typo", ["hrose", "horsee", "hors", "hosre", "norse"])
def test_a_rare_name_one_slip_from_a_common_one_is_a_typo(typo):
    s = scored({"horse": 500, typo: 4, "house": 480})
    assert s.reason == [f"'{typo}' looks like a typo of 'horse': 4 rows against 500; merge into 'horse'"]


def test_short_names_are_typos_only_when_a_letter_is_doubled_or_swapped():
    assert scored({"ham": 500, "hamm": 4, "hma": 2}).suggested == ["ham", "ham"]
    assert len(score(cat=500, car=4, cats=3, bat=2, at=2)) == 0


def test_two_common_names_one_slip_apart_are_two_classes():
    assert len(score(horse=500, house=480)) == 0


def test_rare_names_that_differ_in_digits_are_no_typos():
    assert len(score(route10=500, route11=2)) == 0


def test_of_many_spellings_one_is_kept():
    s = scored({"Bug": 9, "bug": 30, " bug ": 2, "BUG": 1})
    assert set(s.suggested) == {"bug"} and len(s) == 3


def test_equal_counts_keep_the_spelling_without_oddities():
    assert scored({" spam": 5, "spam": 5}).suggested == ["spam"]
    assert scored({"с\u0430t": 5, "cat": 5}).suggested == ["cat"]


@given(st.lists(st.text(max_size=6), min_size=1, max_size=8, unique=True))
def test_no_names_crash_it_and_every_name_is_given_up_at_most_once(names):
    s = scored(dict.fromkeys(names, 3))
    assert len(set(s.given)) == len(s) < len(names)
    assert not set(s.given) & set(s.suggested)


def test_hostile_names_arrive_inert():
    s = scored({"\x1b[31mred": 9, "\x1b[31mRED": 3})
    assert "\x1b" not in s.reason[0]


@pytest.mark.parametrize("names", [(), ("one",)])
def test_no_and_one_class_have_no_twins(names):
    assert len(ClassNames().score(np.empty(0, dtype=int), LabelSpace(names))) == 0


def test_five_thousand_classes_are_compared_without_pairs():
    space = LabelSpace(tuple(f"{chr(97 + i % 26)}{chr(97 + i // 26 % 26)} kind {i} of thing" for i in range(5000)))
    assert len(ClassNames().score(np.arange(5000), space)) == 0


def test_classes_under_five_rows_are_listed():
    s = SmallClasses().score(np.repeat([0, 1, 2], [5, 4, 1]), LabelSpace(("a", "b", "c", "d")))
    assert s.is_issue.tolist() == [False, True, True, True]
    assert s.reason[1:] == [
        "'b' has only 4 rows: too few to learn from or to judge",
        "'c' has only 1 row: too few to learn from or to judge",
        "'d' has no rows: too few to learn from or to judge",
    ]


def test_unlabelled_data_have_no_small_classes():
    assert SmallClasses().score([-1, -1], LabelSpace(("a",))).n_issues == 0
