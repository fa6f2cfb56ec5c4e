from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.data.features import text as module
from labelwright.data.features.text import text_features

TOPICS = [
    "the goalkeeper saved a penalty in the match",
    "the bank raised interest rates again",
    "rain and wind tonight",
]


def corpus(n=90):
    return [f"{TOPICS[i % 3]} {i % 7} {'x' * (i % 5)}" for i in range(n)]


def test_texts_of_a_topic_are_nearer_to_each_other():
    X, _ = text_features(corpus())
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    same = np.arange(90) % 3
    similarity = unit @ unit.T
    assert similarity[same[:, None] == same].mean() > similarity[same[:, None] != same].mean() + 0.3


@pytest.mark.parametrize("jobs", [2, 3])
def test_threads_do_not_change_a_bit(jobs, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 20)
    assert text_features(corpus(), jobs=1)[0].tobytes() == text_features(corpus(), jobs=jobs)[0].tobytes()


def test_the_same_text_has_the_same_vector_wherever_it_stands():
    texts = corpus()
    X, _ = text_features([*texts, texts[0]])
    assert_array_equal(X[0], X[-1])


def test_learning_from_a_sample_still_gives_every_row_a_vector(monkeypatch):
    monkeypatch.setattr(module, "SAMPLE", 40)
    X, notes = text_features(corpus())
    assert len(X) == 90
    assert (np.linalg.norm(X, axis=1) > 0).all()
    assert "learned from 40 rows" in notes[0]


def test_with_all_dimensions_inner_products_are_those_of_the_weighted_counts():
    texts = corpus(12)
    X, _ = text_features(texts, dimensions=12)
    assert_allclose((X**2).sum(axis=1), 1, atol=1e-5)


def test_case_is_folded_and_empty_texts_are_zero():
    X, _ = text_features(["Red Apple", "red apple", "", "   ", "blue sky", "blue sea"])
    assert_array_equal(X[0], X[1])
    assert_array_equal(X[2:4], 0)


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [""],
        ["", ""],
        ["a"],
        ["same"] * 30,
        ["日本語のテキスト", "日本語の文章", "中文文本"],
        ["🙂🙃", "🙂", "\ud800 lone surrogate", "\x00\x1b[31m"],
        ["e\u0301t\u00e9", "\u202eabc\u202c", "ﷺ" * 50],
        ["x" * 100_000, "y " * 50_000],
    ],
)
def test_any_texts_give_finite_vectors(texts):
    X, _ = text_features(texts)
    assert len(X) == len(texts)
    assert X.dtype == np.float32
    assert np.isfinite(X).all()


def test_languages_without_spaces_are_told_apart_by_characters():
    X, _ = text_features(["東京の天気は雨", "東京の天気は晴れ", "株価が上昇した", "株価が下落した"] * 5)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > unit[0] @ unit[2] + 0.2


def test_long_texts_are_worked_on_a_few_at_a_time(monkeypatch):
    texts = ["word " * 1000] * 10 + corpus()
    whole = text_features(texts)[0]
    monkeypatch.setattr(module, "_BLOCK_CHARACTERS", 7000)
    blocks = module._blocks(texts)
    assert [b.start for b in blocks[1:]] == [b.stop for b in blocks[:-1]]
    assert blocks[-1].stop == len(texts)
    assert len(blocks) > 5
    assert_allclose(text_features(texts)[0], whole, atol=1e-4)
