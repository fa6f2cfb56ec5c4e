"""P091: with 40 % of the votes of MovieLens hidden, NBPO ranks films better than BPO and BPR.

Bed TB5, MovieLens 100k: a rating of 4 or 5 is a vote; the last 20 % of each user's votes are to be found again. Of the
other votes 40 % are hidden, those of unpopular films more often. All films that a user did not vote for are ranked,
hidden ones left out; the mark is NDCG@20. Vectors of 32, 2 films drawn for each vote, Adam at 0.01, 30 epochs. The
weight of the squares was chosen for each method by NDCG@20 on a tenth of the votes seen, held out, of seed 100.

Source: Yu, Qin, Sampler Design for Implicit Feedback Data by Noisy-label Robust Learning, SIGIR 2020.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from proofs.beds import VotesBed, votes_bed
from scipy.sparse import csr_matrix

from labelwright.catalogue.claims import All, AtLeast, Beats
from labelwright.learn.noisy import BPO, BPR, NoisyRobustBPO

DATA = ("movielens",)
BUDGET_S = 180
SEEDS = 3
PENALTY = {BPO: 0.03, BPR: 0.03, NoisyRobustBPO: 0.03}
CLAIM = All(
    AtLeast("ratio", 1.03, seeds=SEEDS, statement="NDCG@20 of NBPO over that of BPO"),
    Beats(baseline="BPR", by=0.0, seeds=SEEDS, metric="NDCG@20", baseline_figure="bpr"),
    AtLeast("hidden_over_others", 2.0, seeds=SEEDS, statement="mean w on hidden votes over that on other pairs"),
)


def fitted(model: type[BPO], votes: csr_matrix, seed: int, l2: float | None = None) -> Any:
    """Return the model with the bed's settings, fitted."""
    return model(others=2, epochs=30, l2=PENALTY[model] if l2 is None else l2, seed=seed).fit(votes)


def held_out_mark(model: type[BPO], l2: float, seed: int = 100) -> float:
    """Return NDCG@20 on a tenth of the votes seen: what PENALTY was chosen by."""
    votes = votes_bed(seed).seen
    kept = np.random.default_rng(seed + 2000).random(votes.nnz) < 0.9
    user, item = votes.nonzero()
    part, held = (csr_matrix((np.ones(m.sum()), (user[m], item[m])), votes.shape) for m in (kept, ~kept))
    return VotesBed(part, csr_matrix(votes.shape), held).ndcg(fitted(model, part, seed, l2))


def apart(bed: VotesBed, weight: NDArray[np.float32]) -> float:
    """Return the mean of w on hidden votes over its mean on pairs that are no votes at all."""
    hidden, known = bed.hidden.toarray() > 0, (bed.seen + bed.hidden + bed.later).toarray() > 0
    return float(weight[hidden].mean() / weight[~known].mean())


def run(seed: int) -> dict[str, float]:
    """Fit three recommenders on the same votes."""
    bed = votes_bed(seed)
    nbpo, bpo, bpr = (fitted(model, bed.seen, seed) for model in (NoisyRobustBPO, BPO, BPR))
    figures = {"method": bed.ndcg(nbpo), "baseline": bed.ndcg(bpo), "bpr": bed.ndcg(bpr)}
    weight = nbpo.missed_positive(np.arange(bed.seen.shape[0]))
    return {
        **figures,
        "ratio": figures["method"] / figures["baseline"],
        "hidden_over_others": apart(bed, weight),
        "noise": float(nbpo.predict_noise(np.arange(bed.seen.shape[0])).mean()),
    }
