"""The project as a whole: classes that change, newer data, training beside the work, copies, other databases."""

from __future__ import annotations

import json
import time
from functools import partial

import numpy as np
import pytest
from sqlalchemy import select

from labelwright.errors import BadInput
from labelwright.facade import Audit
from labelwright.studio import tables as t
from labelwright.studio.backup import back_up, restore, verify
from labelwright.studio.class_changes import add, changes, merge, preview_merge, rename, take_back
from labelwright.studio.database import Database
from labelwright.studio.decisions import Choice, decide, load_classes, standing
from labelwright.studio.explore import FeatureMap, confusion, copies, slices
from labelwright.studio.export import decisions
from labelwright.studio.file_systems import network_file_system
from labelwright.studio.jobs import DONE, Jobs, jobs
from labelwright.studio.move import move_project
from labelwright.studio.queues import Queue, page
from labelwright.studio.retrain import KIND, Work, compare_models, prepare
from labelwright.studio.studio import Studio, open_database
from labelwright.studio.sync import carry_over
from labelwright.studio.upgrade import newest_version


def decided(studio, row, verdict, label=None, version=0):
    with studio.database.write() as connection:
        return decide(connection, Choice(row, verdict, version, label), studio.local_user)


def now(studio, row):
    with studio.database.read() as connection:
        return standing(connection, row)


def names(studio):
    with studio.database.read() as connection:
        return list(load_classes(connection).names.values())


def test_a_renamed_class_is_renamed_everywhere_and_back(studio):
    decided(studio, 0, "relabel", "billing")
    with studio.database.write() as connection:
        change = rename(connection, "billing", "invoices", studio.local_user)
    assert now(studio, 0)["label"] == "invoices"
    with studio.database.read() as connection:
        assert "invoices" in {entry.label for entry in decisions(connection)}
    with studio.database.write() as connection:
        take_back(connection, change, studio.local_user)
    assert now(studio, 0)["label"] == "billing"


def test_a_merge_is_previewed_and_reversible(studio):
    before = names(studio)
    source, into = before[0], before[1]
    decided(studio, 0, "relabel", source)
    with studio.database.write() as connection:
        about = preview_merge(connection, source, into)
        change = merge(connection, source, into, studio.local_user)
    assert about["decided"] == 1 and about["rows"] > 1
    assert now(studio, 0)["label"] == into and source not in names(studio)
    with studio.database.write() as connection:
        take_back(connection, change, studio.local_user)
    assert now(studio, 0)["label"] == source and names(studio) == before


def test_an_added_class_that_rows_have_cannot_be_taken_back(studio):
    with studio.database.write() as connection:
        change = add(connection, "refunds", studio.local_user)
    event = decided(studio, 0, "relabel", "refunds")
    with pytest.raises(BadInput, match="1 rows have this class"), studio.database.write() as connection:
        take_back(connection, change, studio.local_user)
    with studio.database.write() as connection:
        from labelwright.studio.decisions import undo

        undo(connection, event, studio.local_user)
        take_back(connection, change, studio.local_user)
        assert [told["kind"] for told in changes(connection)] == ["back", "add"]
    assert "refunds" not in names(studio)


@pytest.mark.parametrize("name", ["", "  ", "a|b", "x" * 501])
def test_what_is_no_class_name_is_refused(studio, name):
    with pytest.raises(BadInput, match="is no name for a class"), studio.database.write() as connection:
        add(connection, name, studio.local_user)


def test_two_classes_never_share_a_name(studio):
    first, second = names(studio)[:2]
    with pytest.raises(BadInput, match="there is a class"), studio.database.write() as connection:
        rename(connection, first, second, studio.local_user)


@pytest.fixture
def newer(ticket_audit, tmp_path):
    """The same tickets a week later: one gone, one relabelled elsewhere, one mended already, one new."""
    lines = ticket_audit.dataset.source.path.read_text(encoding="utf-8").splitlines()
    head, rows = lines[0], lines[1:]
    place = head.split(",").index("topic")

    def relabelled(line, label):
        cells = line.split(",")
        cells[place] = label
        return ",".join(cells)

    given = [line.split(",")[place] for line in rows]
    other = [next(name for name in sorted(set(given)) if name != label) for label in given]
    rows[1], rows[2] = relabelled(rows[1], other[1]), relabelled(rows[2], other[2])
    fresh = rows[5].split(",")
    fresh[head.split(",").index("ticket")] = "brand-new"
    path = tmp_path / "newer.csv"
    path.write_text("\n".join([head, *rows[1:], ",".join(fresh)]) + "\n", encoding="utf-8")
    return path, other


def test_decisions_go_over_to_newer_data_by_name(studio, newer, tmp_path):
    path, other = newer
    decided(studio, 0, "keep")  # gone in the newer data
    decided(studio, 1, "keep")  # relabelled elsewhere
    decided(studio, 2, "relabel", other[2])  # true already
    decided(studio, 3, "relabel", other[3])
    audit = Audit(path, label="topic", id="ticket", jobs=1).run().result
    folder = tmp_path / "newer"
    folder.mkdir()
    database = open_database(folder)
    with studio.database.read() as old, database.write() as new:
        carried = carry_over(old, new, audit)
    assert (carried.carried, carried.already_so) == (2, 1)
    assert carried.counts == {"gone": 1, "label_changed": 1, "class_gone": 0, "new": 1}
    after = Studio(audit, database, folder)
    assert now(after, 2)["label"] == other[3] and now(after, 2)["who"] == "me"
    assert now(after, 0)["verdict"] is None
    after.close()


def test_data_that_changed_are_refused_with_the_way_on(studio, newer, tmp_path):
    audit = Audit(newer[0], label="topic", id="ticket", jobs=1).run().result
    with pytest.raises(BadInput, match=r"have changed since the project was made\. Fix: carry the decisions over"):
        Studio(audit, studio.database, tmp_path)


def test_training_on_mended_labels_is_scored_on_rows_that_people_judged():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 600)
    features = (3 * np.eye(3)[truth] + rng.normal(size=(600, 3))).astype(np.float32)
    given = np.where(rng.random(600) < 0.45, (truth + 1) % 3, truth)
    found = compare_models(Work(features, given, truth, np.arange(100), 3, 0))
    assert found["told"] and found["after"]["accuracy"] > found["before"]["accuracy"]
    assert found["after"]["low"] < found["after"]["accuracy"] < found["after"]["high"]


def test_too_few_judged_rows_are_said():
    work = Work(np.zeros((30, 2), np.float32), np.zeros(30, int), np.zeros(30, int), np.arange(5), 2, 0)
    assert compare_models(work) == {"checked": 5, "needed": 20, "told": False}


def test_training_runs_beside_the_work_and_one_at_a_time(studio):
    training = Jobs(studio.database)
    start = partial(training.start, KIND, partial(prepare, studio), compare_models, studio.local_user)
    start()
    with pytest.raises(BadInput, match="a training or a report is under way"):
        start()
    decided(studio, 0, "keep")
    deadline = time.monotonic() + 60
    state = None
    while time.monotonic() < deadline and state in (None, "running"):
        time.sleep(0.2)
        with studio.database.read() as connection:
            (job,) = jobs(connection)
        state = job["state"]
    assert state == DONE and job["about"]["told"] is False


def slow(_given):
    time.sleep(60)


def test_a_job_ends_soon_after_somebody_wants_it_to(studio):
    here, elsewhere = Jobs(studio.database), Jobs(studio.database)
    here.start(KIND, lambda _: None, slow, studio.local_user)
    elsewhere.cancel()
    deadline, state = time.monotonic() + 30, "running"
    while time.monotonic() < deadline and state == "running":
        time.sleep(0.05)
        with studio.database.read() as connection:
            state = jobs(connection)[0]["state"]
    assert state == "cancelled"
    assert elsewhere.start(KIND, lambda _: None, slow, studio.local_user) == 2
    elsewhere.cancel()


def test_cells_of_the_confusion_count_suspect_rows(studio):
    with studio.database.read() as connection:
        found = confusion(connection)
        flagged = [row for row in page(connection, Queue(), limit=500) if row["suggested"]]
        by_class = slices(connection)
    assert sum(cell["number"] for cell in found["cells"]) == len(flagged)
    assert sum(entry["rows"] for entry in by_class) == len(studio.audit.dataset)


def test_the_map_has_every_row_once(studio):
    with studio.database.read() as connection:
        points = FeatureMap(studio.audit).points(connection)
    assert points["rows"] == list(range(len(studio.audit.dataset)))
    assert all(0 <= value <= 1 for value in points["x"] + points["y"])
    json.dumps(points)


def test_copies_stand_side_by_side(studio):
    with studio.database.read() as connection:
        for pair in copies(connection):
            assert pair["row"] != pair["other_row"]


def test_a_backup_is_whole_and_brings_the_project_back(studio, tmp_path):
    decided(studio, 0, "keep")
    copy = back_up(studio.database, tmp_path / "backups")
    verify(copy)
    decided(studio, 1, "keep")
    studio.database.close()
    kept = restore(copy, tmp_path)
    assert kept.exists()
    again = open_database(tmp_path)
    with again.read() as connection:
        rows = connection.scalars(select(t.event.c.row)).all()
    again.close()
    assert rows == [0]


def test_a_damaged_backup_is_refused(studio, tmp_path):
    copy = back_up(studio.database, tmp_path / "backups")
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 0xFF
    copy.write_bytes(bytes(content))
    with pytest.raises(BadInput, match="is damaged: its checksum differs"):
        verify(copy)


def test_a_project_of_a_newer_program_is_refused(studio, tmp_path):
    with studio.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(BadInput, match=r"written by a newer labelwright .*'9999'.* Fix: update labelwright"):
        open_database(tmp_path)
    assert newest_version() != "9999"


def test_a_database_of_something_else_is_refused(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'studio.sqlite'}")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (x INTEGER)")
    with pytest.raises(BadInput, match="holds other tables"):
        open_database(tmp_path)


def test_a_project_moves_whole(studio, tmp_path):
    decided(studio, 0, "keep")
    counts = move_project(tmp_path, f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")
    assert counts["item"] == len(studio.audit.dataset) and counts["event"] == 1
    with pytest.raises(BadInput, match="is not empty"):
        move_project(tmp_path, f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")


@pytest.mark.parametrize("url", ["mysql://host/x", "nonsense", "postgresql"])
def test_a_url_that_is_no_database_of_ours_is_refused_without_showing_it(url):
    with pytest.raises(BadInput) as told:
        Database(url)
    assert "host" not in str(told.value).split("Fix")[0] or url != "mysql://host/x"


def test_a_network_file_system_is_known_by_its_mount(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda / ext4 rw 0 0\nserver:/x /mnt/team nfs4 rw 0 0\n")
    from pathlib import Path

    assert network_file_system(Path("/mnt/team/project"), mounts) == "nfs4"
    assert network_file_system(Path("/home/me"), mounts) is None
