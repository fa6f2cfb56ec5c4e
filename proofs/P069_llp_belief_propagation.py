"""P069: with the positives of large bags alone, belief propagation and a classifier beat training on proportions.

Adult: 4096 rows in random bags of 32 and of 256, only the number of high incomes of each bag known; AUC of the single
rows on 8000 others. Baseline: the same network (256, 128, 64) trained with the proportion loss (DLLP), Adam, one bag a
step, 10 or 30 epochs. Belief propagation: five neighbours, two rounds, similarity weight 0.3 or 10. Both choose on a
quarter of the bags, held out, by the shares predicted there.

Source: Busa-Fekete et al., ICLR 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray
from proofs.P056_sar_pu import adult_rows

from labelwright.catalogue.claims import All, Beats, Holds, NotWorse
from labelwright.learn.bags import LLPBeliefPropagation, gibbs_pseudo_labels
from labelwright.metrics import auroc
from labelwright.noise import random_bags

DATA = ("adult",)
BUDGET_S = 180
SEEDS = 3
ROWS, TEST, SIZES = 4096, 8000, (32, 256)
EPOCHS, WEIGHTS = (10, 30), (0.3, 10.0)
Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def network_probs(X: Floats, bags: Codes, shares: Floats, seed: int, X_out: Floats) -> dict[int, Floats]:
    """Train on proportions, −sum_c share_c log(mean p_c) a bag; return P(1) of X_out after each number of epochs."""
    import torch

    torch.manual_seed(seed)
    sizes = (X.shape[1], 256, 128, 64)
    layers = [part for a, b in pairwise(sizes) for part in (torch.nn.Linear(a, b), torch.nn.ReLU())]
    net = torch.nn.Sequential(*layers, torch.nn.Linear(64, 1))
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    rows, out = torch.tensor(X, dtype=torch.float32), torch.tensor(X_out, dtype=torch.float32)
    members = [torch.tensor(np.flatnonzero(bags == g)) for g in range(len(shares))]
    found = {}
    for epoch in range(1, max(EPOCHS) + 1):
        for g in torch.randperm(len(members)).tolist():
            mean = torch.sigmoid(net(rows[members[g]])).mean().clamp(1e-6, 1 - 1e-6)
            loss = -(shares[g] * mean.log() + (1 - shares[g]) * (1 - mean).log())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if epoch in EPOCHS:
            with torch.no_grad():
                found[epoch] = torch.sigmoid(net(out))[:, 0].double().numpy()
    return found


def share_error(probs: Floats, bags: Codes, shares: Floats) -> float:
    """Return the mean absolute error of the bags' shares."""
    mean = np.bincount(bags, weights=probs) / np.bincount(bags)
    return float(np.abs(mean - shares).mean())


@dataclass(frozen=True)
class World:
    """Bags that train, bags that choose, and rows that test; `share` is the positives of each bag in 0..1."""

    X: Floats
    y: NDArray[np.bool_]
    bags: Codes
    X_held: Floats
    bags_held: Codes
    share_held: Floats
    X_test: Floats
    y_test: NDArray[np.bool_]

    @property
    def counts(self) -> Codes:
        return np.bincount(self.bags, weights=self.y).astype(np.int64)


def world(size: int, seed: int) -> World:
    """Draw one."""
    X, y = adult_rows()
    order = np.random.default_rng(seed).permutation(len(X))
    rows, test = order[:ROWS], order[ROWS : ROWS + TEST]
    X = (X - X[rows].mean(axis=0)) / np.maximum(X[rows].std(axis=0), 1e-9)
    bags = random_bags(ROWS, size, seed)
    n_train = 3 * (ROWS // size) // 4
    train, held = bags < n_train, bags >= n_train
    bags_held = bags[held] - n_train
    share = np.bincount(bags_held, weights=y[rows][held]) / size
    return World(X[rows][train], y[rows][train], bags[train], X[rows][held], bags_held, share, X[test], y[test])


def compared(size: int, seed: int) -> dict[str, float]:
    """Return AUCs of proportion loss and belief propagation, each with what it chose on held-out bags."""
    w = world(size, seed)
    both = np.concatenate([w.X_held, w.X_test])
    cut = len(w.X_held)
    found = network_probs(w.X, w.bags, w.counts / size, seed, both)
    dllp = min(found.values(), key=lambda probs: share_error(probs[:cut], w.bags_held, w.share_held))[cut:]
    models = [LLPBeliefPropagation(similarity_weight=ls, seed=seed).fit(w.X, w.bags, w.counts) for ls in WEIGHTS]
    model = min(models, key=lambda one: share_error(one.predict_proba(w.X_held)[:, 1], w.bags_held, w.share_held))
    first, second = (float(auroc(w.y, labels.q)) for labels in model.pseudo_labels_)
    return {
        f"dllp_{size}": float(auroc(w.y_test, dllp)),
        f"bp_{size}": float(auroc(w.y_test, model.predict_proba(w.X_test)[:, 1])),
        f"q_first_{size}": first,
        f"q_second_{size}": second,
    }


def identities(seed: int) -> float:
    """Return 1 when, without edges, q is k/m, and with unary odds the exact posterior of the count."""
    rng = np.random.default_rng(seed)
    flat = gibbs_pseudo_labels(np.zeros(7, np.int64), [3]).q
    p = rng.random(6)
    odds = np.log(p / (1 - p))
    states = np.array([s for s in product((0, 1), repeat=6) if sum(s) == 2])
    weight = np.prod(np.where(states == 1, p, 1 - p), axis=1)
    exact = weight @ states / weight.sum()
    given = gibbs_pseudo_labels(np.zeros(6, np.int64), [2], log_odds=odds).q
    return float(np.allclose(flat, 3 / 7, atol=1e-12) and np.allclose(given, exact, atol=1e-10))


CLAIM = All(
    Beats("dllp", by=0.02, seeds=SEEDS, metric="AUC, bags of 256", method_figure="bp_256", baseline_figure="dllp_256"),
    *(
        NotWorse(
            "round 1",
            seeds=SEEDS,
            metric=f"AUC of q, bags of {size}",
            method_figure=f"q_second_{size}",
            baseline_figure=f"q_first_{size}",
        )
        for size in SIZES
    ),
    Holds("without edges q is k/m, and with unary odds the posterior of the count", ("identities",), SEEDS),
)


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    figures = {"identities": identities(seed)}
    for size in SIZES:
        figures |= compared(size, seed)
    return figures
