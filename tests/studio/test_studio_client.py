"""The client for notebooks, against a studio that listens."""

from __future__ import annotations

import pyarrow as pa
import pytest

from labelwright.errors import BadInput
from labelwright.studio import Client
from labelwright.studio.client import StudioProblem
from labelwright.studio.logins import add_user
from listening_studio import Server

PASSWORD = "correct horse battery"


@pytest.fixture
def server(studio):
    running = Server(studio)
    yield running
    running.stop()


@pytest.fixture
def client(server):
    return Client(server.url(f"/enter?token={server.entry}"))


def test_what_is_left_is_seen_decided_and_taken_back(client):
    before = client.overview()["progress"]["flagged_left"]
    first = client.queue(limit=1)[0]
    event = client.decide(first, "reject", note="no ticket")
    assert client.overview()["progress"]["flagged_left"] == before - 1
    assert client.history(limit=1)[0]["note"] == "no ticket"
    assert client.undo(event)["verdict"] is None
    assert client.overview()["progress"]["flagged_left"] == before


def test_labels_in_a_queue_are_class_names(client):
    names = set(client.classes())
    assert all({row["given"], row["label"], row["suggested"]} <= names for row in client.queue(limit=5))


def test_decisions_come_as_the_frame_that_is_asked_for(client):
    import pandas
    import polars

    row = client.queue(limit=1)[0]["row"]
    client.decide(row, "relabel", client.classes()[0])
    table = client.decisions()
    assert isinstance(table, pa.Table)
    assert table.column("decision").to_pylist() == ["relabel"]
    for backend in (pandas, polars):
        frame = client.decisions(backend)
        assert isinstance(frame, backend.DataFrame)
        assert list(frame["id"]) == table.column("id").to_pylist()


def test_a_decision_on_a_row_as_it_was_overwrites_nobody(client):
    seen = client.queue(limit=1)[0]
    client.decide(seen, "keep")
    with pytest.raises(StudioProblem, match="another person") as refused:
        client.decide(seen, "reject")
    assert refused.value.status == 409
    assert refused.value.now["verdict"] == "keep"


def test_unknown_classes_and_addresses_are_told_in_one_line(client):
    with pytest.raises(StudioProblem, match="there is no class"):
        client.decide(0, "relabel", "nothing of the kind")
    with pytest.raises(BadInput, match="is no address"):
        Client("localhost")
    with pytest.raises(BadInput, match="no studio answers"):
        Client("http://127.0.0.1:9")


def test_people_with_accounts_log_in_by_name(studio):
    with studio.database.write() as connection:
        add_user(connection, "ann", "viewer", PASSWORD)
    server = Server(studio, with_link=False)
    try:
        ann = Client(server.url(), "ann", PASSWORD)
        assert (ann.name, ann.role) == ("ann", "viewer")
        with pytest.raises(StudioProblem) as refused:
            ann.decide(ann.queue(limit=1)[0], "keep")
        assert refused.value.status == 403
        with pytest.raises((BadInput, StudioProblem)):
            Client(server.url(), "ann", "wrong password")
    finally:
        server.stop()
