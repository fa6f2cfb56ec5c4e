"""P054: boosted activation maps with large-loss rejection repair a model that was taught one tag an image.

Canvases of 56 x 56 with one to four digits (scikit-learn's, twice enlarged, apart from each other), tags = the digits
present, one of them kept. 800 canvases to learn from, 500 to be judged on; SmallCNN of four layers, Adam 1e-3, 12
epochs, batches of 32. Rejection grows by 1 % of the cells an epoch: twice the paper's rate, as one cell in seven here
is a hidden positive. `maps_*` is the mean correlation, over the tags of test images, of a model's activation map with
that of a model that knows all tags.

Source: Kim et al., Bridging the Gap between Model Explanations in Partially Annotated Multi-label Classification, CVPR
2023.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from proofs.datasets import digits

from labelwright.catalogue.claims import All, Beats
from labelwright.evidence import Tags
from labelwright.learn.partial import ActivationMapNet, AssumeNegative, BoostedMaps, LargeLossRejection
from labelwright.metrics import mean_average_precision
from labelwright.nn import AdamW, Loop, Objective, SmallCNN, Task, Training
from labelwright.noise import single_positive

DATA = ("digits",)
BUDGET_S = 180
SEEDS = 3
SIDE, CELL = 56, 16
CNN = SmallCNN((8, 16, 32, 32))
CLAIM = All(
    Beats(baseline="assume negative", by=0.04, seeds=SEEDS, metric="mAP"),
    Beats(baseline="large-loss rejection alone", by=0.01, seeds=SEEDS, metric="mAP", baseline_figure="rejection"),
    Beats(
        baseline="assume negative",
        by=0.0,
        seeds=SEEDS,
        metric="correlation of the maps with the fully taught model's",
        method_figure="maps_boosted",
        baseline_figure="maps_an",
    ),
)


def canvases(n: int, rows: NDArray[np.int64], rng: np.random.Generator) -> tuple[torch.Tensor, NDArray[np.bool_]]:
    """Return images float32 (n, 1, 56, 56) in [0, 1] and which digits they hold, bool (n, 10)."""
    data = digits()
    glyphs = np.kron((data.X / 16).reshape(-1, 8, 8), np.ones((2, 2))).astype(np.float32)
    images, tags = np.zeros((n, 1, SIDE, SIDE), dtype=np.float32), np.zeros((n, 10), dtype=bool)
    corners = np.array([(r, c) for r in (0, 20, 40) for c in (0, 20, 40)])
    for i in range(n):
        count = rng.integers(1, 5)
        for (top, left), row in zip(rng.permutation(corners)[:count], rng.choice(rows, count), strict=True):
            images[i, 0, top : top + CELL, left : left + CELL] = glyphs[row]
            tags[i, data.truth[row]] = True
    return torch.from_numpy(images), tags


def fitted(objective: Objective, x: torch.Tensor, tags: NDArray[np.int8], net: Any, seed: int) -> Loop:
    """Return the loop after training."""
    training = Training(epochs=12, batch_size=32, optimizer=AdamW(1e-3), seed=seed, device="cpu")
    loop = Loop(objective, Task(x, Tags.from_dense(tags), net=net), training)
    loop.fit()
    return loop


@torch.no_grad()
def maps(net: Any, x: torch.Tensor) -> torch.Tensor:
    """Return the class activation maps, (n, 10, positions)."""
    seen = net if isinstance(net, ActivationMapNet) else ActivationMapNet(net)
    return seen.maps(x).flatten(2)


def likeness(net: Any, full: Any, x: torch.Tensor, chosen: torch.Tensor) -> float:
    """Return the mean correlation of both networks' maps over the chosen cells."""
    a, b = (m[chosen] - m[chosen].mean(dim=1, keepdim=True) for m in (maps(net, x), maps(full, x)))
    return float(((a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1)).clamp_min(1e-9)).mean())


def run(seed: int) -> dict[str, float]:
    """Train with all tags, and three ways with one tag a canvas."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(digits().truth))
    x, truth = canvases(800, order[:1200], rng)
    x_test, y_test = canvases(500, order[1200:], rng)
    tags = single_positive(truth, seed).tags
    plans = {
        "full": (AssumeNegative(), truth.astype(np.int8), CNN),
        "baseline": (AssumeNegative(), tags, CNN),
        "rejection": (LargeLossRejection(0.01), tags, CNN),
        "method": (LargeLossRejection(0.01), tags, BoostedMaps(CNN)),
    }
    loops = {name: fitted(objective, x, known, net, seed) for name, (objective, known, net) in plans.items()}
    found = {
        n: mean_average_precision(y_test, loop.predict_proba(x_test).double().numpy()) for n, loop in loops.items()
    }
    hidden, nets = torch.from_numpy(y_test), {name: loop.objective.net.eval() for name, loop in loops.items()}
    like = {name: likeness(nets[name], nets["full"], x_test, hidden) for name in ("baseline", "method")}
    return found | {"maps_an": like["baseline"], "maps_boosted": like["method"]}
