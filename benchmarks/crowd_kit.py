"""Dawid-Skene, MACE and GLAD beside crowd-kit: part of `benchmarks.label_models`, whose rows they are."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.records import RESULTS, Spent, load, machine, medians_spent, spent
from labelwright.consensus import GLAD, MACE, DawidSkene, LabelModel, most_probable
from labelwright.evidence import Votes
from labelwright.noise import Sources, cast_votes

ITERATIONS = 20
PEER_GLAD = RESULTS / "crowdkit_glad.json"


def crowd(n: int = 100_000, m: int = 2000, k: int = 4, per_row: int = 5) -> tuple[Votes, NDArray[np.int64]]:
    """Return votes of many sources of unequal quality, and the truth."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, k, n)
    sources = Sources.skilled(rng.uniform(0.35, 0.95, m), n_classes=k)
    row = np.repeat(np.arange(n), per_row)
    source = (rng.integers(0, m, n)[:, None] + np.arange(per_row) * (m // per_row)) % m
    cast = cast_votes(truth, sources, seed=rng, asked=(row, source.ravel()))
    return Votes(cast.row, cast.source, cast.value, n, m, k), truth


def right(model: LabelModel, votes: Votes, truth: NDArray[np.int64]) -> float:
    """Return the accuracy of a fitted model."""
    return float((most_probable(model.predict_proba(votes)) == truth).mean())


def likelihood(votes: Votes, balance: NDArray[np.float64], confusion: NDArray[np.float64]) -> float:
    """Return the mean log-likelihood a vote under π (K,) and confusion (m, K, K), the same code for both sides."""
    with np.errstate(divide="ignore"):
        table = np.log(confusion[votes.source, :, votes.value])
    starts = votes.offsets()[:-1]
    score = np.add.reduceat(table, starts, axis=0) + np.log(balance)
    return float(np.logaddexp.reduce(score, axis=1).sum() / len(votes.row))


def row(
    work: str, must: str, least: float, good: bool, ours: Spent, peer: Spent, by: str = "wall", **figures: Any
) -> dict[str, Any]:
    """Return one row of the table; it holds when the results are good and we are `least` times faster."""
    ratios = {name: getattr(peer, name) / getattr(ours, name) for name in ("wall", "processor")}
    found = {
        "work": work, "must": f"{must}, {least:g} x", "holds": bool(good and ratios[by] >= least),
        "ours_s": round(ours.wall, 4), "peer_s": round(peer.wall, 3), "ratio": round(ratios["wall"], 1),
        "ours_processor_s": round(ours.processor, 4), "peer_processor_s": round(peer.processor, 3),
        "processor_ratio": round(ratios["processor"], 1), **figures,
    }  # fmt: skip
    print(found, flush=True)
    return found


def crowd_frame() -> tuple[Votes, NDArray[np.int64], Any]:
    """Return the votes of `crowd`, the truth, and the votes as crowd-kit takes them."""
    import pandas as pd

    votes, truth = crowd()
    return votes, truth, pd.DataFrame({"task": votes.row, "worker": votes.source, "label": votes.value})


def peer_right(labels: Any, truth: NDArray[np.int64]) -> float:
    """Return the accuracy of the labels of crowd-kit."""
    return float((labels.sort_index().to_numpy() == truth).mean())


def dawid_skene() -> list[dict[str, Any]]:
    """Time Dawid-Skene beside crowd-kit's, and compare likelihoods."""
    from crowdkit.aggregation import DawidSkene as PeerDawidSkene

    (votes, truth, frame), quiet = crowd_frame(), load()
    ours = DawidSkene(smoothing=1e-10, max_iter=ITERATIONS, tol=0.0)
    peer = PeerDawidSkene(n_iter=ITERATIONS, tol=-1.0)
    seconds = medians_spent({"ours": lambda: ours.fit(votes), "peer": lambda: peer.fit(frame)}, repeats=5)
    errors = np.zeros((votes.n_sources, 4, 4))
    table = peer.errors_.reset_index()
    for k in range(4):
        errors[table["worker"], k, table["label"]] = table[k]
    mine = likelihood(votes, ours.class_balance_, ours.confusion_)
    theirs = likelihood(votes, peer.priors_.sort_index().to_numpy(), errors)
    gap = abs(mine - theirs)
    return [row(
        "Dawid-Skene, 500k votes, 2000 sources, 4 classes, 20 iterations", "likelihood to 1e-6", 40,
        gap <= 1e-6, seconds["ours"], seconds["peer"], likelihood_gap_per_vote=float(f"{gap:.2e}"),
        accuracy=round(right(ours, votes, truth), 4), peer_accuracy=round(peer_right(peer.labels_, truth), 4),
        load_at_start=quiet,
    )]  # fmt: skip


def mace() -> list[dict[str, Any]]:
    """Time MACE beside crowd-kit's."""
    from crowdkit.aggregation import MACE as PeerMACE

    (votes, truth, frame), quiet, model = crowd_frame(), load(), MACE(tol=0.0)
    peer, theirs = spent(lambda: PeerMACE(n_restarts=1, n_iter=50).fit(frame))
    ten, _ = spent(lambda: model.fit(votes))
    ours = medians_spent({"ours": lambda: MACE(restarts=1, tol=0.0).fit(votes)})["ours"]
    accuracies = right(model, votes, truth), peer_right(theirs.labels_, truth)
    return [row(
        "MACE, same votes, 50 iterations of one start (peer timed once)", "accuracy within 0.2 points", 30,
        accuracies[0] >= accuracies[1] - 0.002, ours, peer, accuracy=round(accuracies[0], 4),
        peer_accuracy=round(accuracies[1], 4), ours_ten_starts_s=round(ten.wall, 3), load_at_start=quiet,
    )]  # fmt: skip


def glad() -> list[dict[str, Any]]:
    """Time GLAD beside crowd-kit's, which ran at another time: processor seconds count, those of both our threads."""
    votes, truth, frame = crowd_frame()
    quiet, peer, model = load(), peer_glad_once(frame, truth), GLAD()
    ours = medians_spent({"ours": lambda: model.fit(votes)})["ours"]
    mine = right(model, votes, truth)
    return [row(
        "GLAD, same votes, both with their defaults (peer timed once and stored: by processor seconds)",
        "accuracy within 0.2 points", 150, mine >= peer["accuracy"] - 0.002, ours,
        Spent(peer["seconds"], peer["processor_seconds"]), by="processor", accuracy=round(mine, 4),
        peer_accuracy=round(peer["accuracy"], 4), load_at_start=quiet,
    )]  # fmt: skip


def peer_glad_once(frame: Any, truth: NDArray[np.int64]) -> dict[str, float]:
    """Return seconds and accuracy of crowd-kit's GLAD; it takes minutes, so the figures of its one run are stored."""
    if PEER_GLAD.is_file():
        return dict(json.loads(PEER_GLAD.read_text(encoding="utf-8")))
    from crowdkit.aggregation import GLAD as PeerGLAD

    quiet = load()
    took, peer = spent(lambda: PeerGLAD(silent=True).fit(frame))
    found = {
        "seconds": round(took.wall, 1), "processor_seconds": round(took.processor, 1), "load_at_start": quiet,
        "accuracy": float((peer.labels_.sort_index().to_numpy() == truth).mean()),
    }  # fmt: skip
    PEER_GLAD.write_text(json.dumps(found | machine(), indent=1) + "\n", encoding="utf-8")
    return found
