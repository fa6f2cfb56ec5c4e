"""A studio that starts again on the same data audits no second time, and one on other data refuses before it does."""

from __future__ import annotations

import socket

import pytest

from labelwright.cli import run
from labelwright.errors import BadInput
from labelwright.facade import Audit
from labelwright.studio.studio import open_studio
from ticket_world import write_tickets


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELWRIGHT_CACHE", str(tmp_path / "cache"))
    write_tickets(tmp_path / "tickets.csv", n=90)
    return tmp_path / "tickets.csv"


@pytest.fixture
def audits(monkeypatch):
    """How many audits have run."""
    ran, run_one = [], Audit.run
    monkeypatch.setattr(Audit, "run", lambda audit: ran.append(audit) or run_one(audit))
    return ran


def start(data, **options):
    studio = open_studio(data, **{"label": "topic", "id": "ticket", "jobs": 1} | options)
    studio.close()
    return studio


def test_the_second_start_uses_the_audit_of_the_first(data, audits):
    first = start(data)
    second = start(data)
    assert len(audits) == 1 and first.audited_at is None and second.audited_at > 0
    assert second.audit.issues.equals(first.audit.issues)
    assert (second.audit.pred_probs == first.audit.pred_probs).all()


def test_other_options_audit_anew_and_the_last_audit_alone_is_kept(data, audits):
    first = start(data)
    kept = len(list((first.folder / "audit").rglob("*.npy")))
    assert start(data, seed=1).audited_at is None and len(audits) == 2
    assert len(list((first.folder / "audit").rglob("*.npy"))) == kept
    assert start(data, seed=1).audited_at is not None and len(audits) == 2


def test_changed_data_are_refused_before_an_audit_runs(data, audits):
    first = start(data)
    data.write_text(data.read_text().replace(",billing", ",login", 1))
    with pytest.raises(BadInput, match=r"have changed since .*labelwright studio sync PROJECT NEW_DATA"):
        start(data)
    assert len(audits) == 1 and (first.folder / "audit").is_dir()


def test_a_damaged_or_missing_audit_is_made_again(data, audits):
    folder = start(data).folder
    for entry in (folder / "audit").rglob("*.npy"):
        entry.write_bytes(b"damaged")
    assert start(data).audited_at is None
    assert start(data).audited_at is not None and len(audits) == 2


def test_the_project_of_sync_starts_with_the_audit_of_sync(data, audits, capsys):
    folder = start(data).folder
    newer = data.with_name("newer.csv")
    newer.write_text("\n".join(data.read_text().splitlines()[:-1]) + "\n")
    assert run(["studio", "sync", str(folder), str(newer), "--label", "topic", "--id", "ticket"]) == 0
    assert len(audits) == 2
    assert start(newer).audited_at is not None and len(audits) == 2


def test_the_command_says_what_it_uses_again(data, monkeypatch, capsys):
    monkeypatch.setattr("labelwright.studio.serve._run", lambda *_: None)
    typed = ["studio", str(data), "--label", "topic", "--id", "ticket", "--jobs", "1"]
    assert run(typed) == 0
    assert "is used again" not in capsys.readouterr().out
    assert run(typed) == 0
    assert " is used again: neither the data nor the options have changed since.\n" in capsys.readouterr().out


def test_a_taken_port_is_one_line_before_any_link_is_shown(data, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(["studio", str(data), "--label", "topic", "--id", "ticket", "--jobs", "1", "--port", port]) == 2
    told = capsys.readouterr()
    assert f"the port {port} of '127.0.0.1' cannot be had" in told.err and "enter?token" not in told.out
