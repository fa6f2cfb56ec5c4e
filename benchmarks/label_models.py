"""Label models against crowd-kit and snorkel: time in turn in one process, likelihood and accuracy of both sides.

Dawid-Skene, MACE and GLAD: 500 000 votes, 2000 sources, 4 classes (100 000 rows, five votes each, accuracies 0.35 to
0.95). Both sides run the same number of iterations. Majority vote and label model: 100 000 rows, 20 functions, 40 %
coverage, two classes. Then 1200 functions x 56 classes x 200 000 rows at 1 % coverage, and 100 million votes from
Parquet. Peers are called with their own data structures, made beforehand; ours with `Votes`, and once from the dense
table too. A peer that takes minutes a call is timed once and says so.

Seconds are those of the clock, by which what must hold is judged, and beside them processor seconds, all threads
together. The load at the start of each row says how quiet the machine was. Dawid-Skene and GLAD take two threads, peers
run as they are (torch on one thread).

Run: ``python -m benchmarks.label_models``
"""

from __future__ import annotations

import json
import resource
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.records import RESULTS, Spent, load, machine, medians_spent, spent, store
from labelwright.consensus import (
    GLAD,
    MACE,
    DataProgramming,
    DawidSkene,
    LabelModel,
    MajorityVote,
    MatrixCompletion,
    ParquetVotes,
    most_probable,
)
from labelwright.evidence import Votes
from labelwright.noise import Sources, cast_votes

COMMAND = "python -m benchmarks.label_models"
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


def crowd_models() -> list[dict[str, Any]]:
    """Dawid-Skene, MACE and GLAD beside crowd-kit."""
    import pandas as pd

    votes, truth = crowd()
    frame = pd.DataFrame({"task": votes.row, "worker": votes.source, "label": votes.value})
    return [dawid_skene_row(votes, truth, frame), mace_row(votes, truth, frame), glad_row(votes, truth, frame)]


def peer_right(labels: Any, truth: NDArray[np.int64]) -> float:
    """Return the accuracy of the labels of crowd-kit."""
    return float((labels.sort_index().to_numpy() == truth).mean())


def dawid_skene_row(votes: Votes, truth: NDArray[np.int64], frame: Any) -> dict[str, Any]:
    """Time Dawid-Skene beside crowd-kit's, and compare likelihoods."""
    from crowdkit.aggregation import DawidSkene as PeerDawidSkene

    quiet = load()
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
    return row(
        "Dawid-Skene, 500k votes, 2000 sources, 4 classes, 20 iterations", "likelihood to 1e-6", 40,
        gap <= 1e-6, seconds["ours"], seconds["peer"], likelihood_gap_per_vote=float(f"{gap:.2e}"),
        accuracy=round(right(ours, votes, truth), 4), peer_accuracy=round(peer_right(peer.labels_, truth), 4),
        load_at_start=quiet,
    )  # fmt: skip


def mace_row(votes: Votes, truth: NDArray[np.int64], frame: Any) -> dict[str, Any]:
    """Time MACE beside crowd-kit's."""
    from crowdkit.aggregation import MACE as PeerMACE

    quiet, mace = load(), MACE(tol=0.0)
    peer, theirs = spent(lambda: PeerMACE(n_restarts=1, n_iter=50).fit(frame))
    ten, _ = spent(lambda: mace.fit(votes))
    ours = medians_spent({"ours": lambda: MACE(restarts=1, tol=0.0).fit(votes)})["ours"]
    accuracies = right(mace, votes, truth), peer_right(theirs.labels_, truth)
    return row(
        "MACE, same votes, 50 iterations of one start (peer timed once)", "accuracy within 0.2 points", 30,
        accuracies[0] >= accuracies[1] - 0.002, ours, peer, accuracy=round(accuracies[0], 4),
        peer_accuracy=round(accuracies[1], 4), ours_ten_starts_s=round(ten.wall, 3), load_at_start=quiet,
    )  # fmt: skip


def glad_row(votes: Votes, truth: NDArray[np.int64], frame: Any) -> dict[str, Any]:
    """Time GLAD beside crowd-kit's, which ran at another time: processor seconds count, those of both our threads."""
    quiet, peer, glad = load(), peer_glad_once(frame, truth), GLAD()
    ours = medians_spent({"ours": lambda: glad.fit(votes)})["ours"]
    mine = right(glad, votes, truth)
    return row(
        "GLAD, same votes, both with their defaults (peer timed once and stored: by processor seconds)",
        "accuracy within 0.2 points", 150, mine >= peer["accuracy"] - 0.002, ours,
        Spent(peer["seconds"], peer["processor_seconds"]), by="processor", accuracy=round(mine, 4),
        peer_accuracy=round(peer["accuracy"], 4), load_at_start=quiet,
    )  # fmt: skip


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


def functions() -> list[dict[str, Any]]:
    """Majority vote and label model beside snorkel."""
    import torch
    from snorkel.labeling.model import LabelModel as PeerLabelModel
    from snorkel.labeling.model import MajorityLabelVoter

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 100_000)
    cast = cast_votes(truth, Sources.skilled(rng.uniform(0.55, 0.9, 20), n_classes=2, coverage=0.4), seed=rng)
    votes = Votes(cast.row, cast.source, cast.value, 100_000, 20, 2)
    table = votes.to_matrix().astype(int)
    voted = (table >= 0).any(axis=1)

    def ours_majority() -> NDArray[np.int64]:
        return most_probable(MajorityVote().fit(votes).predict_proba(votes))

    def from_table() -> NDArray[np.int64]:
        fresh = Votes.from_matrix(table, 2)
        return most_probable(MajorityVote().fit(fresh).predict_proba(fresh))

    def peer_majority() -> NDArray[np.int64]:
        return MajorityLabelVoter(2).predict(table, tie_break_policy="random")

    def ours_model() -> NDArray[np.int64]:
        return most_probable(MatrixCompletion().fit(votes).predict_proba(votes))

    def peer_model() -> NDArray[np.int64]:
        model = PeerLabelModel(cardinality=2, verbose=False)
        model.fit(table, n_epochs=100, seed=0, progress_bar=False)
        return model.predict(table, tie_break_policy="random")

    rows = []
    calls = (("majority vote", 50, ours_majority, peer_majority), ("label model", 20, ours_model, peer_model))
    for name, wanted, ours, peer in calls:
        quiet, seconds = load(), medians_spent({"ours": ours, "peer": peer}, repeats=7)
        accuracies = [float((call()[voted] == truth[voted]).mean()) for call in (ours, peer)]
        tie = 0.001 if name == "majority vote" else 0.0  # ties are broken at random on both sides
        extra = {}
        if name == "majority vote":
            extra["from_dense_table_s"] = round(medians_spent({"x": from_table})["x"].wall, 4)
        rows.append(
            row(
                f"{name}, 100k x 20, 40 % coverage, against snorkel", "accuracy no lower", wanted,
                accuracies[0] >= accuracies[1] - tie, seconds["ours"], seconds["peer"],
                accuracy=round(accuracies[0], 4), peer_accuracy=round(accuracies[1], 4), **extra, load_at_start=quiet,
            )
        )  # fmt: skip
    return rows


def many_functions() -> list[dict[str, Any]]:
    """1200 functions, 56 classes, 200 000 rows at 1 % coverage."""
    rng = np.random.default_rng(0)
    n, m, k = 200_000, 1200, 56
    truth = rng.integers(0, k, n)
    source = rng.integers(0, m, n * m // 100)
    place = np.unique(rng.integers(0, n, len(source)) * m + source)
    where, source = place // m, place % m
    hit = rng.random(len(where)) < rng.uniform(0.4, 0.9, m)[source]
    value = np.where(hit, truth[where], rng.integers(0, k, len(where)))
    votes = Votes(where, source, value, n, m, k)
    rows = []
    for name, model in (("Dawid-Skene", DawidSkene(max_iter=50)), ("data programming", DataProgramming())):
        quiet = load()
        took, _ = spent(lambda model=model: model.fit(votes).predict_proba(votes))  # type: ignore[misc]
        gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        rows.append(
            {
                "work": f"{name}, 1200 functions x 56 classes x 200k rows, {len(votes.row):,} votes",
                "must": "under 120 s and 2 GB (peak of the process, all that went before included)",
                "holds": bool(took.wall < 120 and gigabytes < 2), "ours_s": round(took.wall, 2),
                "ours_processor_s": round(took.processor, 2), "peak_gb": round(gigabytes, 2),
                "accuracy": round(right(model, votes, truth), 4), "load_at_start": quiet,
            }
        )  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def write_votes(path: Path, n_votes: int, per_row: int = 5, m: int = 2000, k: int = 4) -> None:
    """Write votes sorted by task, block by block."""
    schema = pa.schema([("task", pa.int32()), ("worker", pa.int32()), ("label", pa.int8())])
    rng = np.random.default_rng(0)
    block = 1_000_000
    accuracy = rng.uniform(0.35, 0.95, m)
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, n_votes, block):
            task = np.arange(start, start + block) // per_row
            truth = rng.integers(0, k, block // per_row).repeat(per_row)
            worker = rng.integers(0, m, block)
            label = np.where(rng.random(block) < accuracy[worker], truth, rng.integers(0, k, block))
            columns = [task.astype(np.int32), worker.astype(np.int32), label.astype(np.int8)]
            writer.write_table(pa.table([pa.array(c) for c in columns], schema=schema))


def streamed(n_votes: int = 100_000_000) -> list[dict[str, Any]]:
    """Dawid-Skene passes over votes in Parquet."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "votes.parquet"
        write_votes(path, n_votes)
        stream = ParquetVotes(path, "task", "worker", "label", n_sources=2000, n_classes=4)
        DawidSkene(max_iter=0).fit_stream(ParquetVotes(path, "task", "worker", "label", n_sources=2000, n_classes=4))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        passes, quiet = 4, load()  # the start, two steps and the last look
        took, _ = spent(lambda: DawidSkene(max_iter=2, tol=0.0).fit_stream(stream))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    rate = n_votes * passes / took.wall / 1e6
    return [
        {
            "work": f"{n_votes:,} votes from Parquet, {passes} passes of Dawid-Skene",
            "must": "10 million votes a second and pass; memory flat",
            "holds": bool(rate >= 10 and grown < 100), "ours_s": round(took.wall, 1),
            "ours_processor_s": round(took.processor, 1), "million_votes_per_s": round(rate, 1),
            "memory_grown_mb": round(grown, 1), "load_at_start": quiet,
        }
    ]  # fmt: skip


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    warnings.filterwarnings("ignore")
    rows = many_functions() + streamed() + functions() + crowd_models()
    store("label_models", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for line in main():
        print(line)
