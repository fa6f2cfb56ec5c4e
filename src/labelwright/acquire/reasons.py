"""Why a row is asked about, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelwright.acquire.activelab import VoteQuality
from labelwright.acquire.contract import Floats, Pool, Selection
from labelwright.errors import quoted
from labelwright.evidence import Votes
from labelwright.metrics.numerals import percent

SURE = 0.9  # probability above which a model does not waver


def row_reasons(
    says: str, chosen: Selection, pool: Pool, classes: Sequence[str], quality: VoteQuality | None
) -> list[str]:
    """Return one sentence a chosen row.

    Parameters
    ----------
    says : str
        See `methods.Method`.
    chosen : Selection
    pool : Pool
    classes : sequence of str
    quality : VoteQuality, optional
        Of ActiveLab: what is known of rows with votes.
    """
    sentences = []
    for place, row in enumerate(chosen.rows.tolist()):
        probs = None if pool.pred_probs is None else pool.pred_probs[row]
        tally = "" if pool.votes is None else vote_tally(pool.votes, row, classes)
        if tally and quality is not None:
            merged = _named(classes[quality.consensus[row]], quality.quality[row])
            sentences.append(f"{tally}; merged with the model: {merged}.")
        elif tally:
            sentences.append(f"{tally}.")
        elif pool.labels[row] >= 0:
            sentences.append(_doubt(int(pool.labels[row]), probs, classes))
        else:
            sentences.append(_new(says, float(chosen.score[place]), probs, classes))
    return sentences


def _named(name: str, share: float) -> str:
    return f"{quoted(name)} ({percent(share, 0)})"


def vote_tally(votes: Votes, row: int, classes: Sequence[str]) -> str:
    """Return what was said of a row: ``2 of 3 votes say 'cat', 1 'dog'``; empty where nobody voted."""
    first, last = np.searchsorted(votes.row, [row, row + 1])
    said = votes.value[first:last]
    said = said[said >= 0]
    if not len(said):
        return ""
    counts = np.bincount(said, minlength=len(classes))
    order = [k for k in np.argsort(-counts, kind="stable").tolist() if counts[k]]
    if len(said) == 1:
        return f"The only vote says {quoted(classes[order[0]])}"
    if len(order) == 1:
        return f"All {len(said)} votes say {quoted(classes[order[0]])}"
    parts = [f"{counts[k]} {quoted(classes[k])}" for k in order]
    return f"{len(said)} votes differ: {', '.join(parts[:4])}"


def _doubt(label: int, probs: Floats | None, classes: Sequence[str]) -> str:
    if probs is None:
        return f"It is labelled {quoted(classes[label])}; a second opinion is asked for."
    best = int(probs.argmax())
    if best == label:
        return f"The model agrees with {_named(classes[label], probs[label])}, and a second opinion would settle it."
    given, found = _named(classes[label], probs[label]), _named(classes[best], probs[best])
    return f"It is labelled {given}; the model finds {found} likelier."


def _new(says: str, score: float, probs: Floats | None, classes: Sequence[str]) -> str:
    if says == "drawn":
        return "Drawn at random."
    if says == "far":
        return (
            "No labelled or chosen row is like it."
            if np.isfinite(score)
            else "It is nearest to the middle of the data."
        )
    if says == "typical":
        return "It is the most typical of a group of rows without a label."
    if says == "covers" and score < 1:
        return "Every row has a labelled one near; drawn at random."
    if says == "covers":
        return f"{score:.0f} rows close to it have no labelled row near."
    if says == "settles":
        return "Its label, whatever it is, is expected to settle most of the rows around it."
    wavers = wavering(probs, classes)
    if says == "disagree":
        return f"Models trained on parts of the labels disagree about it. {wavers}"
    return wavers


def wavering(probs: Floats | None, classes: Sequence[str]) -> str:
    """Return how sure a model is, from its probabilities (K,)."""
    if probs is None or len(probs) < 2:
        return "Nobody has labelled it."
    first, second = np.argsort(-probs, kind="stable")[:2].tolist()
    names = _named(classes[first], probs[first]), _named(classes[second], probs[second])
    if probs[first] >= SURE:
        return f"The model takes it for {names[0]}; it is unlike the rows chosen before."
    return f"The model wavers between {names[0]} and {names[1]}."
