"""Bad days of `labelwright train`: each ends in one line that names what is wrong and what to do."""

from __future__ import annotations

import csv
import json

import pytest

from labelwright.cli import run
from ticket_world import write_tickets

torch = pytest.importorskip("torch")

FAST = ["--label", "topic", "--id", "ticket", "--jobs", "1", "--epochs", "2", "--quiet"]


@pytest.fixture
def tickets(tmp_path):
    write_tickets(tmp_path / "tickets.csv")
    return tmp_path / "tickets.csv"


def ran(*args):
    return run([str(a) for a in args])


def rewritten(path, change):
    rows = list(csv.DictReader(path.open(encoding="utf-8", newline="")))
    for i, row in enumerate(rows):
        change(i, row)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_loss_that_is_no_number_says_where_and_why(tickets, tmp_path, capsys, monkeypatch):
    from labelwright.nn import supervised

    monkeypatch.setattr(supervised, "cross_entropy", lambda logits, *rest, **more: logits.sum() * float("nan"))
    assert ran("train", tickets, *FAST, "--method", "ce", "--out", tmp_path / "m") == 2
    said = capsys.readouterr().err
    assert "the loss is not a number at epoch 1, batch 1" in said
    assert "Fix:" in said
    assert not (tmp_path / "m").exists()


def test_memory_that_runs_out_names_the_batch_that_fits(tickets, tmp_path, capsys, monkeypatch):
    from labelwright.nn.backbones.network import Network

    forward = Network.forward

    def greedy(self, x):
        if torch.is_grad_enabled() and len(x) > 20:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, x)

    monkeypatch.setattr(Network, "forward", greedy)
    assert ran("train", tickets, *FAST, "--method", "ce", "--out", tmp_path / "m") == 2
    assert "batch_size=16 (--batch-size 16)" in capsys.readouterr().err
    assert ran("train", tickets, *FAST, "--method", "ce", "--out", tmp_path / "m", "--batch-size", "16") == 0


def test_a_corrupted_checkpoint_is_refused_by_name(tickets, tmp_path, capsys):
    args = ("train", tickets, *FAST, "--method", "ce", "--checkpoint", tmp_path / "c")
    assert ran(*args, "--out", tmp_path / "m") == 0
    file = tmp_path / "c" / "checkpoint.safetensors"
    content = bytearray(file.read_bytes())
    content[-3] ^= 255
    file.write_bytes(bytes(content))
    assert ran(*args, "--out", tmp_path / "again") == 2
    assert "the checkpoint 'checkpoint.safetensors' is corrupted" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()


def test_classes_without_rows_and_with_one_row_are_named(tickets, tmp_path):
    path = rewritten(tickets, lambda i, row: row.update(topic="lost") if i == 7 else None)
    classes = "billing,delivery,login,lost,void"
    assert ran("train", path, *FAST, "--classes", classes, "--out", tmp_path / "m") == 0
    limits = json.loads((tmp_path / "m" / "model_card.json").read_text())["limits"]
    assert "No row has the label 'void'." in limits
    assert "One row alone has the label 'lost'." in limits


def test_a_class_that_only_contradictory_rows_speak_of_is_named(tickets, tmp_path, capsys):
    def change(i, row):
        row["possible"] = "billing|delivery" if i in (3, 9) else ""
        row["topic"] = "lost" if i in (3, 9) else row["topic"]

    path = rewritten(tickets, change)
    args = ("train", path, *FAST, "--candidates", "possible")
    assert ran(*args, "--trusted", "--out", tmp_path / "m") == 2
    said = capsys.readouterr().err
    assert "2 rows contradict themselves" in said
    assert "no other row speaks of 'lost'" in said
    assert "tickets.csv line 5" in said
    assert ran(*args, "--out", tmp_path / "m") == 0


def test_a_file_without_any_label_is_refused(tickets, tmp_path, capsys):
    path = rewritten(tickets, lambda i, row: row.update(topic=""))
    assert ran("train", path, *FAST, "--out", tmp_path / "m") == 2
    assert "is empty" in capsys.readouterr().err


def test_a_learning_rate_far_too_high_is_named_as_the_cause(tickets, tmp_path, capsys):
    args = ("train", tickets, *FAST, "--method", "ce", "--learning-rate")
    assert ran(*args, "1e30", "--out", tmp_path / "m") == 2
    assert "lower the learning rate" in capsys.readouterr().err
    assert ran(*args, "0", "--out", tmp_path / "m") == 2
    assert "choose a number above 0" in capsys.readouterr().err
