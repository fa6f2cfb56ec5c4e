"""Probabilities from outside: joined by name and id, and caught when they do not belong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.data.load import load_dataset
from labelwright.data.pred_probs import check_pred_probs, load_pred_probs
from labelwright.errors import BadInput
from labelwright.evidence.space import LabelSpace

NAMES = ("bird", "cat", "dog", "truck")
N = 400
RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 4, N)
LABELS = np.where(RNG.random(N) < 0.1, (TRUTH + 1) % 4, TRUTH)
LOGITS = RNG.normal(size=(N, 4)) + 3 * np.eye(4)[TRUTH]
PROBS = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
COLUMNS = {"text": [f"some text {k}" for k in range(N)], "key": [f"r{k}" for k in range(N)]}
DATA = load_dataset({**COLUMNS, "label": [NAMES[k] for k in LABELS]}, label="label", id="key")
FRAME = pd.DataFrame({"key": COLUMNS["key"], **{name: PROBS[:, k] for k, name in enumerate(NAMES)}})


@pytest.fixture
def parquet(tmp_path):
    def _parquet(frame):
        path = tmp_path / "probs.parquet"
        frame.to_parquet(path)
        return path

    return _parquet


def test_a_table_is_joined_by_class_name_and_id_in_any_order(parquet):
    shuffled = FRAME.sample(frac=1, random_state=0)[["truck", "cat", "key", "dog", "bird"]]
    loaded = load_pred_probs(parquet(shuffled), DATA)
    assert_array_equal(loaded.values, PROBS)
    assert loaded.notes == ()


@pytest.mark.parametrize("prefix", ["prob_", "p_", "pred_prob_"])
def test_columns_may_carry_a_common_prefix(parquet, prefix):
    frame = FRAME.rename(columns={name: prefix + name for name in NAMES})
    assert_array_equal(load_pred_probs(parquet(frame), DATA).values, PROBS)


def test_a_csv_is_joined_the_same_way(tmp_path):
    FRAME.iloc[::-1].to_csv(tmp_path / "probs.csv", index=False)
    assert_allclose(load_pred_probs(tmp_path / "probs.csv", DATA).values, PROBS, atol=1e-12)


def test_a_table_without_ids_is_taken_in_order_and_says_so(parquet):
    loaded = load_pred_probs(parquet(FRAME.drop(columns="key")), DATA)
    assert loaded.notes == ("pred_probs has no id column: its rows are taken in the order of the data",)


def test_a_column_that_names_each_row_here_and_there_joins_them_without_being_named(parquet):
    unnamed = load_dataset({**COLUMNS, "label": [NAMES[k] for k in LABELS]}, label="label")
    loaded = load_pred_probs(parquet(FRAME.sample(frac=1, random_state=0)), unnamed)
    assert_array_equal(loaded.values, PROBS)
    assert loaded.notes == ("pred_probs was joined by column 'key', which names each row here and there",)


def test_a_shared_column_that_lacks_a_row_joins_nothing(parquet):
    unnamed = load_dataset({**COLUMNS, "label": [NAMES[k] for k in LABELS]}, label="label")
    loaded = load_pred_probs(parquet(FRAME.assign(key=[*COLUMNS["key"][:-1], "stranger"])), unnamed)
    assert loaded.notes == ("pred_probs has no id column: its rows are taken in the order of the data",)


def test_a_bare_array_says_the_order_it_assumes(tmp_path):
    np.save(tmp_path / "probs.npy", PROBS)
    loaded = load_pred_probs(tmp_path / "probs.npy", DATA)
    assert loaded.notes == ("pred_probs names no classes: its columns are taken as 'bird', 'cat', 'dog', 'truck'",)


def test_classes_put_a_bare_array_in_order(tmp_path):
    order = [2, 0, 3, 1]
    np.save(tmp_path / "probs.npy", PROBS[:, order])
    loaded = load_pred_probs(tmp_path / "probs.npy", DATA, [NAMES[k] for k in order])
    assert_array_equal(loaded.values, PROBS)


def test_an_archive_may_name_its_classes(tmp_path):
    np.savez(tmp_path / "probs.npz", pred_probs=PROBS[:, ::-1], class_names=np.array(NAMES[::-1]))
    loaded = load_pred_probs(tmp_path / "probs.npz", DATA)
    assert_array_equal(loaded.values, PROBS)


def test_ids_that_the_data_lack_are_left_out_and_noted(parquet):
    more = pd.concat([FRAME, FRAME.tail(1).assign(key="stranger")])
    loaded = load_pred_probs(parquet(more), DATA)
    assert loaded.notes == ("pred_probs has 1 row for ids that the data lack, left out: 'stranger'",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="truck"), "no column for 1 of 4 classes: missing 'truck'"),
        (lambda f: f.rename(columns={"truck": "trucks"}), r"missing 'truck'.*did you mean 'trucks'"),
        (lambda f: f.assign(ship=0.0), "columns for classes that the labels do not name: 'ship'"),
        (lambda f: f.head(-2), "no probabilities for 2 of 400 rows: ids 'r398', 'r399'"),
        (lambda f: pd.concat([f, f.tail(1)]), "the ids 'r399' stand in more than one row"),
        (lambda f: f.drop(columns="key").head(-1), "pred_probs has 399 rows but the data have 400"),
        (lambda f: f.assign(truck="many"), "column 'truck' holds no numbers"),
        (lambda f: f.assign(truck=[None, *f["truck"][1:]]), "pred_probs row 0, column 3: is NaN or infinite"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(parquet, change, message):
    with pytest.raises(BadInput, match=message):
        load_pred_probs(parquet(change(FRAME)), DATA)


def test_too_few_columns_name_the_missing_class():
    with pytest.raises(BadInput, match="pred_probs has 3 columns but labels name 4 classes: missing 'truck'"):
        load_pred_probs(PROBS[:, :3], DATA, NAMES[:3])


def test_a_class_that_the_data_lack_is_named():
    with pytest.raises(BadInput, match="pred_probs has 5 columns but labels name 4 classes: 'ship' not among them"):
        load_pred_probs(np.column_stack([PROBS, np.zeros(N)]), DATA, (*NAMES, "ship"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (PROBS[:, :3], "pred_probs has 3 columns but labels name 4 classes: 'bird', 'cat', 'dog', 'truck'"),
        (PROBS[:-1], "pred_probs has 399 rows but there are 400 labels"),
        (PROBS[:, 0], r"an array of shape \(400,\)"),
        (np.where(PROBS[7, 2] == PROBS, np.nan, PROBS), "pred_probs row 7, column 2: is NaN or infinite"),
        (LOGITS, "is no probability; these look like logits. Fix: apply softmax to each row"),
        (np.log(PROBS), "is no probability; these are logarithms. Fix: apply exp"),
        (PROBS * 100, "is no probability; these are percentages. Fix: divide by 100"),
        (PROBS - 0.05, "is no probability"),
        (PROBS * 0.9, r"pred_probs row 0: the probabilities sum to 0\.9\. Fix: divide each row by its sum"),
        (PROBS.astype(str), "not numbers of shape"),
    ],
)
def test_an_array_that_holds_no_probabilities_is_refused(values, message):
    with pytest.raises(BadInput, match=message):
        load_pred_probs(values, DATA)


def test_rounded_probabilities_are_rescaled_and_noted():
    loaded = load_pred_probs(np.round(PROBS, 2), DATA)
    assert_allclose(loaded.values.sum(axis=1), 1, atol=1e-12)
    assert any(note.startswith("pred_probs was rescaled: its rows miss a sum of 1") for note in loaded.notes)


def test_permuted_columns_are_refused_with_the_permutation():
    with pytest.raises(BadInput) as caught:
        load_pred_probs(PROBS[:, [1, 2, 3, 0]], DATA)
    assert "the columns of pred_probs seem to be in another order" in str(caught.value)
    assert "column 0 ('bird') holds 'cat'" in str(caught.value)
    assert "column 3 ('truck') holds 'bird'" in str(caught.value)


def test_two_swapped_columns_are_warned_of_with_their_names():
    notes = load_pred_probs(PROBS[:, [1, 0, 2, 3]], DATA).notes
    assert "column 1 ('cat') holds 'bird', column 0 ('bird') holds 'cat'" in notes[-1]
    assert notes[-1].startswith("WARNING")


@pytest.mark.parametrize(("shift", "words"), [(1, "1 row later"), (-2, "2 rows earlier")])
def test_shifted_rows_are_refused_with_the_shift(shift, words):
    with pytest.raises(BadInput, match=f"the rows of pred_probs seem to be in another order.*when read {words}"):
        load_pred_probs(np.roll(PROBS, shift, axis=0), DATA)


def test_reversed_rows_are_refused():
    with pytest.raises(BadInput, match="when read in reverse order"):
        load_pred_probs(PROBS[::-1], DATA)


def test_shuffled_rows_are_warned_of_as_chance():
    notes = load_pred_probs(PROBS[RNG.permutation(N)], DATA).notes
    assert "% of the given labels and chance with" in notes[-1]
    assert notes[-1].startswith("WARNING")


def test_in_sample_predictions_are_warned_of():
    fitted = 0.9 * np.eye(4)[LABELS] + 0.025
    notes = load_pred_probs(fitted, DATA).notes
    assert "agrees with 100.00 % of the given labels, so the model was probably trained on these rows" in notes[-1]


def test_hard_predictions_are_warned_of():
    notes = load_pred_probs(np.eye(4)[TRUTH], DATA).notes
    assert any("every value of pred_probs is 0 or 1" in note for note in notes)


def test_the_same_row_for_all_is_warned_of():
    notes = load_pred_probs(np.full((N, 4), 0.25), DATA).notes
    assert any("says the same for every row" in note for note in notes)


def test_good_probabilities_raise_no_warning():
    assert check_pred_probs(PROBS, LABELS, LabelSpace(NAMES)) == ()


def test_unlabelled_rows_do_not_count():
    labels = np.where(np.arange(N) < 200, -1, LABELS)
    assert check_pred_probs(PROBS, labels, LabelSpace(NAMES)) == ()


def test_random_probabilities_look_like_no_permutation():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        values = rng.dirichlet(np.ones(30), size=600)
        warnings = check_pred_probs(values, rng.integers(0, 30, 600), LabelSpace(tuple(map(str, range(30)))))
        assert all("chance" in warning for warning in warnings)


def test_pair_flip_noise_is_no_permutation():
    noisy = np.where(RNG.random(N) < 0.45, (TRUTH + 1) % 4, TRUTH)
    assert check_pred_probs(PROBS, noisy, LabelSpace(NAMES)) == ()


TAGS = (RNG.random((N, 5)) < 0.3).astype(np.int8)
TAG_PROBS = np.clip(0.2 + 0.5 * TAGS + 0.15 * RNG.normal(size=TAGS.shape), 0, 1)
TAG_SPACE = LabelSpace(("a", "b", "c", "d", "e"))


def test_tag_probabilities_need_not_sum_to_one():
    assert check_pred_probs(TAG_PROBS, TAGS, TAG_SPACE) == ()


def test_permuted_tag_columns_are_refused():
    with pytest.raises(BadInput, match="column 1 holds 'a'"):
        check_pred_probs(np.roll(TAG_PROBS, 1, axis=1), TAGS, TAG_SPACE)


def test_shuffled_tag_rows_are_warned_of():
    warnings = check_pred_probs(TAG_PROBS[RNG.permutation(N)], TAGS, TAG_SPACE)
    assert "does not follow the tags" in warnings[0]


def test_tags_seen_in_training_are_warned_of():
    assert "trained on them" in check_pred_probs(0.1 + 0.8 * TAGS, TAGS, TAG_SPACE)[0]


def test_a_regression_has_no_probabilities():
    data = load_dataset({"x": np.arange(60.0), "y": np.linspace(0, 1, 60)}, label="y")
    with pytest.raises(BadInput, match="a regression has no class probabilities"):
        load_pred_probs(np.ones((60, 1)), data)


@pytest.mark.parametrize("content", [b"", b"junk", b"\x93NUMPY\x01\x00v\x00{'descr'", b"\x80\x04\x95pickle"])
def test_a_broken_npy_is_refused(tmp_path, content):
    (tmp_path / "probs.npy").write_bytes(content)
    with pytest.raises(BadInput, match=r"probs\.npy: cannot be read"):
        load_pred_probs(tmp_path / "probs.npy", DATA)


def test_a_large_file_is_checked_where_it_lies(tmp_path, monkeypatch):
    monkeypatch.setattr("labelwright.data.pred_probs.LARGE", 100)
    np.save(tmp_path / "probs.npy", PROBS.astype(np.float32))
    loaded = load_pred_probs(tmp_path / "probs.npy", DATA, NAMES)
    assert isinstance(loaded.values, np.memmap)
    assert loaded.values.dtype == np.float32
    assert loaded.notes == ()
