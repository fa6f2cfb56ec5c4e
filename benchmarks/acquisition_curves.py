"""How many of random sampling's labels other acquisitions need for the accuracy that it ends with, on real sets.

Digits, SMS, AG News, and the tables Adult and bank marketing (2000 rows each), a quarter held out; 20 random labels to
start, ten rounds of 20. Ten repeats; linear models. Curves stand in the result file; a share of at most 0.6 is what was
asked. Votes of several people stand in `benchmarks.vote_curves`.

The default, ``diverse``, was chosen on other sets (YouTube, Yoruba, SST-2, mammography, CIFAR-10 features; five
repeats), where it needed 0.71, 0.80, 0.95, 0.47 and 0.82 of random sampling's labels, and ``margin`` 0.78, 0.91, 1.31,
0.49 and more than all. Starting from typical rows in place of random ones helped on some sets and harmed on others.

Run: ``python -m benchmarks.acquisition_curves``
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import available, digits, table, texts
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.records import store
from labelwright.acquire import CurveBand, ReplayOptions, replay_labels
from labelwright.acquire.material import Material
from labelwright.acquire.methods import find_method
from labelwright.data.features.build import build_features
from labelwright.data.load import load_dataset

COMMAND = "python -m benchmarks.acquisition_curves"
METHODS = ("diverse", "margin", "entropy", "badge", "typiclust", "k-center")
REPEATS, SEED, ASKED = 10, 100, 0.6


def text_rows(name: Any, rows: int = 2000) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return 100 dimensions of TF-IDF, and labels."""
    data = texts(name)
    part = np.random.default_rng(0).permutation(len(data))[:rows]
    words = TfidfVectorizer(min_df=2, sublinear_tf=True).fit_transform([data.texts[i] for i in part])
    return TruncatedSVD(100, random_state=0).fit_transform(words).astype(np.float32), data.labels[part]


def table_rows(name: str, label: str, rows: int = 2000) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the default features of a table, and labels."""
    whole = table(name)
    data = whole.select([column for column in whole.column_names if column != "split"])
    data = data.take(np.sort(np.random.default_rng(0).permutation(len(data))[:rows]))
    read = load_dataset(data, label=label)
    return build_features(read).matrix, read.labels.astype(np.int64)


def material(X: NDArray[np.float32], labels: NDArray[np.int64]) -> Material:
    """Return rows in the form that a replay takes."""
    names = tuple(f"class {k}" for k in range(int(labels.max()) + 1))
    columns = {"x": X[:, 0].tolist(), "label": [names[k] for k in labels]}
    return Material(load_dataset(columns, label="label", classes=names), X, names, labels)


def single(name: str, X: NDArray[np.float32], labels: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Replay one set with every method."""
    options = ReplayOptions(per_round=20, rounds=10, start=20, repeats=REPEATS, seed=SEED)
    found = replay_labels(material(X, labels), [find_method(one) for one in METHODS], options)
    shares = found.shares()
    return [
        curve_row(name, method, band, shares[method], judged=method != "random") for method, band in found.bands.items()
    ]


def curve_row(name: str, method: str, band: CurveBand, share: float, *, judged: bool = True) -> dict[str, Any]:
    """Return one line of the table, its curve with it; methods that are only there to compare with are not judged."""
    reached = not np.isnan(share)
    return {
        "work": f"{name}: {method}",
        "labels": [round(value) for value in band.cost.tolist()],
        "accuracy": [round(value, 3) for value in band.mean.tolist()],
        "half_width": [round(value, 3) for value in (band.high - band.mean).tolist()],
        "share_of_random_labels": float(share) if reached else None,
        "must": f"at most {ASKED}" if judged else "",
        "holds": bool(reached and share <= ASKED) if judged else None,
    }


def main() -> list[dict[str, Any]]:
    """Measure and store; sets that are not on this machine are left out."""
    data = digits()
    rows = single("digits", data.X, data.truth)
    for name in ("sms", "ag_news"):
        rows += single(name, *text_rows(name)) if available(name) else []
    for name, label in (("adult", "income"), ("bank_marketing", "y")):
        rows += single(name, *table_rows(name, label)) if available(name) else []
    store("acquisition_curves", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for one in main():
        print(one)
