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
from labelwright.errors import quoted
from labelwright.evidence import Evidence, Hard, Reals, Tags
from labelwright.learn.choose import KINDS, Choice
from labelwright.learn.class_support import class_notes
from labelwright.learn.gathered import Gathered
from labelwright.learn.held_out import HeldOut
from labelwright.learn.model_card import ModelCard, held_text


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
    counts = _given_labels(gathered)
    data = {
        "file": dataset.source.path.name,
        "rows": len(dataset),
        "rows_learned_from": n_training,
        "task": dataset.plan.task,
        "modality": dataset.plan.modality,
        "features": "; ".join(found.notes) or f"{fitted.width} numbers a row",
    }
    return ModelCard(
        data=data,
        classes={name: -1 if counts is None else int(counts[k]) for k, name in enumerate(gathered.names)},
        evidence=tuple(_about_part(part, rows) for part, rows in zip(gathered.parts, gathered.rows, strict=True)),
        noise=None if noise is None else _noise_facts(noise, gathered.names),
        method=choice.name,
        reason=choice.reason,
        settings=settings,
        held_out=None if measured is None else _without_nan(asdict(measured)),
        limits=_limits(gathered, noise, measured),
    )


def _given_labels(gathered: Gathered) -> NDArray[np.int64] | None:
    """Return how many rows have each class or tag, None where rows have no label of their own."""
    labels = gathered.dataset.labels
    if gathered.dataset.plan.task == "multilabel":
        return np.asarray((labels == 1).sum(axis=0))
    if gathered.label is None or gathered.space is None:
        return None
    counts = np.bincount(labels[labels >= 0], minlength=len(gathered.space))
    return counts if len(counts) == len(gathered.space) else None


def _about_part(part: Evidence, rows: NDArray[np.int64]) -> str:
    if isinstance(part, Reals):
        exact = int((part.bounds[:, 0] == part.bounds[:, 1]).sum())
        bounded = int(np.isfinite(part.bounds).any(axis=1).sum()) - exact
        return f"one number a row, on {exact} of {len(part)} rows" + (f"; bounds, on {bounded} rows" if bounded else "")
    if isinstance(part, Tags) and part.n_classes > 1:
        known = int((np.diff(part.offsets) > 0).sum())
        off = "on and off" if (part.values < 0).any() else "that are on; those not listed are unknown"
        return f"tags {off}, on {known} of {len(part)} rows"
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
    limits = list(gathered.notes)
    limits = [f"{note[0].upper()}{note[1:]}." for note in limits]
    limits += ["It answers for rows of the kind that it learned from; nothing warns of rows of another kind."]
    if measured is not None and "given labels" in measured.measure:
        limits.append(
            "Agreement with given labels is not accuracy: some of these labels are wrong too. labelwright evaluate "
            "estimates what it would be on corrected ones."
        )
    elif gathered.incomplete and measured is not None:
        limits.append("Tags that a row does not list count as off in the held-out figure, so it is too low.")
    elif measured is not None:
        limits.append("The held-out figure compares with imperfect labels, not with the truth.")
    if noise is not None:
        limits.append("The share of wrong labels is a model's estimate; labels that people checked would tell.")
    limits += [f"{note[0].upper()}{note[1:]}." for note in class_notes(gathered)]
    return tuple(limits)


def train_lines(card: ModelCard, notes: Sequence[str], folder: Path, quiet: bool) -> list[str]:
    """Return what the command line prints."""
    held = card.held_out
    verdict = f"{card.method}, {card.data['rows_learned_from']} rows"
    if held is not None:
        verdict += f"; {held['measure']} on {held['n']} held-out rows: {held_text(held)}"
    verdict += f". Model: {folder}"
    if quiet:
        return [verdict]
    told = [f"- {note}" for note in notes]
    return [*told, "", card.reason, "", verdict, f"Next: labelwright predict {quoted(folder)[1:-1]} NEW_DATA"]
