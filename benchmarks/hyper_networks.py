"""How well the network of the hyper label model learns its law, and how it does on independent sources.

Eight networks learn from the synthetic votes of `hyper_training`, each from first weights of its own, with the
defaults of `HyperLabelModel`. Measured are the share of rows of held-out synthetic tables (30 to 1,000 rows) that get
the class that is likelier given the votes, and the accuracy on 40 tables of independent sources, by which the authors
choose one of ten networks, beside majority voting's.

Run: ``python -m benchmarks.hyper_networks`` (ten minutes on one core; a network that is in the cache is not trained
again). It is no part of ``python -m benchmarks`` without names.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.records import store
from labelwright.consensus.label_models.hyper_network import HyperNetwork
from labelwright.consensus.label_models.hyper_training import (
    better_than_chance,
    chance_of_one,
    dense_logits,
    trained_network,
)

COMMAND = "python -m benchmarks.hyper_networks"
RUNS, STEPS, TABLES = 8, 2000, 4
HELD_OUT = ((30, 10), (60, 30), (100, 20), (200, 10), (400, 40), (1000, 20))


def independent_table(rng: np.random.Generator, n: int = 2000) -> tuple[Tensor, NDArray[np.int64]]:
    """Return votes of 10 to 50 sources that err independently, and the labels; rows without a vote are left out.

    Coverage and accuracy differ between sources and classes.
    """
    labels = (rng.random(n) < rng.random()).astype(np.int64)
    m, best = 50 - int(rng.random() * 40), 0.5 * rng.random((2, 1))
    coverage, right = rng.random((2, m)), 0.5 + rng.random((2, m)) * best
    truth = np.where(labels == 1, 1, -1)[:, None]
    said, agrees = rng.random((n, m)) < coverage[labels], rng.random((n, m)) < right[labels]
    votes = np.where(said, np.where(agrees, truth, -truth), 0)
    spoken = (votes != 0).any(axis=1)
    return torch.from_numpy(votes[spoken]).float(), labels[spoken]


def accuracy(net: HyperNetwork | None, tables: list[tuple[Tensor, NDArray[np.int64]]]) -> float:
    """Return the mean accuracy of a network, or of majority voting, on these tables."""
    scores = []
    for votes, labels in tables:
        with torch.no_grad():
            score = votes.sum(dim=1) if net is None else dense_logits(net, votes[None])[0]
        scores.append(((score > 0).numpy() == labels).mean())
    return float(np.mean(scores))


def held_out() -> list[tuple[Tensor, Tensor]]:
    """Return synthetic votes and the chances of class 1, estimated from 40,000 labellings."""
    rng, made = np.random.default_rng(77), []
    for n, m in HELD_OUT:
        labels = rng.integers(0, 2, (6, n))
        votes = torch.from_numpy(better_than_chance(rng.integers(-1, 2, (6, n, m)), labels)).float()
        made.append((votes, chance_of_one(votes, 20_000, rng, torch.from_numpy(labels).float())))
    return made


def as_the_law(net: HyperNetwork, tables: list[tuple[Tensor, Tensor]]) -> float:
    """Return the share of rows that the network gives the class that is likelier given the votes, mean over tables."""
    shares = []
    for votes, chance in tables:
        voted = (votes != 0).any(dim=2)
        with torch.no_grad():
            found = dense_logits(net, votes)[voted] > 0
        shares.append((found == (chance[voted] > 0.5)).double().mean().item())
    return float(np.mean(shares))


def main() -> list[dict[str, Any]]:
    """Train, measure and store."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(999)
    tables, held = [independent_table(rng) for _ in range(40)], held_out()
    majority = round(accuracy(None, tables), 4)
    rows = []
    for seed in range(RUNS):
        net = trained_network(STEPS, TABLES, seed)
        figures = {"accuracy on independent sources": round(accuracy(net, tables), 4)}
        rows.append({"work": f"network {seed}", **figures, "majority voting": majority,
                     "rows labelled as the law does": round(as_the_law(net, held), 3)})  # fmt: skip
        print(rows[-1], flush=True)
    store("hyper_networks", COMMAND, rows)
    return rows


if __name__ == "__main__":
    main()
