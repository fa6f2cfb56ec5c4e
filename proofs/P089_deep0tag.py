"""P089: regions rank unseen tags better than the whole image does, and point at the digit that earned a tag.

Scenes of 2 to 4 digits (each 16 × 16) on a canvas of 64 × 64; 1200 of training digits, 400 of test digits. A tag is an
attribute of digits, present when some digit of the scene has it; its word vector is its membership over the ten digits.
8 seen tags, 3 unseen. Regions: 8 windows of 16 pixels by objectness and the whole image, each pooled to 8 × 8. The
baseline sees the whole image at 32 × 32 alone. Both: two layers of 256, Adam 1e-3, 40 epochs. MiAP: mean over images of
the average precision of the unseen tags. A tag's box hits when the digit that it covers most has the tag.

Source: Rahman, Khan, Barnes, Deep0Tag, IEEE TMM 2020.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from proofs.beds import halves
from proofs.datasets import digits

from labelwright.catalogue.claims import All, AtLeast, Beats
from labelwright.data.synthetic import Scenes, pasted_scenes
from labelwright.evidence import Tags
from labelwright.learn.bags import GridProposals, ZeroShotTagger, box_iou, roi_pool
from labelwright.metrics import average_precision
from labelwright.nn import MLP, AdamW, Loop, Task, Training

DATA = ("digits",)
BUDGET_S = 180
SEEDS = 3
SEEN = {
    "loop": (0, 6, 8, 9),
    "straight": (1, 4, 7),
    "open curve": (2, 3, 5),
    "smallest": (0, 1, 2),
    "largest": (7, 8, 9),
    "square": (0, 1, 4, 9),
    "power of two": (1, 2, 4, 8),
    "multiple of three": (0, 3, 6, 9),
}
UNSEEN = {"even": (0, 2, 4, 6, 8), "prime": (2, 3, 5, 7), "middle": (4, 5, 6)}
CLAIM = All(
    Beats("the whole image", by=0.08, seeds=SEEDS, metric="MiAP of unseen tags"),
    AtLeast("box_hits", 0.6, seeds=SEEDS, statement="60 % of the tags' boxes lie on a digit that has the tag"),
)


def memberships(tags: dict[str, tuple[int, ...]]) -> NDArray[np.float64]:
    """Return which digits have each tag, (tags, 10)."""
    return np.array([[float(d in own) for d in range(10)] for own in tags.values()])


def present(digit: NDArray[np.int64], tags: dict[str, tuple[int, ...]]) -> NDArray[np.bool_]:
    """Return which tags each scene has, (n, tags), for its digits (n, m), -1 = none."""
    has = np.concatenate([memberships(tags), np.zeros((len(tags), 1))], axis=1)  # column -1: no digit
    return np.asarray(has[:, digit].max(axis=2).T > 0)


def trained(x: NDArray[np.float32], tags: NDArray[np.bool_], seed: int) -> ZeroShotTagger:
    """Return a tagger of the seen tags."""
    model = ZeroShotTagger(memberships(SEEN))
    task = Task(x, Tags.from_dense(np.where(tags, 1, -1)), net=MLP((256, 256)))
    setting = Training(epochs=40, batch_size=64, optimizer=AdamW(1e-3), seed=seed, device="cpu")
    Loop(model, task, setting).fit()
    return model


def image_ap(truth: NDArray[np.bool_], scores: Any) -> float:
    """Return the mean average precision over images that have some but not all of the tags."""
    mixed = truth.any(axis=1) & ~truth.all(axis=1)
    return float(
        np.mean([average_precision(t, s) for t, s in zip(truth[mixed], np.asarray(scores)[mixed], strict=True)])
    )


def box_hits(scenes: Scenes, digit: NDArray[np.int64], boxes: NDArray[np.int64], region: Any) -> tuple[float, float]:
    """Return how often a true tag's box lies on a digit that has it, and how often a random digit would."""
    has = memberships(SEEN | UNSEEN)
    hits, chance = [], []
    for i in range(len(scenes)):
        own = digit[i][digit[i] >= 0]
        overlap = box_iou(boxes[i], scenes.boxes[i][digit[i] >= 0])
        for c in np.flatnonzero(has[:, own].any(axis=1)):
            j = int(region[i, c])
            hits.append(j > 0 and overlap[j].max() > 0 and has[c, own[overlap[j].argmax()]] > 0)
            chance.append(has[c, own].mean())
    return float(np.mean(hits)), float(np.mean(chance))


def run(seed: int) -> dict[str, float]:
    """Train on regions and on whole images of the same scenes."""
    data = digits()
    parts = []
    for rows, n in zip(halves(data, seed), (1200, 400), strict=True):
        pictures = np.kron(data.X[rows].reshape(-1, 8, 8) / 16, np.ones((2, 2)))
        scenes = pasted_scenes(pictures, n, seed=seed + n)
        digit = np.where(scenes.items >= 0, data.truth[rows][scenes.items], -1)
        boxes = GridProposals(n=8).boxes(scenes.images)
        regions = roi_pool(scenes.images, boxes, 8)
        parts.append((scenes, digit, boxes, regions, roi_pool(scenes.images, boxes[:, :1], 32)))
    (_, digit, _, regions, whole), (held, held_digit, held_boxes, held_regions, held_whole) = parts
    method, baseline = (trained(x, present(digit, SEEN), seed) for x in (regions, whole))
    unseen, every = memberships(UNSEEN), memberships(SEEN | UNSEEN)
    truth, seen_truth = present(held_digit, UNSEEN), present(held_digit, SEEN)
    hits, chance = box_hits(held, held_digit, held_boxes, method.tag_regions(held_regions, every).numpy())
    return {
        "method": image_ap(truth, method.tag_scores(held_regions, unseen)),
        "baseline": image_ap(truth, baseline.tag_scores(held_whole, unseen)),
        "method_seen": image_ap(seen_truth, method.tag_scores(held_regions, memberships(SEEN))),
        "baseline_seen": image_ap(seen_truth, baseline.tag_scores(held_whole, memberships(SEEN))),
        "box_hits": hits,
        "box_hits_by_chance": chance,
    }
