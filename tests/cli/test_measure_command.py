"""`labelwright measure`: the registry and the subcommands are the same, and the list tells what each answers."""

from __future__ import annotations

import json

import pytest

from labelwright.audit.measures import MEASURES, find_measure
from labelwright.catalogue.papers import find_paper
from labelwright.cli import run
from labelwright.cli.measures import app
from labelwright.errors import BadInput


def test_every_measure_has_one_subcommand_and_every_subcommand_is_a_measure():
    assert sorted(command.name for command in app.registered_commands) == sorted(entry.name for entry in MEASURES)


@pytest.mark.parametrize("entry", MEASURES, ids=lambda entry: entry.name)
def test_every_measure_loads_measures_and_names_its_paper(entry):
    assert callable(entry.load().measure)
    assert entry.question.endswith("?") and find_paper(entry.paper).id == entry.paper


def test_an_unknown_measure_is_refused_with_the_nearest_names():
    with pytest.raises(BadInput, match="did you mean 'judges'"):
        find_measure("judgs")


def test_alone_the_command_lists_the_questions(capsys):
    assert run(["measure"]) == 0
    out = capsys.readouterr().out
    assert all(entry.question in out and f"labelwright measure {entry.name}" in out for entry in MEASURES)
    assert run(["measure", "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == [entry.name for entry in MEASURES]


@pytest.mark.parametrize("entry", MEASURES, ids=lambda entry: entry.name)
def test_every_subcommand_explains_itself(entry, capsys):
    assert run(["measure", entry.name, "--help"]) == 0
    assert "--out" in capsys.readouterr().out
