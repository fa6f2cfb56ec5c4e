import hashlib
import uuid

import numpy as np
import pyarrow as pa
import pytest

from labelwright.audit.suspicious_columns import IdentifierColumns, LeakingColumns
from labelwright.errors import BadInput

N = 200
RNG = np.random.default_rng(0)
WORDS = RNG.choice(["late", "parcel", "refund", "please", "broken", "never", "arrived", "thanks"], size=(N, 8))
LABELS = np.arange(N) % 3

IDENTIFIERS = {
    "counter": np.arange(5, 5 + N),
    "down": np.arange(N, 0, -1),
    "shuffled": RNG.permutation(N),
    "as_text": [str(i) for i in range(N)],
    "customer_id": RNG.choice(10**9, N, replace=False),
    "userId": [f"{a}{b}" for a, b in zip(WORDS[:, 0], range(N), strict=True)],
    "ticket": [f"T-{i:05d}" for i in RNG.permutation(N)],
    "uuid": [str(uuid.UUID(int=i * 7919)) for i in range(N)],
    "digest": [hashlib.sha256(str(i).encode()).hexdigest() for i in range(N)],
    "mail": [f"p{i % 150}@example.org" for i in range(N)],
}
ORDINARY = {
    "income": RNG.choice(10**6, N, replace=False),
    "measure": RNG.normal(size=N),
    "measure_as_text": [f"{v:.4f}" for v in RNG.normal(size=N)],
    "free_text": [" ".join(row) for row in WORDS],
    "one_word": WORDS[:, 0],
    "date": [f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}T{i % 24:02d}:00:{i % 60:02d}" for i in range(N)],
    "flag": RNG.random(N) < 0.5,
    "small": RNG.integers(0, 9, N),
    "empty": [None] * N,
    "group_id": RNG.integers(0, 20, N),
}


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_identifier_columns_are_told(name):
    s = IdentifierColumns().score(pa.table({name: IDENTIFIERS[name]}))
    assert s.is_issue.all() and s.column == [name]


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_columns_are_no_identifiers(name):
    assert IdentifierColumns().score(pa.table({name: ORDINARY[name]})).n_issues == 0


def test_the_reason_says_what_the_column_holds():
    s = IdentifierColumns().score(pa.table({"n": np.arange(1, 31)}))
    assert s.reason == ["column 'n' counts up the file from 1 to 30: it names rows, so leave it out of training"]


def test_few_rows_are_not_judged():
    assert len(IdentifierColumns().score(pa.table({"id": [1, 2, 3]}))) == 0
    assert len(LeakingColumns().score(pa.table({"id": [1, 2, 3]}), [0, 1, 0])) == 0


LEAKS = {
    "copy": LABELS,
    "queue": np.array(["billing", "delivery", "other"])[LABELS],
    "threshold": LABELS * 10 + RNG.random(N) * 9,
    "file": [f"{name}/{i:04d}.txt" for i, name in enumerate(np.array(["ham", "spam", "eggs"])[LABELS])],
    "null_or_not": [None if y == 0 else float(y) for y in LABELS.tolist()],
}


@pytest.mark.parametrize("name", LEAKS)
def test_columns_that_give_the_label_away_are_told(name):
    s = LeakingColumns(accuracy=0.97).score(pa.table({name: LEAKS[name]}), LABELS)
    assert s.is_issue.all() and "alone tells the label" in s.reason[0]


@pytest.mark.parametrize("name", [*ORDINARY, "ticket", "uuid", "shuffled"])
def test_columns_without_the_label_do_not_leak(name):
    t = pa.table({name: (IDENTIFIERS | ORDINARY)[name]})
    assert LeakingColumns().score(t, RNG.permutation(LABELS)).n_issues == 0


def test_a_helpful_column_is_not_a_leak():
    noisy = np.where(RNG.random(N) < 0.1, (LABELS + 1) % 3, LABELS)
    assert LeakingColumns().score(pa.table({"hint": noisy}), LABELS).n_issues == 0


def test_a_common_class_alone_is_not_a_leak():
    labels = np.r_[np.zeros(1990, int), np.ones(10, int)]
    column = np.random.default_rng(1).integers(0, 5, 2000)
    assert LeakingColumns().score(pa.table({"x": column}), labels).n_issues == 0


def test_a_tiny_class_hides_no_leak():
    labels = np.r_[np.tile([0, 1], 500), 2, 2]
    column = np.where(labels == 2, 0, labels)
    assert LeakingColumns().score(pa.table({"x": column}), labels).n_issues == 1


def test_a_target_copied_with_a_factor_leaks():
    y = RNG.normal(size=N) * 3
    s = LeakingColumns(accuracy=0.9).score(pa.table({"twice": 2 * y, "other": RNG.normal(size=N)}), y)
    assert s.is_issue.tolist() == [True, False]


@pytest.mark.parametrize("labels", [np.zeros(N, int), np.full(N, -1), np.full(N, np.nan)])
def test_one_class_and_no_labels_give_nothing(labels):
    assert len(LeakingColumns().score(pa.table({"x": np.arange(N)}), labels)) == 0


def test_unlabelled_rows_do_not_count():
    labels = np.where(np.arange(N) < 40, -1, LABELS)
    assert LeakingColumns().score(pa.table({"x": np.where(labels < 0, 7, labels)}), labels).n_issues == 1


def test_infinite_values_do_not_crash():
    x = RNG.normal(size=N)
    x[:3] = [np.inf, -np.inf, np.nan]
    assert LeakingColumns().score(pa.table({"x": x}), LABELS).n_issues == 0


def test_labels_of_another_length_are_refused():
    with pytest.raises(BadInput, match="labels has 2 entries, expected 3"):
        LeakingColumns().score(pa.table({"x": [1, 2, 3]}), [0, 1])


def test_hostile_column_names_arrive_inert():
    name = "{0}\x1b[31m{}"
    s = LeakingColumns().score(pa.table({name: LABELS}), LABELS)
    assert s.n_issues == 1 and "\x1b" not in s.reason[0] and "{0}" in s.reason[0]


def test_categories_are_looked_into():
    t = pa.table(
        {"q": pa.array(LEAKS["queue"]).dictionary_encode(), "u": pa.array(IDENTIFIERS["uuid"]).dictionary_encode()}
    )
    assert LeakingColumns().score(t, LABELS).is_issue.tolist() == [True, False]
    assert IdentifierColumns().score(t).is_issue.tolist() == [False, True]
