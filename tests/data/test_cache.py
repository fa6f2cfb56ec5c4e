from __future__ import annotations

import stat

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from labelwright.data.cache import Cache, content_hash, default_folder


def entry_of(cache):
    (entry,) = cache.path.glob("*/*.npy")
    return entry


def test_a_second_call_does_not_compute(tmp_path):
    cache, calls = Cache(tmp_path), []
    for _ in range(2):
        value = cache.array("key", lambda: calls.append(1) or np.arange(6.0).reshape(2, 3))
    assert calls == [1]
    assert_array_equal(value, np.arange(6.0).reshape(2, 3))


def test_another_key_is_another_entry(tmp_path):
    cache = Cache(tmp_path)
    assert cache.array(("a", 1), lambda: np.zeros(1)) == 0
    assert cache.array(("a", 2), lambda: np.ones(1)) == 1


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "grow", "pickle"])
def test_a_damaged_entry_is_computed_again(tmp_path, damage):
    cache = Cache(tmp_path)
    cache.array("key", lambda: np.arange(100))
    entry = entry_of(cache)
    raw = bytearray(entry.read_bytes())
    if damage == "flip":
        raw[200] ^= 1
    if damage == "pickle":
        np.save(entry, np.array([{}], dtype=object), allow_pickle=True)
        raw = bytearray(entry.read_bytes())
    entry.write_bytes({"cut": raw[:-40], "empty": b"", "grow": raw + b"x"}.get(damage, raw))
    assert_array_equal(cache.array("key", lambda: np.arange(100)), np.arange(100))
    assert_array_equal(cache.array("key", lambda: np.zeros(0)), np.arange(100))


def test_the_folder_is_private(tmp_path):
    cache = Cache(tmp_path / "new")
    cache.array("key", lambda: np.zeros(3))
    assert stat.S_IMODE(cache.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(entry_of(cache).stat().st_mode) == 0o600


def test_clear_frees_what_size_reports_and_leaves_other_files(tmp_path):
    cache = Cache(tmp_path)
    cache.array("a", lambda: np.zeros(1000))
    cache.array("b", lambda: np.ones(10))
    (tmp_path / "notes.txt").write_text("mine")
    count, size = cache.size()
    assert count == 2
    assert cache.clear() == size > 8000
    assert cache.size() == (0, 0)
    assert (tmp_path / "notes.txt").exists()


def test_a_folder_that_cannot_be_written_costs_nothing_but_the_saving(tmp_path):
    (tmp_path / "file").write_text("")
    assert_array_equal(Cache(tmp_path / "file").array("key", lambda: np.arange(2)), [0, 1])


def test_an_interrupted_computation_leaves_nothing(tmp_path):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Cache(tmp_path).array("key", interrupted)
    assert list(tmp_path.iterdir()) == []


def test_arrays_of_objects_are_refused(tmp_path):
    with pytest.raises(TypeError):
        Cache(tmp_path).array("key", lambda: np.array([{}], dtype=object))


def test_the_environment_names_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELWRIGHT_CACHE", str(tmp_path / "here"))
    assert default_folder() == tmp_path / "here" == Cache().path


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", b"a"),
        ("1", 1),
        (1, 1.0),
        (True, 1),
        (None, "None"),
        (["ab", "c"], ["a", "bc"]),
        ([["a"], "b"], ["a", ["b"]]),
        (np.zeros(4), np.zeros((2, 2))),
        (np.zeros(4, np.float32), np.zeros(4, np.int32)),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, ["a", 1]),
        (pa.array(["a", None]), pa.array(["a", ""])),
        (pa.array([1, 2]), pa.array([1, 3])),
    ],
)
def test_different_contents_have_different_hashes(one, other):
    assert content_hash(one) != content_hash(other)


def test_chunks_of_a_column_do_not_change_its_hash():
    assert content_hash(pa.chunked_array([["a"], ["b", None]])) == content_hash(pa.chunked_array([["a", "b", None]]))
    whole = pa.array(["x", "a", "b"])
    assert content_hash(pa.chunked_array([whole.slice(1)])) == content_hash(pa.chunked_array([["a", "b"]]))


def test_strides_do_not_change_the_hash():
    x = np.arange(12).reshape(3, 4)
    assert content_hash(np.asfortranarray(x)) == content_hash(x)


def test_what_could_change_behind_its_hash_is_refused():
    with pytest.raises(TypeError, match="function"):
        content_hash([lambda: 1])
