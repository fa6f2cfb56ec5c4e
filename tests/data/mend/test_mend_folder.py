"""Folders of images: a new tree with the bytes of the old one, or moves that can be taken back."""

from __future__ import annotations

import csv
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labelwright.data import load_dataset
from labelwright.data.mend import MendOptions, apply_decisions, moves, read_decisions, undo_moves
from labelwright.data.mend.in_place import apply_in_place
from labelwright.errors import BadInput
from labelwright.report.comparison import comparison_lines
from labelwright.versions import compare


def make(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files below a folder; their bytes need not be images."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def contents(folder: Path, hidden: bool = True) -> dict[str, str]:
    """Return the hash of every file below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and (hidden or not name.startswith(".")):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def decide(folder: Path, verdicts: dict[str, str]) -> dict[str, list[str | None]]:
    """Return decisions for paths: a class to relabel to, or ``reject``, ``keep``, ``cannot_tell``."""
    data = load_dataset(folder)
    paths = data.column("path").to_pylist()
    table: dict[str, list[str | None]] = {"id": [], "decision": [], "label": []}
    for path, verdict in verdicts.items():
        is_class = verdict not in ("reject", "keep", "cannot_tell")
        table["id"].append(str(data.ids[paths.index(path)]))
        table["decision"].append("relabel" if is_class else verdict)
        table["label"].append(verdict if is_class else None)
    return table


@pytest.fixture
def pets(tmp_path):
    """Two splits, two classes, one name in both classes, a file that is no image and a hidden one."""
    return make(
        tmp_path / "pets",
        {
            "train/cat/a.png": b"1",
            "train/cat/b.png": b"2",
            "train/dog/a.png": b"3",
            "test/cat/c.png": b"4",
            "test/dog/d.png": b"5",
            "test/dog/e.png": b"1",
            "train/cat/notes.txt": b"n",
            "train/.DS_Store": b"h",
        },
    )


def rows(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_relabelled_image_lies_in_the_folder_of_its_class_and_split(pets, tmp_path):
    before = contents(pets)
    apply_decisions(decide(pets, {"test/cat/c.png": "dog"}), pets, tmp_path / "new")
    expected = {("test/dog/c.png" if k == "test/cat/c.png" else k): v for k, v in before.items() if ".DS" not in k}
    new = contents(tmp_path / "new")
    assert new.pop("manifest.csv")
    assert new == expected
    assert contents(pets) == before


def test_a_taken_name_gets_a_number_and_is_listed(pets, tmp_path):
    done = apply_decisions(decide(pets, {"train/cat/a.png": "dog"}), pets, tmp_path / "new")
    assert (tmp_path / "new/train/dog/a-2.png").read_bytes() == b"1"
    assert (tmp_path / "new/train/dog/a.png").read_bytes() == b"3"
    assert "train/dog/a.png is taken; called train/dog/a-2.png" in done.notes


def test_a_name_that_differs_in_case_alone_is_taken(tmp_path):
    pets = make(tmp_path / "pets", {"cat/A.png": b"1", "dog/a.PNG": b"2", "dog/x.png": b"3"})
    apply_decisions(decide(pets, {"cat/A.png": "dog"}), pets, tmp_path / "new")
    assert sorted(p.name for p in (tmp_path / "new/dog").iterdir()) == ["A-2.png", "a.PNG", "x.png"]


def test_two_images_may_swap_their_classes(pets, tmp_path):
    apply_decisions(decide(pets, {"train/cat/a.png": "dog", "train/dog/a.png": "cat"}), pets, tmp_path / "new")
    assert (tmp_path / "new/train/dog/a.png").read_bytes() == b"1"
    assert (tmp_path / "new/train/cat/a.png").read_bytes() == b"3"


def test_rejected_images_go_aside_below_their_old_path(pets, tmp_path):
    apply_decisions(decide(pets, {"test/dog/e.png": "reject"}), pets, tmp_path / "new")
    assert (tmp_path / "new/_rejected/test/dog/e.png").read_bytes() == b"1"
    assert not (tmp_path / "new/test/dog/e.png").exists()


def test_the_manifest_names_every_file_with_its_hash_and_who_decided(pets, tmp_path):
    decisions = decide(pets, {"test/cat/c.png": "dog", "train/cat/b.png": "keep"})
    apply_decisions({**decisions, "who": ["Ann", "Bo"]}, pets, tmp_path / "new")
    lines = rows(tmp_path / "new/manifest.csv")
    assert {line["new_path"]: line["sha256"] for line in lines} == {
        k: v for k, v in contents(tmp_path / "new").items() if k != "manifest.csv"
    }
    decided = {
        line["old_path"]: (line["decision"], line["old_label"], line["new_label"], line["who"]) for line in lines
    }
    assert decided["test/cat/c.png"] == ("relabel", "cat", "dog", "Ann")
    assert decided["train/cat/b.png"] == ("keep", "cat", "cat", "Bo")
    assert decided["train/cat/notes.txt"] == ("", "", "", "")


def test_links_share_their_bytes_with_the_data(pets, tmp_path):
    decisions = decide(pets, {"test/cat/c.png": "dog"})
    apply_decisions(decisions, pets, tmp_path / "new", MendOptions(link=True))
    assert (tmp_path / "new/test/dog/c.png").samefile(pets / "test/cat/c.png")


def test_nested_classes_keep_their_nesting(tmp_path):
    pets = make(tmp_path / "pets", {"animal/cat/a.png": b"1", "animal/dog/b.png": b"2", "thing/c.png": b"3"})
    apply_decisions(decide(pets, {"animal/cat/a.png": "thing", "thing/c.png": "animal/dog"}), pets, tmp_path / "new")
    assert {*contents(tmp_path / "new")} == {"manifest.csv", "thing/a.png", "animal/dog/b.png", "animal/dog/c.png"}
    assert (tmp_path / "new/animal/cat").exists() is False or not any((tmp_path / "new/animal/cat").iterdir())


@pytest.mark.parametrize(
    "name", ["../out", "/abs", "", ".", "a/../../b", ".hidden", "a\nb", "_rejected", "Cat", "x" * 300]
)
def test_a_new_class_that_is_no_fit_folder_is_refused(pets, tmp_path, name):
    decisions = {**decide(pets, {"test/cat/c.png": "dog"}), "label": [name]}
    with pytest.raises(BadInput):
        apply_decisions(decisions, pets, tmp_path / "new", MendOptions(new_classes=(name,)))
    assert not (tmp_path / "new").exists()


def test_hostile_names_are_names_like_any_other(tmp_path):
    odd = {"-rf/--help.png": b"1", "$(x)/a\nb.png": b"2", "ünï/😀 .png": b"3", "-rf/'q\".png": b"4"}
    pets = make(tmp_path / "pets", odd)
    apply_decisions(decide(pets, {"$(x)/a\nb.png": "-rf", "-rf/--help.png": "ünï"}), pets, tmp_path / "new")
    new = {k for k in contents(tmp_path / "new") if k != "manifest.csv"}
    assert new == {"-rf/a\nb.png", "ünï/--help.png", "ünï/😀 .png", "-rf/'q\".png"}


def test_a_link_to_an_image_within_the_folder_becomes_a_copy(tmp_path):
    pets = make(tmp_path / "pets", {"cat/a.png": b"1", "dog/b.png": b"2"})
    (pets / "dog/l.png").symlink_to("../cat/a.png")
    apply_decisions(decide(pets, {"dog/b.png": "cat"}), pets, tmp_path / "new")
    assert (tmp_path / "new/dog/l.png").read_bytes() == b"1"
    assert not (tmp_path / "new/dog/l.png").is_symlink()


@pytest.mark.parametrize("out", [".", "sub", "..", "train/cat"])
def test_nothing_is_ever_written_into_the_data_or_over_it(pets, out):
    before = contents(pets)
    with pytest.raises(BadInput):
        apply_decisions(decide(pets, {"test/cat/c.png": "dog"}), pets, pets / out)
    assert contents(pets) == before


def test_a_folder_that_holds_something_is_no_place_to_write(pets, tmp_path):
    make(tmp_path / "new", {"mine.txt": b"x"})
    with pytest.raises(BadInput, match="not empty"):
        apply_decisions(decide(pets, {"test/cat/c.png": "dog"}), pets, tmp_path / "new")


def test_a_run_that_fails_leaves_nothing(pets, tmp_path, monkeypatch):
    decisions = decide(pets, {"test/cat/c.png": "dog"})
    monkeypatch.setattr(
        "labelwright.data.mend.folder.place_file", lambda *a, **k: (_ for _ in ()).throw(OSError(28, "full"))
    )
    with pytest.raises(BadInput, match="full"):
        apply_decisions(decisions, pets, tmp_path / "new")
    assert [p.name for p in tmp_path.iterdir()] == ["pets"]


def in_place(folder: Path, verdicts: dict[str, str]):
    return apply_in_place(read_decisions(decide(folder, verdicts)), folder, MendOptions())


VERDICTS = {"train/cat/a.png": "dog", "test/dog/e.png": "reject", "test/dog/d.png": "cat", "train/cat/b.png": "keep"}


def test_in_place_moves_and_undo_restores_every_hash_and_folder(pets):
    before = contents(pets)
    done = in_place(pets, VERDICTS)
    assert {*contents(pets, hidden=False)} >= {"train/dog/a-2.png", "_rejected/test/dog/e.png", "test/cat/d.png"}
    assert done.manifest is not None
    assert undo_moves(done.manifest).moved == 3
    assert contents(pets) == before
    assert not (pets / "_rejected").exists() and not (pets / ".labelwright").exists()


def test_runs_are_taken_back_last_first(pets):
    before = contents(pets)
    first = in_place(pets, {"train/cat/a.png": "dog"}).manifest
    second = in_place(pets, {"train/dog/a-2.png": "cat"}).manifest
    with pytest.raises(BadInput, match="a later run stands on this one"):
        undo_moves(first)
    undo_moves(second)
    undo_moves(first)
    assert contents(pets) == before


def test_undo_names_files_that_somebody_changed(pets):
    manifest = in_place(pets, {"test/cat/c.png": "dog"}).manifest
    (pets / "test/dog/c.png").write_bytes(b"edited")
    assert undo_moves(manifest).changed == ("test/cat/c.png",)
    assert (pets / "test/cat/c.png").read_bytes() == b"edited"


def test_undo_moves_nothing_when_a_file_is_lost_or_in_the_way(pets):
    manifest = in_place(pets, {"test/cat/c.png": "dog", "train/cat/a.png": "dog"}).manifest
    (pets / "test/cat/c.png").write_bytes(b"new")
    state = contents(pets)
    with pytest.raises(BadInput, match="both there"):
        undo_moves(manifest)
    (pets / "test/cat/c.png").unlink()
    (pets / "test/dog/c.png").unlink()
    with pytest.raises(BadInput, match="gone"):
        undo_moves(manifest)
    assert {*state} - {*contents(pets)} == {"test/cat/c.png", "test/dog/c.png"}


def test_the_manifest_of_a_copy_says_that_nothing_was_changed(pets, tmp_path):
    apply_decisions(decide(pets, {"test/cat/c.png": "dog"}), pets, tmp_path / "new")
    with pytest.raises(BadInput, match="never changed"):
        undo_moves(tmp_path / "new/manifest.csv")


def test_a_journal_that_points_outside_is_refused(pets):
    manifest = in_place(pets, {"test/cat/c.png": "dog"}).manifest
    journal = manifest.with_name("journal.jsonl")
    journal.write_text(journal.read_text().replace("test/dog/c.png", "../../evil.png"))
    with pytest.raises(BadInput, match="outside"):
        undo_moves(manifest)


def test_links_are_not_moved_in_place(tmp_path):
    pets = make(tmp_path / "pets", {"cat/a.png": b"1", "dog/b.png": b"2"})
    (pets / "dog/l.png").symlink_to("../cat/a.png")
    with pytest.raises(BadInput, match="is a link"):
        in_place(pets, {"dog/l.png": "cat"})


def test_only_folders_of_images_are_mended_in_place(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,kind\n1,a\n2,b\n")
    with pytest.raises(BadInput, match="only folders of images"):
        apply_in_place(read_decisions({"id": [1], "decision": ["keep"]}), path, MendOptions(label="kind", id="id"))


SCRIPT = """
import sys, time
from pathlib import Path
from labelwright.data.mend import journal, moves, MendOptions, read_decisions
from labelwright.data.mend.in_place import apply_in_place
slowly = moves._move
def move(*a):
    slowly(*a)
    time.sleep(0.002)
moves._move = move
apply_in_place(read_decisions(sys.argv[2]), Path(sys.argv[1]), MendOptions())
"""


def kill_after(moves: int, command: list[str], manifest: Path) -> None:
    """Run a command and kill it when its journal tells of so many more moves."""
    journal = manifest.with_name("journal.jsonl")
    before = journal.read_bytes().count(b"moving") if journal.exists() else 0
    run = subprocess.Popen(command)
    while run.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"moving") >= before + moves:
            os.kill(run.pid, signal.SIGKILL)
            break
        time.sleep(0.001)
    assert run.wait() == -signal.SIGKILL


@pytest.mark.parametrize("then", ["resume", "undo"])
def test_a_run_killed_at_any_point_is_finished_or_taken_back(tmp_path, then):
    rng = random.Random(len(then))
    pets = make(tmp_path / "pets", {f"{'cat' if i % 2 else 'dog'}/{i}.png": b"%d" % i for i in range(60)})
    before = contents(pets)
    verdicts = {f"{'cat' if i % 2 else 'dog'}/{i}.png": "dog" if i % 2 else "cat" for i in range(40)}
    decisions = decide(pets, {**verdicts, "cat/41.png": "reject"})
    with (tmp_path / "d.csv").open("w", newline="") as file:
        csv.writer(file).writerows([list(decisions), *zip(*decisions.values(), strict=True)])
    whole = dict(before)
    for name, label in verdicts.items():
        whole[f"{label}/{Path(name).name}"] = whole.pop(name)
    whole["_rejected/cat/41.png"] = whole.pop("cat/41.png")
    manifest = pets / ".labelwright/0001/manifest.csv"
    for _ in range(3):
        kill_after(rng.randrange(1, 12), [sys.executable, "-c", SCRIPT, str(pets), str(tmp_path / "d.csv")], manifest)
        now = contents(pets, hidden=False)
        assert 0 < len(before.keys() - now.keys()) < 41
        assert sorted(now.values()) == sorted(before.values())
        if then == "undo":
            undo_moves(manifest)
            assert contents(pets) == before
    if then == "resume":
        apply_in_place(read_decisions(tmp_path / "d.csv"), pets, MendOptions())
        assert contents(pets, hidden=False) == whole
        undo_moves(manifest)
        assert contents(pets) == before


def test_other_decisions_wait_until_a_stopped_run_is_finished(pets, monkeypatch):
    decisions = read_decisions(decide(pets, VERDICTS))
    calls = []

    def stop(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        Path(args[0], args[1]).rename(Path(args[0], args[2]))

    monkeypatch.setattr("labelwright.data.mend.moves._move", stop)
    with pytest.raises(KeyboardInterrupt):
        apply_in_place(decisions, pets, MendOptions())
    monkeypatch.undo()
    with pytest.raises(BadInput, match="stopped in the middle"):
        in_place(pets, {"train/cat/b.png": "dog"})
    done = apply_in_place(decisions, pets, MendOptions())
    assert done.counts["finished"] == 2


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("step", range(16))
def test_a_stop_at_any_step_there_or_back_loses_nothing(pets, monkeypatch, step):
    before = contents(pets)
    decisions = read_decisions(decide(pets, VERDICTS))
    left = [step]

    def stopping(function):
        def wrapper(*args):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return function(*args)

        return wrapper

    for name in ("note", "_move", "_remove_if_empty"):
        monkeypatch.setattr(f"labelwright.data.mend.moves.{name}", stopping(getattr(moves, name)))
    manifest = pets / ".labelwright/0001/manifest.csv"
    try:
        apply_in_place(decisions, pets, MendOptions())
        undo_moves(manifest)
    except Killed:
        journal = manifest.with_name("journal.jsonl")
        journal.write_bytes(journal.read_bytes() + b'{"movi')  # the last line is cut short
    monkeypatch.undo()
    assert sorted(contents(pets, hidden=False).values()) == sorted(before.values())
    if manifest.exists():
        undo_moves(manifest)
    assert contents(pets) == before
    assert not (pets / "_rejected").exists()


def test_undo_that_is_killed_is_done_by_undoing_again(tmp_path):
    pets = make(tmp_path / "pets", {f"{'cat' if i % 2 else 'dog'}/{i}.png": b"%d" % i for i in range(40)})
    before = contents(pets)
    manifest = in_place(pets, {f"cat/{i}.png": "dog" for i in range(1, 40, 2)}).manifest
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom labelwright.data.mend import moves, undo_moves\n"
        "move = moves._move\n"
        "moves._move = lambda *a: (move(*a), time.sleep(0.005))\nundo_moves(Path(sys.argv[1]))"
    )
    for count in (3, 5):
        kill_after(count, [sys.executable, "-c", script, str(manifest)], manifest)
        assert 0 < len(before.keys() - contents(pets).keys()) < 20
    undo_moves(manifest)
    assert contents(pets) == before


def test_links_within_the_root_are_copied_like_images(tmp_path):
    make(tmp_path / "all", {"store/l.png": b"L", "pets/cat/a.png": b"1", "pets/dog/b.png": b"2"})
    pets = tmp_path / "all/pets"
    (pets / "dog/l.png").symlink_to("../../store/l.png")
    ids = load_dataset(pets, root=tmp_path / "all").ids
    decisions = {"id": [ids[2]], "decision": ["relabel"], "label": ["cat"]}
    apply_decisions(decisions, pets, tmp_path / "new", MendOptions(root=tmp_path / "all"))
    assert {*contents(tmp_path / "new")} == {"manifest.csv", "cat/a.png", "dog/b.png", "cat/l.png"}
    assert (tmp_path / "new/cat/l.png").read_bytes() == b"L"


def test_data_that_are_a_link_themselves_are_mended(pets, tmp_path):
    (tmp_path / "alias").symlink_to(pets)
    apply_decisions(decide(pets, {"test/cat/c.png": "dog"}), tmp_path / "alias", tmp_path / "new")
    assert (tmp_path / "new/test/dog/c.png").read_bytes() == b"4"
    with pytest.raises(BadInput, match="into the data"):
        apply_decisions(decide(pets, {"test/cat/c.png": "dog"}), pets, tmp_path / "alias/new")


def test_a_full_disk_is_one_line_and_leaves_no_new_folder(pets, tmp_path, monkeypatch):
    decisions = decide(pets, {"test/cat/c.png": "dog"})

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labelwright.data.mend.run.write_manifest", full)
    with pytest.raises(BadInput, match="No space left"):
        apply_decisions(decisions, pets, tmp_path / "deep/er/new")
    monkeypatch.setattr("labelwright.data.mend.moves.note", full)
    with pytest.raises(BadInput, match="cannot go on"):
        in_place(pets, {"test/cat/c.png": "dog"})
    assert [p.name for p in tmp_path.iterdir()] == ["pets"]


def test_a_dry_run_lists_names_that_are_taken_and_files_left_out(pets):
    done = apply_decisions(decide(pets, {"train/cat/a.png": "dog"}), pets, None, dry_run=True)
    assert done.notes[0] == "train/dog/a.png is taken; called train/dog/a-2.png"
    assert done.notes[1].startswith("left out: 1 hidden or special file")


def test_in_place_leaves_no_file_out(pets):
    assert in_place(pets, {"train/cat/a.png": "dog"}).notes == ("train/dog/a.png is taken; called train/dog/a-2.png",)


def test_images_are_called_by_their_paths_where_people_read_of_them(pets, tmp_path):
    done = apply_decisions(decide(pets, {"train/cat/a.png": "dog"}), pets, tmp_path / "new")
    assert done.shown == (("train/cat/a.png", "cat", "dog"),)
    lines = comparison_lines(compare(pets, tmp_path / "new", rows_only=True))
    assert any("train/dog/" in line and "cat -> dog" in line for line in lines)
