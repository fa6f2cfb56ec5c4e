import os
import signal
import subprocess
import sys

import pytest

from labelwright.atomic import check_can_write, staged_directory, write_aside

KILLED = """
import os, pathlib, signal, sys
from labelwright.atomic import write_aside
with write_aside(pathlib.Path(sys.argv[1])) as aside:
    aside.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


KILLED_IN_A_DIRECTORY = KILLED.replace("write_aside", "staged_directory").replace("aside.write", "(aside / 'a').write")


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_aside(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), write_aside(path) as aside:
        aside.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_replaces_the_file_and_is_private(tmp_path):
    with write_aside(tmp_path / "new" / "a.txt") as aside:
        aside.write_text("new")
    assert (tmp_path / "new" / "a.txt").read_text() == "new"
    assert (tmp_path / "new" / "a.txt").stat().st_mode & 0o077 == 0


def test_what_a_killed_writer_of_this_file_left_aside_is_swept(tmp_path):
    name = "a" * 251 + ".txt"
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path / name])
    assert killed.returncode == -signal.SIGKILL
    with write_aside(tmp_path / "other.txt") as aside:
        aside.write_text("another file's writer leaves it alone")
    assert len(list(tmp_path.glob(".labelwright-staging-*"))) == 1
    with write_aside(tmp_path / name) as aside:
        aside.write_text("whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, "other.txt"]


def test_a_new_directory_appears_whole(tmp_path):
    with staged_directory(tmp_path / "out") as aside:
        (aside / "a").write_text("1")
        assert not (tmp_path / "out").exists()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]


def test_a_failed_directory_changes_nothing(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_text("old")
    with pytest.raises(RuntimeError), staged_directory(tmp_path / "out") as aside:
        (aside / "a").write_text("new")
        raise RuntimeError
    assert (tmp_path / "out" / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_other_files_of_a_directory_stay(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")
    with staged_directory(tmp_path / "out") as aside:
        (aside / "a").write_text("1")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a", "mine"}


def test_what_an_interrupted_run_left_aside_is_swept(tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_A_DIRECTORY, tmp_path / "out"])
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob(".labelwright-staging-*"))) == 1
    with staged_directory(tmp_path / "out"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("write", [write_aside, staged_directory])
def test_two_writers_of_one_place_do_not_sweep_each_other(tmp_path, write):
    def put(aside, text):
        (aside / "a" if write is staged_directory else aside).write_text(text)

    with write(tmp_path / "out") as first, write(tmp_path / "out") as second:
        put(first, "first")
        put(second, "second")
    told = tmp_path / "out" / "a" if write is staged_directory else tmp_path / "out"
    assert told.read_text() == "first"  # the inner one ended before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_directory_may_be_staged_within_one_and_files_within_that(tmp_path):
    with staged_directory(tmp_path / "out") as outer:
        with staged_directory(outer) as inner, write_aside(inner / "a") as aside:
            aside.write_text("1")
        with write_aside(outer / "b") as aside:
            aside.write_text("2")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "b"]


def test_asking_whether_one_can_write_creates_nothing(tmp_path):
    check_can_write(tmp_path / "x" / "y")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_an_os_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        check_can_write(tmp_path / "file" / "out")


def test_what_is_staged_may_be_written_as_a_staged_folder_itself(tmp_path):
    with staged_directory(tmp_path / "out") as aside:
        with staged_directory(aside) as inner:
            (inner / "model").write_text("weights")
        (aside / "card").write_text("facts")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["card", "model"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
def test_a_forked_process_that_lives_on_keeps_nobody_waiting(tmp_path):
    code = (
        "import os, pathlib, signal, sys\n"
        "from labelwright.atomic import _held, staged_directory\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with _held(folder, wait=True):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        signal.pause()\n"
        "with staged_directory(folder) as aside:\n"
        "    (aside / 'a.txt').write_text('in time')\n"
        "os.kill(child, signal.SIGKILL)\n"
    )
    (tmp_path / "b.txt").write_text("so that files are moved one by one")
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=30)
    assert (tmp_path / "a.txt").read_text() == "in time"
