"""The model card: what a model is, what it learned from, how well it does, and where it must not be trusted.

After Mitchell et al., Model Cards for Model Reporting, FAT* 2019. The card lies beside the model as JSON and as a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from labelwright import __version__
from labelwright.inert import inert
from labelwright.learn.held_out import figure
from labelwright.metrics.numerals import number_text, percent

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ModelCard:
    """Facts about a model; every share is in [0, 1].

    Parameters
    ----------
    data : mapping
        Name, rows, rows learned from, task, modality, features.
    classes : mapping of str to int
        Given labels a class or tag; -1 where rows have no label of their own. Empty for numbers.
    evidence : tuple of str
        What the labels are, part by part.
    noise : mapping, optional
        The audit's estimate: rate, low, high, source.
    method, reason : str
        What was trained, and why.
    settings : mapping
        Everything that was set.
    held_out : mapping, optional
        See `HeldOut`.
    calibration : mapping, optional
        See `Calibration`.
    limits : tuple of str
        What a reader must know before trusting the model.
    """

    data: Mapping[str, Any]
    classes: Mapping[str, int]
    evidence: tuple[str, ...]
    noise: Mapping[str, Any] | None
    method: str
    reason: str
    settings: Mapping[str, Any]
    held_out: Mapping[str, Any] | None
    limits: tuple[str, ...]
    calibration: Mapping[str, Any] | None = None
    labelwright: str = field(default=__version__)

    def facts(self) -> dict[str, Any]:
        """Return the content of ``model_card.json``."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> ModelCard:
        """Return the card whose `facts` these are."""
        return cls(**{**facts, "evidence": tuple(facts["evidence"]), "limits": tuple(facts["limits"])})

    def page(self) -> str:
        """Return the card as Markdown; names from the data stand there as inert text."""
        sections = [
            ("Data", self._data()),
            ("Labels", self._labels()),
            ("Method", [f"**{_text(self.method)}**", "", _text(self.reason), "", *_list(self.settings)]),
            ("How well it does", self._quality()),
            ("Limits", [f"- {_text(limit)}" for limit in self.limits]),
        ]
        lines = ["# Model card", "", f"Made by labelwright {self.labelwright}."]
        for title, content in sections:
            lines += ["", f"## {title}", "", *content]
        return "\n".join(lines) + "\n"

    def _data(self) -> list[str]:
        return _list(self.data)

    def _labels(self) -> list[str]:
        lines = [f"- {_text(part)}" for part in self.evidence]
        if self.classes:
            kind = "tag" if self.data.get("task") == "multilabel" else "class"
            lines += ["", f"| {kind} | given labels |", "|---|---|"]
        lines += [f"| {_text(name)} | {'none of its own' if n < 0 else n} |" for name, n in self.classes.items()]
        if self.noise is not None:
            lines += [
                "",
                f"Wrong labels, **model estimate**: {percent(self.noise['noise_rate'])} "
                f"({percent(self.noise['low'])} to {percent(self.noise['high'])}). No person has checked it.",
            ]
        return lines

    def _quality(self) -> list[str]:
        lines = []
        if self.held_out is None:
            lines.append("No rows were held out, so nothing is known.")
        else:
            held = self.held_out
            lines.append(f"{held['measure'].capitalize()}, {held['n']} held-out rows: {held_text(held)}.")
            if held["calibration_error"] is not None:
                lines.append(
                    f"Gap between confidence and agreement before calibration: {held['calibration_error']:.3f}."
                )
        if self.calibration is None:
            lines.append("Not calibrated.")
        elif "median_error" in self.calibration:
            made = self.calibration
            lines.append(
                f"Calibrated on {made['n_rows']} rows of {_text(made['data'])}: half of the predictions lie within "
                f"{number_text(made['median_error'])} of the given number."
            )
        else:
            made = self.calibration
            gap = "no temperature, for no row says which tags are off"
            if made["error_before"] is not None:
                gap = f"temperature {made['temperature']:.2f}, gap {made['error_before']:.3f} before and "
                gap += f"{made['error_after']:.3f} after, on the same rows"
            lines.append(f"Calibrated on {made['n_rows']} rows of {_text(made['data'])}: {gap}.")
        return lines


def held_text(held: Mapping[str, Any]) -> str:
    """Return a held-out figure with its interval, where it has one."""
    value, low, high = (held[key] for key in ("value", "low", "high"))
    if low is None:
        return figure(value, held["is_share"])
    return f"{figure(value, held['is_share'])} ({figure(low, held['is_share'])} to {figure(high, held['is_share'])})"


def _list(facts: Mapping[str, Any]) -> list[str]:
    return [f"- {name.replace('_', ' ')}: {_text(value)}" for name, value in facts.items() if value is not None]


def _text(value: object) -> str:
    """Return a value as inert text that no Markdown reader takes for markup."""
    text = inert(str(value))
    for mark in "\\`*_[]<>|#":
        text = text.replace(mark, "\\" + mark) if mark != "<" else text.replace("<", "&lt;")
    return text
