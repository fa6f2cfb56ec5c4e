"""What is inferred about columns, and the reasons given."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.data.infer import infer_plan
from labelwright.data.readers.frames import from_frame
from labelwright.errors import BadInput

RNG = np.random.default_rng(0)
N = 60
TEXTS = [f"a sentence about thing number {k} in the shop" for k in range(N)]
LABEL = [["cat", "dog", "owl"][k % 3] for k in range(N)]
SIZES = RNG.normal(size=N).tolist()


def _plan(columns, label="label", **asked):
    return infer_plan(from_frame({**columns, "label": LABEL}), label, **asked)


def _reason(plan, name):
    return next(column.reason for column in plan.ignored if column.name == name)


def test_free_text_is_the_input_and_the_rest_is_said_to_be_left():
    plan = _plan({"body": TEXTS, "size": SIZES})
    assert (plan.modality, plan.text) == ("text", ("body",))
    assert _reason(plan, "size") == "the text is used"


def test_two_text_columns_are_both_used():
    assert _plan({"subject": TEXTS, "body": TEXTS[::-1]}).text == ("subject", "body")


def test_numbers_and_categories_make_a_table():
    plan = _plan({"size": SIZES, "color": RNG.choice(["red", "blue"], N).tolist()})
    assert (plan.modality, plan.feature_columns) == ("table", ("size", "color"))


def test_vectors_are_features():
    plan = _plan({"embedding": RNG.normal(size=(N, 4)), "size": SIZES})
    assert (plan.modality, plan.feature_columns) == ("features", ("embedding",))


def test_names_of_image_files_are_images():
    plan = _plan({"file": [f"pets/{k}.jpg" for k in range(N)], "size": SIZES})
    assert (plan.modality, plan.image) == ("image", "file")


def test_asian_text_without_spaces_is_text():
    assert _plan({"text": [f"これは猫についての{k}番目の長い文章です。とても長いです" for k in range(N)]}).text == (
        "text",
    )


def test_short_text_is_used_when_nothing_else_is_left():
    plan = _plan({"name": [f"Ann Smith{'abcdefghij'[k % 10]}{'xyzuvw'[k // 10]}" for k in range(N)]})
    assert (plan.modality, plan.text) == ("text", ("name",))


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("row", list(range(N)), "it counts the rows"),
        ("ticket_id", RNG.permutation(10_000)[:N].tolist(), "it is named like an identifier"),
        ("ref", [f"AB-{k * 7919:06d}" for k in range(N)], "every row has its own code"),
        ("digest", [f"{k:032x}" for k in range(N)], "its cells are hashes or UUIDs"),
        ("created", [f"2024-01-{k % 28 + 1:02d} 10:00" for k in range(N)], "it holds dates or times"),
        ("day", np.datetime64("2024-01-01") + np.arange(N), "it holds dates or times"),
        ("source", ["web"] * N, "every row holds 'web'"),
        ("gaps", [None] * (N - 1) + ["x"], "every row that is not empty holds 'x'"),
        ("nothing", [None] * N, "it is empty"),
        ("labelwright_weight", SIZES, "an earlier run wrote it"),
        ("species", [name.upper() + " " for name in LABEL], "it repeats the label in all of the rows"),
        ("species_code", [name[0] for name in LABEL], "it is the label under other names in all of the rows"),
        ("shelf", [f"{name}{k % 2}" for k, name in enumerate(LABEL)], "the label follows exactly from its 6 values"),
    ],
)
def test_a_column_that_is_no_input_is_ignored_with_a_reason(name, values, reason):
    plan = _plan({name: values, "size": SIZES})
    assert _reason(plan, name).startswith(reason)
    assert plan.feature_columns == ("size",)


def test_a_number_that_splits_the_classes_by_thresholds_gives_the_label_away():
    place = [["cat", "dog", "owl"].index(name) + k / 1000 for k, name in enumerate(LABEL)]
    plan = _plan({"place": place, "size": SIZES})
    assert _reason(plan, "place") == "the label follows exactly from thresholds on it, so it gives the label away"


def test_a_threshold_is_kept_when_it_is_the_only_input():
    assert _plan({"place": sorted(SIZES)}).feature_columns == ("place",)


def test_a_rare_flag_is_no_copy_of_a_rare_label():
    label = ["yes"] * 2 + ["no"] * 998
    flag = ["no"] * 996 + ["yes"] * 4
    plan = infer_plan(from_frame({"flag": flag, "size": RNG.normal(size=1000).tolist(), "label": label}), "label")
    assert plan.feature_columns == ("flag", "size")


def test_a_leaking_column_asked_for_by_name_is_used_and_noted():
    plan = _plan({"species": LABEL, "size": SIZES}, feature_columns=["species", "size"])
    assert plan.feature_columns == ("species", "size")
    assert any("column 'species' is used as asked, though it repeats the label" in note for note in plan.notes)


def test_a_copy_of_tags_gives_them_away():
    tags = [["a"], ["a", "b"], ["b"]] * 20
    frame = {"tags": tags, "copy": ["|".join(t).upper() for t in tags], "size": SIZES}
    plan = infer_plan(from_frame(frame), "tags")
    assert _reason(plan, "copy").startswith("it repeats the label in all of the rows")


def test_two_columns_that_sum_to_a_number_give_it_away():
    a, b = RNG.integers(0, 99, N), RNG.integers(0, 99, N)
    frame = {"casual": a, "member": b, "size": SIZES, "count": a + b}
    plan = infer_plan(from_frame(frame), "count")
    assert plan.task == "regression"
    assert _reason(plan, "casual").startswith("the label is the sum of 'casual' and 'member'")
    assert plan.feature_columns == ("size",)


def test_a_number_on_another_scale_is_a_copy_of_a_regression_label():
    price = RNG.normal(size=N)
    plan = infer_plan(from_frame({"cents": 100 * price, "size": SIZES, "price": price}), "price")
    assert _reason(plan, "cents").startswith("it is the label on another scale")


def test_a_split_column_is_found_by_name_and_values():
    plan = _plan({"body": TEXTS, "split": ["train", "test"] * (N // 2)})
    assert plan.split == "split"
    assert "split: column 'split', by its name and values" in plan.notes


def test_a_comma_joined_string_names_several_text_columns():
    assert _plan({"subject": TEXTS, "body": TEXTS}, text="subject, body").text == ("subject", "body")


def test_with_a_file_of_features_the_text_is_what_people_are_shown():
    plan = _plan({"body": TEXTS, "size": SIZES}, features="vectors.npy")
    assert (plan.modality, plan.text, plan.feature_columns) == ("features", ("body",), ())
    assert _reason(plan, "size") == "the features are used"


def test_with_a_column_of_vectors_the_text_is_what_people_are_shown():
    plan = _plan({"body": TEXTS, "embedding": RNG.normal(size=(N, 4)).tolist()})
    assert (plan.modality, plan.text, plan.feature_columns) == ("features", ("body",), ("embedding",))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"label": "lable"}, r"there is no column 'lable'\. Fix: did you mean 'label'"),
        ({"text": ["bodi"]}, r"there is no column 'bodi' \(given as text\)\. Fix: did you mean 'body'"),
        ({"text": ["label"]}, "column 'label' is given both as label and as text"),
        ({"text": ["body"], "image": "size"}, "text, image and feature columns cannot be mixed"),
        ({"image": "size"}, "column 'size' holds no images"),
        ({"task": "clasification"}, r"there is no task 'clasification'\. Fix: did you mean 'classification'"),
        ({"label": None}, r"which column holds the labels is not said\. Fix: name it, for example --label label"),
        ({"id": "label"}, "column 'label' is given both as label and as id"),
        (
            {"task": "regression"},
            r"row 0, column 'label': 'cat' is no number, so the column cannot be read as regression",
        ),
    ],
)
def test_a_wrong_wish_is_refused(asked, message):
    with pytest.raises(BadInput, match=message):
        _plan({"body": TEXTS, "size": SIZES}, **{"label": "label", **asked})


def test_the_group_may_also_be_the_split():
    plan = _plan({"body": TEXTS, "part": ["a", "b"] * (N // 2)}, group="part", split="part")
    assert (plan.group, plan.split) == ("part", "part")
