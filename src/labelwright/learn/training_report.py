"""What a training run tells: its model card, and the lines on the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.noise_rate import NoiseEstimate
from labelwright.data.features import Features, FittedFeatures
from labelwright.errors import listed, quoted
from labelwright.evidence import Evidence, Hard
from labelwright.learn.choose import KINDS, Choice
from labelwright.learn.held_out import HeldOut
from labelwright.learn.label_sources import Gathered
from labelwright.learn.model_card import ModelCard


def rare_classes(gathered: Gathered) -> tuple[str, ...]:
    """Return a note on each class that the data say too little of."""
    if gathered.label is None or not isinstance(gathered.parts[0], Hard):
        return ()
    counts = np.bincount(gathered.dataset.labels[gathered.dataset.labels >= 0], minlength=len(gathered.space))
    names = gathered.space.names
    none = [names[k] for k in np.flatnonzero(counts == 0)]
    one = [names[k] for k in np.flatnonzero(counts == 1)]
    said = [f"no row has the label {listed(none)}"] if none else []
    return (*said, *([f"one row alone has the label {listed(one)}"] if one else []))


def model_card(
    gathered: Gathered,
    fitted: FittedFeatures,
    found: Features,
    noise: NoiseEstimate | None,
    choice: Choice,
    settings: Mapping[str, Any],
    n_training: int,
    measured: HeldOut | None,
) -> ModelCard:
    dataset = gathered.dataset
    counts = np.bincount(dataset.labels[dataset.labels >= 0], minlength=len(dataset.space or gathered.space))
    own = gathered.label is not None and len(counts) == len(gathered.space)
    data = {
        "file": dataset.source.path.name,
        "rows": len(dataset),
        "rows_learned_from": n_training,
        "modality": dataset.plan.modality,
        "features": "; ".join(found.notes) or f"{fitted.width} numbers a row",
    }
    return ModelCard(
        data=data,
        classes={name: int(counts[k]) if own else -1 for k, name in enumerate(gathered.space.names)},
        evidence=tuple(_about_part(part, rows) for part, rows in zip(gathered.parts, gathered.rows, strict=True)),
        noise=None if noise is None else _noise_facts(noise, gathered.space.names),
        method=choice.name,
        reason=choice.reason,
        settings=settings,
        held_out=None if measured is None else _without_nan(asdict(measured)),
        limits=_limits(gathered, noise, measured),
    )


def _about_part(part: Evidence, rows: NDArray[np.int64]) -> str:
    if isinstance(part, Hard):
        return f"one label a row, on {int((part.labels >= 0).sum())} of {len(part)} rows"
    kind = KINDS.get(type(part), "known positives")
    return f"{kind}, on {len(rows)} rows"


def _noise_facts(noise: NoiseEstimate, names: Sequence[str]) -> dict[str, Any]:
    return {
        "noise_rate": noise.noise_rate,
        "low": noise.low,
        "high": noise.high,
        "level": noise.level,
        "source": noise.source,
        "transition_matrix": noise.transition_matrix.tolist(),
        "rows_are": "the truth",
        "columns_are": "the given label",
        "classes": list(names),
    }


def _without_nan(facts: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in facts.items()}


def _limits(gathered: Gathered, noise: NoiseEstimate | None, measured: HeldOut | None) -> tuple[str, ...]:
    limits = ["It answers for rows of the kind that it learned from; nothing warns of rows of another kind."]
    if measured is not None and "given labels" in measured.measure:
        limits.append(
            "Agreement with given labels is not accuracy: some of these labels are wrong too. labelwright evaluate "
            "estimates what it would be on corrected ones."
        )
    elif measured is not None:
        limits.append("The held-out figure compares with imperfect labels, not with the truth.")
    if noise is not None:
        limits.append("The share of wrong labels is a model's estimate; labels that people checked would tell.")
    limits += [f"{note[0].upper()}{note[1:]}." for note in rare_classes(gathered)]
    return tuple(limits)


def train_lines(card: ModelCard, notes: Sequence[str], folder: Path, quiet: bool) -> list[str]:
    """Return what the command line prints."""
    held = card.held_out
    verdict = f"{card.method}, {card.data['rows_learned_from']} rows"
    if held is not None:
        interval = "" if held["low"] is None else f" ({held['low']:.1%} to {held['high']:.1%})"
        verdict += f"; {held['measure']} on {held['n']} held-out rows: {held['value']:.1%}{interval}"
    verdict += f". Model: {folder}"
    if quiet:
        return [verdict]
    told = [f"- {note}" for note in notes]
    return [*told, "", card.reason, "", verdict, f"Next: labelwright predict {quoted(folder)[1:-1]} NEW_DATA"]
