"""An option that several commands have says the same in all of them."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Annotated, get_args, get_origin, get_type_hints

import pytest
from typer.models import OptionInfo

from labelwright.cli import options

COMMANDS = ("audit", "apply", "check", "compare", "train", "predict", "calibrate", "evaluate")
KNOWN = {id(alias): name for name, alias in vars(options).items() if get_origin(alias) is Annotated}


def told(command):
    """Return the option behind each parameter of a command."""
    function = import_module(f"labelwright.cli.{command}").command
    hints = get_type_hints(function, include_extras=True)
    found = {name: get_args(hints[name])[1] for name in inspect.signature(function).parameters}
    return {name: option for name, option in found.items() if isinstance(option, OptionInfo)}


@pytest.mark.parametrize("name", ["label", "id", "text", "image", "root", "sheet", "classes", "seed", "jobs", "quiet"])
def test_help_and_heading_are_the_same_wherever_the_option_is(name):
    seen = [told(command)[name] for command in COMMANDS if name in told(command)]
    assert len(seen) > 1
    assert len({(option.help, option.metavar, option.rich_help_panel) for option in seen}) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_help_text_of_one_line(command):
    assert all(option.help and "\n" not in option.help for option in told(command).values())
