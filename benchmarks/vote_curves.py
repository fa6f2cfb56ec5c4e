"""How many of random sampling's votes ActiveLab needs, where several people vote and a row may be asked about again.

A tenth of the rows starts with one vote; then a twentieth of them is asked in every round, until there are as many
votes as rows: random sampling has one vote of each by then. All share the consensus, the linear model and the first
votes; the test labels are clean. Ten repeats.

- LabelMe: 1000 images, 2547 votes of 59 people, VGG features.
- CIFAR-10N: 1500 images, three human labels each, the first 64 principal components of EfficientNet-Lite0.
- Film reviews: 1500 sentences, 5.6 votes each of 203 people, MiniLM features.
- Digits and SMS: real rows, ten simulated people who are right in 55 to 95 % of cases.

The budget was first looked at on these rows with three other seeds and rounds of a tenth (shares 0.41 on LabelMe, 0.74
on CIFAR-10N, 1.26 on film reviews), the size of a round and the number of components then on other images and sentences
(0.69 on CIFAR-10N, above 0.9 on film reviews; LabelMe 0.56 with other seeds). With 420 votes in all, ActiveLab needed
66 % on LabelMe and gained nothing on CIFAR-10N and film reviews.

Run: ``python -m benchmarks.vote_curves``
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from proofs.acquisition_beds import VoteWorld, digits_votes, labelme_votes, skilled_votes, vote_curve
from proofs.datasets import available, cifar10_images, cifar10n_features, cifar10n_labels, crowd, folder
from sklearn.decomposition import PCA

from benchmarks.acquisition_curves import ASKED, REPEATS, SEED, curve_row, text_rows
from benchmarks.records import store
from labelwright.acquire import ActiveLab, CurveBand, RandomSampling
from labelwright.data.cache import Cache
from labelwright.data.dataset import Source
from labelwright.data.features.efficientnet import efficientnet_features
from labelwright.data.features.minilm import minilm_features
from labelwright.data.images import ImageRows

COMMAND = "python -m benchmarks.vote_curves"
METHODS = {
    "activelab": (ActiveLab(), True),
    "random": (RandomSampling(), False),
    "random, new or old": (RandomSampling(), True),
}
COMPONENTS, TESTS = 64, 2000


def cifar10n_votes() -> VoteWorld:
    """CIFAR-10N: 1500 images to buy, three human labels each, 2000 clean test images."""
    rows = cifar10n_features("random1", rows=1500, seed=0)[0].rows
    votes = np.column_stack([cifar10n_labels(f"random{k}")[rows] for k in (1, 2, 3)])  # type: ignore[arg-type]
    train, test = cifar10_images("train"), cifar10_images("test")
    X = _image_vectors([*(train.jpeg[i] for i in rows), *test.jpeg[:TESTS]])
    components = PCA(COMPONENTS, random_state=0).fit(X[: len(rows)])
    X = components.transform(X)
    X /= X[: len(rows)].std()
    return VoteWorld(X[: len(rows)], X[len(rows) :], test.labels[:TESTS], votes.astype(np.int32), 10)


def _image_vectors(jpeg: list[bytes]) -> NDArray[np.float64]:
    def vectors() -> NDArray[np.float32]:
        source = Source(pa.table({"image": pa.array(jpeg, pa.binary())}), Path("cifar10.parquet"), "parquet", Path())
        return efficientnet_features(ImageRows(source, "image"), jobs=2)[0]

    return Cache().array(("benchmark efficientnet", jpeg), vectors).astype(np.float64)


def review_votes() -> VoteWorld:
    """Sentences of film reviews: 1500 to buy, votes of 203 people, MiniLM features."""
    votes, stored = crowd("sentiment_polarity"), folder() / "crowd"
    known, test = (pq.read_table(stored / f"sentiment_polarity_{part}.parquet") for part in ("truth", "test"))
    known = known.sort_by("task")
    texts = [*known.column("text").to_pylist(), *test.column("text").to_pylist()]
    X = Cache().array(("proof minilm", texts), lambda: minilm_features(texts)[0]).astype(float)
    cast = np.full((len(known), int(votes.worker.max()) + 1), -1, np.int32)
    cast[votes.task, votes.worker] = votes.label
    rows = np.sort(np.random.default_rng(0).permutation(len(known))[:1500])
    return VoteWorld(X[rows], X[len(known) :], test.column("label").to_numpy().astype(np.int64), cast[rows], 2)


def sms_votes() -> VoteWorld:
    """SMS: 1500 messages to buy, 500 as test, simulated people."""
    X, truth = text_rows("sms")
    return skilled_votes(X.astype(float) / X.std(), truth, 1500, np.random.default_rng(0))


def voted(name: str, world: VoteWorld) -> list[dict[str, Any]]:
    """Replay the votes of one set with every method."""
    n = len(world.X)
    bands = {
        method: CurveBand.of([
            vote_curve(
                world, one.select, start=n // 10, rounds=18, per_round=n // 20, may_reask=again, seed=seed
            )
            for seed in range(SEED, SEED + REPEATS)
        ])
        for method, (one, again) in METHODS.items()
    }  # fmt: skip
    return [
        curve_row(name, method, band, band.share_of_labels(bands["random"]), judged=method == "activelab")
        for method, band in bands.items()
    ]


def main() -> list[dict[str, Any]]:
    """Measure and store; sets that are not on this machine are left out."""
    rows = voted("digits, simulated people", digits_votes(SEED))
    rows += voted("sms, simulated people", sms_votes()) if available("sms") else []
    rows += voted("LabelMe", labelme_votes()) if available("crowd_labelme") else []
    rows += voted("CIFAR-10N", cifar10n_votes()) if available("cifar10") else []
    rows += voted("Film reviews", review_votes()) if available("crowd_sentiment_polarity") else []
    store("vote_curves", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for one in main():
        print(one["work"], one["share_of_random_labels"], f"(asked: {ASKED})")
