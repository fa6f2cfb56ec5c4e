"""The real data sets that proofs, tests and benchmarks use, read in one place.

None of them is shipped. They are looked for in the folder that the variable LABELWRIGHT_DATA names, else in
``shared/data`` beside the repository. A loader raises `DataMissing` when its files are not there; `available` asks
first. `content_hash` pins the bytes that a stored result rests on.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from labelwright.catalogue.claims import DataMissing
from labelwright.errors import did_you_mean

ROOT = Path(__file__).resolve().parents[1]
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MULTILABEL = ("emotions", "scene", "yeast", "birds", "flags", "cal500", "bibtex", "medical", "corel5k")
PARTIAL = ("lost", "birdsong")
TABLES = (
    *("adult", "compas", "german_credit", "bank_marketing", "mammography", "california_housing", "bike_hours"),
    "pension401k",
)
CROWDS = (
    *("bluebird", "ducks", "dog", "web", "rte", "product", "music_genre", "weather_amt", "weather_cf", "hitspam_cf"),
    *("labelme", "sentiment_polarity", "affect"),
)

FILES: dict[str, tuple[str, ...]] = {
    "cifar10n": ("cifar10/features.npz", "cifar10/cifar10n.parquet"),
    "cifar10": ("cifar10/train.parquet", "cifar10/test.parquet"),
    "cifar10h": ("cifar10/cifar10h.parquet",),
    "cifar100n": ("cifar100n/labels.parquet",),
    "label_errors_mnist": ("label_errors/mnist.npz", "label_errors/mnist_mturk.parquet"),
    "label_errors_imdb": ("label_errors/imdb.npz", "label_errors/imdb_mturk.parquet"),
    "sms": ("weak/sms.parquet",),
    "youtube": ("weak/youtube.parquet",),
    "yoruba": ("weak/yoruba.parquet",),
    "sst2": ("text/sst2.parquet",),
    "ag_news": ("text/ag_news_test.parquet",),
    "digits": (),
    "cora": ("graph/cora.npz",),
    "citeseer": ("graph/citeseer.npz",),
    "movielens": ("movielens/ratings.parquet",),
    "movielens_items": ("movielens/items.parquet",),
    **{name: (f"multilabel/{name}.npz",) for name in MULTILABEL},
    **{name: (f"partial/{name}.npz",) for name in PARTIAL},
    **{name: (f"tabular/{name}.parquet",) for name in TABLES},
    **{f"crowd_{name}": (f"crowd/{name}_votes.parquet", f"crowd/{name}_truth.parquet") for name in CROWDS},
}

Noise = Literal["clean", "aggregate", "random1", "random2", "random3", "worse"]
LabelErrorSet = Literal["mnist", "imdb"]


@dataclass(frozen=True)
class Features:
    """Rows as vectors: `X` float32 (n, d), `given` and `truth` int64 (n,), `rows` int64 (n,) in the published order."""

    X: NDArray[np.float32]
    given: NDArray[np.int64]
    truth: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.given)


@dataclass(frozen=True)
class Images:
    """JPEG files as bytes, with int64 labels (n,) and the names of the classes."""

    jpeg: tuple[bytes, ...]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]

    def pixels(self, rows: Sequence[int] | NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        """Decode to uint8 (n, height, width, 3)."""
        from PIL import Image

        chosen = range(len(self.jpeg)) if rows is None else rows
        return np.stack([np.asarray(Image.open(io.BytesIO(self.jpeg[int(i)])).convert("RGB")) for i in chosen])


@dataclass(frozen=True)
class CheckedLabels:
    """Given labels, probabilities and what people said of some of the rows.

    Parameters
    ----------
    given : int64 (n,)
    pred_probs : float64 (n, K)
        As published; the rows of IMDB sum to 1.00002.
    checked : int64 (m,)
        Rows that people looked at; all others were not checked.
    is_error : bool (m,)
        Fewer than 3 of 5 people chose the given label.
    guessed : int64 (m,)
        The label that the people were offered instead.
    images : uint8 (n, 28, 28) or None
    """

    given: NDArray[np.int64]
    pred_probs: NDArray[np.float64]
    checked: NDArray[np.int64]
    is_error: NDArray[np.bool_]
    guessed: NDArray[np.int64]
    images: NDArray[np.uint8] | None


@dataclass(frozen=True)
class MultiLabel:
    """`X` float32 (n, d), dense or CSR; `Y` uint8 (n, K); `is_train` bool (n,), all True where there is no split."""

    X: Any
    Y: NDArray[np.uint8]
    label_names: tuple[str, ...]
    is_train: NDArray[np.bool_]


@dataclass(frozen=True)
class CandidateSets:
    """`X` float32 (n, d), `candidates` bool (n, K) with the truth inside, `truth` int64 (n,)."""

    X: NDArray[np.float32]
    candidates: NDArray[np.bool_]
    truth: NDArray[np.int64]


@dataclass(frozen=True)
class Texts:
    """Texts with int64 labels (n,); `split` is "train", "valid" or "test" a row, empty strings where there is none."""

    texts: tuple[str, ...]
    labels: NDArray[np.int64]
    split: NDArray[np.str_]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Crowd:
    """Votes as three arrays (task, worker, label) of length v and `truth` (tasks,), -1 or NaN where unknown."""

    task: NDArray[np.int64]
    worker: NDArray[np.int64]
    label: NDArray[Any]
    truth: NDArray[Any]


def folder() -> Path:
    """Return the folder of the data sets, whether it exists or not."""
    named = os.environ.get("LABELWRIGHT_DATA")
    return Path(named).expanduser() if named else ROOT.parent / "shared" / "data"


def missing_reason(name: str) -> str | None:
    """Say in one line why a data set cannot be read, or None when it can."""
    if name not in FILES:
        raise KeyError(f"no data set {name!r}; {did_you_mean(name, FILES)}")
    if name == "digits":
        return None
    if not folder().is_dir():
        return f"data set {name} is not here: set LABELWRIGHT_DATA to the folder of the data sets"
    absent = [file for file in FILES[name] if not (folder() / file).is_file()]
    return f"data set {name} lacks {absent[0]} in the data folder" if absent else None


def available(name: str) -> bool:
    """Tell whether all files of a data set are there."""
    return missing_reason(name) is None


def content_hash(*names: str) -> str:
    """Return the SHA-256 (hex) of the bytes of all files of the named data sets, in the order of the names."""
    digest = hashlib.sha256()
    for name in names:
        paths = _paths(name)
        digest.update(name.encode())
        if name == "digits":
            digest.update(digits().X.tobytes())
        for path in paths:
            stat = path.stat()
            digest.update(_file_hash(path, stat.st_size, stat.st_mtime_ns))
    return digest.hexdigest()


@lru_cache
def _file_hash(path: Path, size: int, modified: int) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _paths(name: str) -> list[Path]:
    reason = missing_reason(name)
    if reason:
        raise DataMissing(reason)
    return [folder() / file for file in FILES[name]]


def _column(table: pa.Table, name: str) -> NDArray[Any]:
    return table.column(name).to_numpy()


def _arrays(path: Path, *names: str) -> list[NDArray[Any]]:
    with np.load(path, allow_pickle=False) as archive:
        return [archive[name] for name in names]


def _labels(table: pa.Table, name: str) -> NDArray[np.int64]:
    return _column(table, name).astype(np.int64)


def cifar10n_features(
    noise: Noise = "aggregate", *, rows: int | None = None, seed: int = 0
) -> tuple[Features, Features]:
    """Return train and test of CIFAR-10 as 256 features with the human labels of CIFAR-10N.

    Parameters
    ----------
    noise : one of "clean", "aggregate", "random1", "random2", "random3", "worse"
        Which labels `given` holds in the training part; the test part has clean labels.
    rows : int, optional
        Take that many training rows, drawn with `seed` and kept in order; all 50000 by default.
    """
    features, labels = _paths("cifar10n")
    x_train, x_test, y_test = _arrays(features, "X_train", "X_test", "y_test")
    table = pq.read_table(labels, columns=sorted({"clean", noise}))
    chosen = np.arange(len(x_train))
    if rows is not None:
        chosen = np.sort(np.random.default_rng(seed).choice(len(x_train), size=rows, replace=False))
    train = Features(
        x_train[chosen].astype(np.float32), _labels(table, noise)[chosen], _labels(table, "clean")[chosen], chosen
    )
    truth = y_test.astype(np.int64)
    return train, Features(x_test.astype(np.float32), truth, truth, np.arange(len(truth)))


def cifar10_images(part: Literal["train", "test"] = "train") -> Images:
    """Return the JPEG files of CIFAR-10 in the published order with their clean labels."""
    table = pq.read_table(_paths("cifar10")[0 if part == "train" else 1])
    return Images(tuple(table.column("image").to_pylist()), _labels(table, "label"), CIFAR10_CLASSES)


def cifar10n_labels(noise: Noise) -> NDArray[np.int64]:
    """Return the labels of CIFAR-10N, int64 (50000,)."""
    return _labels(pq.read_table(_paths("cifar10n")[1], columns=[noise]), noise)


def cifar10h_votes() -> NDArray[np.int64]:
    """Return how many of about 50 people gave each class to each test image of CIFAR-10, int64 (10000, 10)."""
    table = pq.read_table(_paths("cifar10h")[0]).sort_by("index")
    return np.stack([_column(table, f"count_{name}").astype(np.int64) for name in CIFAR10_CLASSES], axis=1)


def label_errors(name: LabelErrorSet) -> CheckedLabels:
    """Return MNIST (10 classes, 100 checked rows) or IMDB (2 classes, 1310 checked rows)."""
    archive, people = _paths(f"label_errors_{name}")
    given, pred_probs = _arrays(archive, "given", "pred_probs")
    images = _arrays(archive, "images")[0] if name == "mnist" else None
    table = pq.read_table(people)
    return CheckedLabels(
        given.astype(np.int64),
        pred_probs,
        _labels(table, "index"),
        _column(table, "is_error").astype(bool),
        _labels(table, "guessed"),
        images,
    )


def multilabel(name: str) -> MultiLabel:
    """Return one of the multi-label sets (`MULTILABEL`); bibtex, medical and corel5k have sparse features."""
    from scipy.sparse import csr_matrix

    with np.load(_paths(name)[0], allow_pickle=False) as archive:
        if "X" in archive:
            features: Any = archive["X"]
        else:
            parts = (archive["X_data"], archive["X_indices"], archive["X_indptr"])
            features = csr_matrix(parts, shape=tuple(archive["X_shape"]))
        targets = archive["Y"]
        is_train = archive["is_train"] if "is_train" in archive else np.ones(len(targets), dtype=bool)
        return MultiLabel(features, targets, tuple(str(label) for label in archive["label_names"]), is_train)


def candidate_sets(name: Literal["lost", "birdsong"]) -> CandidateSets:
    """Return faces of a film with the names of its captions (1122 rows), or bird calls with the birds around (4998)."""
    features, candidates, truth = _arrays(_paths(name)[0], "X", "candidates", "y")
    return CandidateSets(features.astype(np.float32), candidates.astype(bool), truth.astype(np.int64))


def table(name: str) -> pa.Table:
    """Return one of the tables (`TABLES`) as it stands in its file."""
    return pq.read_table(_paths(name)[0])


def adult() -> pa.Table:
    """Return Adult census: 48842 rows, target `income`, missing entries are the string ``?``."""
    return table("adult")


def compas() -> pa.Table:
    """Return COMPAS: 7214 rows, target `two_year_recid`, the instrument's `decile_score`."""
    return table("compas")


def german_credit() -> pa.Table:
    """Return German credit: 1000 rows, target `bad`."""
    return table("german_credit")


def pension401k() -> pa.Table:
    """Return 401(k) pensions: 9915 rows, outcome `net_tfa` in dollars, treatment `p401`, instrument `e401`."""
    return table("pension401k")


def texts(name: Literal["sms", "youtube", "yoruba", "sst2", "ag_news"]) -> Texts:
    """Return a text set: sms and youtube (ham, spam), yoruba (7), sst2 (negative, positive), ag_news (4 topics)."""
    read = pq.read_table(_paths(name)[0])
    if name == "ag_news":
        pairs = zip(read.column("title").to_pylist(), read.column("description").to_pylist(), strict=True)
        lines = tuple(f"{title}\n{description}" for title, description in pairs)
        split = np.full(len(lines), "", dtype="U5")
        return Texts(lines, _labels(read, "label"), split, ("world", "sports", "business", "sci_tech"))
    split = np.asarray(["valid" if part == "dev" else part for part in read.column("split").to_pylist()])
    yoruba = ("africa", "entertainment", "health", "nigeria", "politics", "sport", "world")
    names = {"sst2": ("negative", "positive"), "yoruba": yoruba}.get(name, ("ham", "spam"))
    return Texts(tuple(read.column("text").to_pylist()), _labels(read, "label"), split, names)


def weak_votes(name: Literal["sms", "youtube", "yoruba"]) -> NDArray[np.int64]:
    """Return the votes of the labelling functions of a text set, int64 (n, m), -1 = abstain."""
    read = pq.read_table(_paths(name)[0])
    functions = [column for column in read.column_names if column.startswith("lf_")]
    functions.sort(key=lambda column: int(column[3:]))
    return np.stack([_labels(read, column) for column in functions], axis=1)


def crowd(name: str) -> Crowd:
    """Return one of the crowd sets (`CROWDS`); real-valued for affect."""
    votes, truth = (pq.read_table(path) for path in _paths(f"crowd_{name}"))
    known = _column(truth, "truth")
    value = known.astype(np.float64) if name == "affect" else known.astype(np.int64)
    label = _column(votes, "label")
    return Crowd(_labels(votes, "task"), _labels(votes, "worker"), label.astype(value.dtype), value)


def digits() -> Features:
    """Return the 8x8 digits that scikit-learn carries: 1797 rows, 64 features in 0..16, 10 classes."""
    from sklearn.datasets import load_digits

    features, labels = load_digits(return_X_y=True)
    truth = labels.astype(np.int64)
    return Features(features.astype(np.float32), truth, truth, np.arange(len(truth)))


@dataclass(frozen=True)
class Graph:
    """Nodes with features `X` float32 (n, d), undirected `edges` int64 (m, 2), classes `y` int64 (n,), -1 = unknown.

    `train`, `valid` and `test` are bool (n,).
    """

    X: NDArray[np.float32]
    edges: NDArray[np.int64]
    y: NDArray[np.int64]
    train: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    test: NDArray[np.bool_]


def graph(name: Literal["cora", "citeseer"]) -> Graph:
    """Return a citation graph: words of papers, citations, topics (7 and 6), and the published split."""
    from scipy.sparse import csr_matrix

    with np.load(_paths(name)[0], allow_pickle=False) as archive:
        parts = (archive["X_data"], archive["X_indices"], archive["X_indptr"])
        x = csr_matrix(parts, shape=tuple(archive["X_shape"])).toarray().astype(np.float32)
        edges, y = (archive[key].astype(np.int64) for key in ("edges", "y"))
        return Graph(x, edges, y, *(archive[key].astype(bool) for key in ("train", "valid", "test")))


def movielens_items() -> pa.Table:
    """Return the films of MovieLens 100k: `item`, `title`, `release_date` ("01-Jan-1995") and `genre_*` 0 or 1."""
    return pq.read_table(_paths("movielens_items")[0])


def movielens() -> pa.Table:
    """Return MovieLens 100k: `user`, `item`, `rating` (1 to 5) and `timestamp` of 100000 ratings."""
    return pq.read_table(_paths("movielens")[0])
