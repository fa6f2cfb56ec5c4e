"""`Audit.review`: the studio from Python, and the decisions when it ends."""

from __future__ import annotations

import os
import signal
import socket
import threading

import pyarrow as pa
import pytest

from labelwright import Audit
from labelwright.errors import BadInput, MissingExtra
from labelwright.studio import Client
from labelwright.studio.review import review
from ticket_world import write_tickets


@pytest.fixture(scope="module")
def tickets(tmp_path_factory):
    path = tmp_path_factory.mktemp("tickets") / "tickets.csv"
    write_tickets(path, n=200)
    return path, Audit(path, label="topic", jobs=1).run()


class Person:
    """Opens the address that is said, decides about one row, and is done."""

    def __init__(self, verdict="keep"):
        self.verdict, self.said, self.row = verdict, [], None

    def say(self, line):
        """Be told a line."""
        self.said.append(line)

    def __call__(self):
        """Decide, then press Ctrl-C."""
        client = Client(self.said[0].removeprefix("Studio: "))
        self.row = client.queue(limit=1)[0]
        client.decide(self.row, self.verdict, client.classes()[0] if self.verdict == "relabel" else None)
        raise KeyboardInterrupt


def test_a_review_ends_with_the_decisions_and_they_can_be_applied(tickets, tmp_path):
    path, audit = tickets
    ann = Person("reject")
    found = review(audit, tmp_path / "project", 0, open_browser=False, say=ann.say, wait=ann)
    assert found.column("id").to_pylist() == [ann.row["name"]]
    assert found.column("decision").to_pylist() == ["reject"]
    audit.apply(found, tmp_path / "mended.csv")
    assert len((tmp_path / "mended.csv").read_text().splitlines()) == len(path.read_text().splitlines()) - 1


def test_the_same_folder_goes_on_where_it_was_left(tickets, tmp_path):
    _, audit = tickets
    for number in (1, 2):
        ann = Person()
        found = review(audit, tmp_path / "project", 0, open_browser=False, say=ann.say, wait=ann)
        assert found.num_rows == number


def test_an_audit_that_has_run_does_not_run_again(tickets, tmp_path, monkeypatch):
    _, audit = tickets
    monkeypatch.setattr("labelwright.facade.run_audit", lambda *_, **__: pytest.fail("audited again"))
    ann = Person()
    review(audit, tmp_path / "project", 0, open_browser=False, say=ann.say, wait=ann)


def test_a_signal_ends_it_and_the_frame_is_of_the_callers_kind(tickets, tmp_path, monkeypatch):
    import pandas

    frame = pandas.read_csv(tickets[0])
    audit = Audit(frame, label="topic", jobs=1).run()
    opened = []

    def browser(link):
        opened.append(link)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

    monkeypatch.setattr("webbrowser.open", browser)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start what runs behind without it
    try:
        found = audit.review(tmp_path / "project", port=0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert isinstance(found, pandas.DataFrame) and len(found) == 0
    assert opened[0].startswith("http://127.0.0.1:")


def test_data_in_memory_need_a_folder_and_a_taken_port_is_one_line(tickets, tmp_path):
    audit = Audit(pa.table({"size": [1, 2, 3, 4] * 10, "kind": ["a", "a", "b", "b"] * 10}), label="kind", jobs=1).run()
    with pytest.raises(BadInput, match=r"no folder of their own.*Fix: name one: review"):
        audit.review()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=rf"the port {port} of .* cannot be had .*another --port"):
            audit.review(tmp_path / "project", port=port)
    assert review(audit, tmp_path / "project", 0, open_browser=False, say=str, wait=lambda: None).num_rows == 0


def test_without_the_extra_a_review_says_what_to_install(tickets, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name="uvicorn")

    monkeypatch.setattr("labelwright.facade.import_module", missing)
    with pytest.raises(MissingExtra, match=r"labelwright\[studio\]"):
        tickets[1].review()
