"""Label models against crowd-kit and snorkel: time in turn in one process, likelihood and accuracy of both sides.

Dawid-Skene, MACE and GLAD: 500 000 votes, 2000 sources, 4 classes (100 000 rows, five votes each, accuracies 0.35 to
0.95). Both sides run the same number of iterations. Majority vote and label model: 100 000 rows, 20 functions, 40 %
coverage, two classes. Then 1200 functions x 56 classes x 200 000 rows at 1 % coverage, and 100 million votes from
Parquet. Peers are called with their own data structures, made beforehand; ours with `Votes`, and once from the dense
table too. A peer that takes minutes a call is timed once and says so.

Seconds are those of the clock, by which what must hold is judged, and beside them processor seconds, all threads
together. The load at the start of each row says how quiet the machine was. Dawid-Skene and GLAD take two threads, peers
run as they are (torch on one thread).

Run: ``python -m benchmarks.label_models``, or name parts: ``dawid_skene glad``
"""

from __future__ import annotations

import resource
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.crowd_kit import dawid_skene, glad, mace, right, row
from benchmarks.records import load, medians_spent, renewed, spent, store
from labelwright.consensus import (
    DataProgramming,
    DawidSkene,
    MajorityVote,
    MatrixCompletion,
    ParquetVotes,
    most_probable,
)
from labelwright.evidence import Votes
from labelwright.noise import Sources, cast_votes

COMMAND = "python -m benchmarks.label_models"


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

    def one(name: str, least: float, ours: Any, peer: Any, **extra: float) -> dict[str, Any]:
        quiet, seconds = load(), medians_spent({"ours": ours, "peer": peer}, repeats=7)
        mine, theirs = (call()[voted] == truth[voted] for call in (ours, peer))
        wins, losses = int((mine & ~theirs).sum()), int((theirs & ~mine).sum())
        return row(
            f"{name}, 100k x 20, 40 % coverage, against snorkel", "accuracy no lower beyond chance", least,
            losses - wins <= 1.96 * (wins + losses) ** 0.5, seconds["ours"], seconds["peer"],
            accuracy=round(float(mine.mean()), 5), peer_accuracy=round(float(theirs.mean()), 5),
            right_alone=wins, peer_right_alone=losses, **extra, load_at_start=quiet,
        )  # fmt: skip

    dense = round(medians_spent({"x": from_table})["x"].wall, 4)
    return [
        one("majority vote", 50, ours_majority, peer_majority, from_dense_table_s=dense),
        one("label model", 20, ours_model, peer_model),
    ]


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


PARTS = {part.__name__: part for part in (many_functions, streamed, functions, dawid_skene, mace, glad)}


def main(names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Measure all parts, or those named, and store; rows of the others stay."""
    warnings.filterwarnings("ignore")
    rows = [row for name in names or PARTS for row in PARTS[name]()]
    store("label_models", COMMAND, renewed("label_models", rows) if names else rows)
    return rows


if __name__ == "__main__":
    main(sys.argv[1:])
