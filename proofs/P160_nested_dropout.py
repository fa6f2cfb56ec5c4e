"""P160: nested dropout keeps 4 points that wrong labels cost cross-entropy, and co-teaching gains from it too.

Bed TB1 (digits, MLP of 64-256-256-10, 100 epochs, SGD) with 40 % symmetric noise, scale 20. Co-teaching and the second
stage of nested co-teaching both leave out the true share of wrong labels, 0.4; the second stage is 30 epochs at a
learning rate of 1e-3. The width is chosen on held-out labels as given. `prefix_share` is the accuracy with the first
32 of 256 features over that with the chosen width.

Source: Chen, Shen, Hu, Suykens, Compressing Features for Learning With Noisy Labels, IEEE TNNLS 2022.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from proofs.beds import Bed, digits_bed, symmetric

from labelwright.catalogue.claims import All, AtLeast, Beats
from labelwright.learn.noisy import CoTeaching, nested_co_teaching, width_accuracies
from labelwright.nn import SGD, CrossEntropy, Loop

DATA = ("digits",)
BUDGET_S = 180
SEEDS = 5
SCALE, NOISE, PREFIX = 20.0, 0.4, 32
CLAIM = All(
    Beats(baseline="cross-entropy", by=0.04, seeds=SEEDS, metric="test accuracy", method_figure="nested"),
    AtLeast("gain", 0.0, seeds=SEEDS, statement="nested co-teaching is as accurate as co-teaching, on average"),
    AtLeast("prefix_share", 0.95, seeds=SEEDS),
)


def prefix_share(loop: Loop, bed: Bed) -> float:
    """Return the test accuracy of the first 32 features over that of the chosen width."""
    net = loop.objective.net
    with torch.no_grad():
        features = net.all_features(torch.from_numpy(bed.x_test))
    accuracy = width_accuracies(features, net.linear, torch.from_numpy(bed.y_test))
    return float(accuracy[PREFIX - 1] / accuracy[int(net.nested.width) - 1])


def run(seed: int) -> dict[str, float]:
    """Train cross-entropy, co-teaching and both stages on the same noisy labels."""
    bed = digits_bed(seed, symmetric(NOISE))
    plain, peers = bed.fitted(CrossEntropy()), bed.fitted(CoTeaching(NOISE))
    tuning = replace(bed.training, epochs=30, optimizer=SGD(1e-3, 0.9, 5e-4))
    both, (nested, _) = nested_co_teaching(bed.task(), bed.training, tuning, scale=SCALE, forget=NOISE)
    alone, tuned = bed.accuracy(peers), bed.accuracy(both)
    return {
        "baseline": bed.accuracy(plain),
        "nested": bed.accuracy(nested),
        "co_teaching": alone,
        "nested_co_teaching": tuned,
        "gain": tuned - alone,
        "prefix_share": prefix_share(nested, bed),
        "width": float(nested.objective.net.nested.width),
    }
