"""Evidence about a single row: what an objective is set up on when its model is loaded and nothing is trained."""

from __future__ import annotations

import numpy as np

from labelwright.evidence import Bags, Candidates, Evidence, Hard, Reals, Tags


def one_row(kind: str, outputs: int) -> Evidence:
    """Return evidence of a kind about one row; hard labels where the kind does not matter.

    Parameters
    ----------
    kind : str
        The class of the training evidence.
    outputs : int
        Outputs of the network: the classes or tags.

    Examples
    --------
    >>> one_row("Bags", 2).n_classes
    2
    """
    first = np.zeros(1, dtype=np.int64)
    match kind:
        case "Tags":
            return Tags(np.array([0, 1]), first, first + 1, outputs)
        case "Candidates":
            return Candidates.from_sets([[0]], outputs)
        case "Bags":
            return Bags.counts([0], np.eye(1, outputs, dtype=np.int64), n_classes=outputs)
        case "Reals":
            return Reals.values([0.0])
    return Hard([0], outputs)
