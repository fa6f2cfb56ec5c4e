"""P043: items of every joint region of three overlapping discs, from points labelled with one disc each.

Points of the plane, dense inside the discs, each labelled with one of the discs that hold it, drawn evenly. The
generator is a wide mixture of Gaussians that knows nothing of the regions. For each of the seven regions ("in these
discs, not in those") 500 chains of 200 steps; beside it sampling by class alone: training points labelled with one of
the wanted discs, drawn evenly. The classifier is an MLP of 128-128; g is 0.3 on wanted discs where some are forbidden,
the temperature 1, 0.5 and 0.2 for one, two and three wanted discs (chosen on another seed).

Source: Cho et al., Mining Multi-Label Samples from Single Positive Labels, NeurIPS 2022.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from numpy.typing import NDArray

from labelwright.catalogue.claims import All, AtLeast, Beats
from labelwright.learn.partial import S2MSampler, train_label_ratio_classifier
from labelwright.nn import MLP, AdamW, Cosine, Training

BUDGET_S = 120
SEEDS = 3
CENTRES = np.array([[0.0, 1.0], [-0.87, -0.5], [0.87, -0.5]])
RADIUS = 1.5
CLAIM = All(
    AtLeast("lowest_region", 0.9, SEEDS, statement="share in the right region, worst of seven, is at least 0.9"),
    Beats(baseline="sampling by class", by=0.3, seeds=SEEDS, metric="share in the right region, mean of seven"),
)


def memberships(x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which discs hold each point, bool (n, 3)."""
    return np.asarray(((x[:, None, :] - CENTRES) ** 2).sum(axis=2) < RADIUS**2)


class WideMixture:
    """Draws from Gaussians around the three centres, wide enough to cover every disc."""

    def sample(self, n: int) -> torch.Tensor:
        """Return points float32 (n, 2)."""
        which = torch.randint(3, (n,))
        return torch.from_numpy(CENTRES).float()[which] + 1.2 * torch.randn(n, 2)


def labelled_points(n: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return points inside the discs' union and one of the discs that hold each."""
    x = rng.uniform(-2.6, 2.6, size=(4 * n, 2))
    x = x[memberships(x).any(axis=1)][:n]
    inside = memberships(x)
    chosen = (rng.random(inside.shape) * inside).argmax(axis=1)
    return x, chosen.astype(np.int64)


def run(seed: int) -> dict[str, float]:
    """Ask for all seven regions."""
    rng = np.random.default_rng(seed)
    x, labels = labelled_points(4000, rng)
    training = Training(epochs=60, batch_size=128, optimizer=AdamW(3e-3, schedule=Cosine()), seed=seed, device="cpu")
    judge = train_label_ratio_classifier(WideMixture(), x, labels, 3, net=MLP((128, 128)), training=training)
    found, plain, rates = {}, [], []
    regions = [wanted for size in (1, 2, 3) for wanted in itertools.combinations(range(3), size)]
    for wanted in regions:
        forbidden = [k for k in range(3) if k not in wanted]
        gains = np.ones(3)
        if forbidden:
            gains[list(wanted)] = 0.3
        sampler = S2MSampler(
            WideMixture(),
            judge,
            wanted,
            forbidden,
            gains=gains,
            temperature={1: 1.0, 2: 0.5, 3: 0.2}[len(wanted)],
        )
        drawn = sampler.sample(500, seed)
        region = np.isin(np.arange(3), wanted)
        name = "region_" + "".join(map(str, wanted))
        found[name] = float((memberships(drawn.x.numpy()) == region).all(axis=1).mean())
        rates.append(drawn.acceptance_rate)
        own = memberships(x[np.isin(labels, wanted)])
        plain.append(float((own == region).all(axis=1).mean()))
    return {
        "method": float(np.mean([*found.values()])),
        "baseline": float(np.mean(plain)),
        "lowest_region": min(found.values()),
        "acceptance": float(np.mean(rates)),
        "calibration_temperature": judge.calibration,
    } | found
