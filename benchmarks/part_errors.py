"""How fast tokens and pixels are checked, cleanlab and labelwright in turn in one process.

Seconds are those of the clock, with processor seconds, all threads together, beside them; what must hold is judged by
the clock. Scores of pixels take two threads here, the rest one. Their floor is to read every probability once: a copy
of each image into a buffer that has been touched.

Run: ``python -m benchmarks.part_errors``, or name ``tokens`` or ``masks`` (about 12 minutes; needs 8 GB of disk for the
masks, in ``TMPDIR``)
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.confident_learning import _anonymous_mb, _with_peak
from benchmarks.records import Spent, load, medians_spent, renewed, spent, store
from labelwright.audit import (
    segmentation_find_label_issues,
    segmentation_label_quality_scores,
    token_find_label_issues,
    token_label_quality_scores,
)

COMMAND = "python -m benchmarks.part_errors"
SENTENCES, TAGS = 150_000, 50
MASKS, SIZE, CLASSES = 100, 1000, 20


def sentences() -> tuple[list[list[int]], list[NDArray[np.float32]]]:
    """Return 150,000 sentences of 5 to 25 tokens: tags of which a twentieth are wrong, and probabilities."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(5, 26, SENTENCES)
    m = int(sizes.sum())
    truth = np.where(rng.random(m) < 0.7, 0, rng.integers(0, TAGS, m))
    given = np.where(rng.random(m) < 0.05, rng.integers(0, TAGS, m), truth)
    probs = rng.random((m, TAGS), dtype=np.float32) ** 8
    probs[np.arange(m), truth] += 4 * rng.random(m, dtype=np.float32)
    probs /= probs.sum(axis=1, keepdims=True)
    cuts = np.cumsum(sizes)[:-1]
    return [part.tolist() for part in np.split(given, cuts)], np.split(probs, cuts)


def token_rows() -> list[dict[str, Any]]:
    """Time flags and scores of tokens."""
    from cleanlab.token_classification.filter import find_label_issues as peer_issues
    from cleanlab.token_classification.rank import get_label_quality_scores as peer_scores

    labels, probs = sentences()
    what = f"{SENTENCES} sentences, {sum(map(len, labels))} tokens x {TAGS} tags float32"
    quiet = load()
    seconds = medians_spent(
        {"ours": lambda: token_find_label_issues(labels, probs), "cleanlab": lambda: peer_issues(labels, probs)}, 3
    )
    same = token_find_label_issues(labels, probs) == peer_issues(labels, probs)
    rows = [_row(f"token_find_label_issues, {what}", seconds, same, "same tokens in the same order", quiet)]
    quiet = load()
    seconds = medians_spent(
        {"ours": lambda: token_label_quality_scores(labels, probs), "cleanlab": lambda: peer_scores(labels, probs)}, 3
    )
    same = bool(np.array_equal(token_label_quality_scores(labels, probs)[0], peer_scores(labels, probs)[0]))
    return [*rows, _row(f"token_label_quality_scores, {what}", seconds, same, "same scores", quiet)]


def write_masks(folder: Path, n: int) -> NDArray[np.uint8]:
    """Write float32 probabilities (n, K, H, W) of blocky scenes; return masks in which patches are wrong."""
    rng = np.random.default_rng(0)
    out = np.lib.format.open_memmap(folder / "p.npy", "w+", np.float32, (n, CLASSES, SIZE, SIZE))
    masks = np.empty((n, SIZE, SIZE), np.uint8)
    noise = rng.random((CLASSES, SIZE, SIZE), dtype=np.float32) ** 4
    for i in range(n):
        truth = rng.integers(0, CLASSES, (10, 10)).repeat(SIZE // 10, axis=0).repeat(SIZE // 10, axis=1)
        masks[i] = truth
        top, left = rng.integers(0, SIZE - 150, 2)
        masks[i, top : top + 120, left : left + 120] = rng.integers(CLASSES)
        image = np.roll(noise, i * 7919, axis=2)
        np.put_along_axis(image, truth[None], 1 + 9 * rng.random((1, SIZE, SIZE), dtype=np.float32), axis=0)
        out[i] = image / image.sum(axis=0)
    out.flush()
    return masks


def mask_rows(folder: Path, n: int = MASKS) -> list[dict[str, Any]]:
    """Time flags and scores of pixels from a memory-mapped file; watch the anonymous memory."""
    masks = write_masks(folder, n)
    labels, probs = masks.astype(np.int64), np.load(folder / "p.npy", mmap_mode="r")
    what = f"{n} masks of {SIZE} x {SIZE} x {CLASSES} float32, memory-mapped ({probs.nbytes / 1e9:.1f} GB)"
    return [mask_flags_row(what, masks, labels, probs), mask_scores_row(what, masks, labels, probs)]


def mask_flags_row(what: str, masks: NDArray[Any], labels: NDArray[Any], probs: NDArray[Any]) -> dict[str, Any]:
    """Time the flags of pixels once, and watch the memory that is not the file's."""
    from cleanlab.segmentation.filter import find_label_issues as peer_issues

    segmentation_find_label_issues(masks[:1], probs[:1])  # compiled before anything is timed
    quiet, before = load(), _anonymous_mb()
    took, (peak, ours) = spent(lambda: _with_peak(lambda: segmentation_find_label_issues(masks, probs)))
    peer, theirs = spent(lambda: peer_issues(labels, probs, n_jobs=1, verbose=False))
    same = bool(np.array_equal(ours, theirs))
    mebibyte, image = 2**20, probs[0].nbytes
    used = peak - before - ours.nbytes / mebibyte
    must = "same pixels, anonymous memory beside the answer under that of two images"
    found = _row(f"segmentation_find_label_issues, {what}", {"ours": took, "cleanlab": peer}, same, must, quiet)
    found |= {"anonymous_mb": round(used), "one_image_mb": round(image / mebibyte)}
    return found | {"holds": bool(found["holds"] and used < 2 * image / mebibyte)}


def mask_scores_row(what: str, masks: NDArray[Any], labels: NDArray[Any], probs: NDArray[Any]) -> dict[str, Any]:
    """Time the scores of pixels, beside reading all probabilities."""
    from cleanlab.segmentation.rank import get_label_quality_scores as peer_scores

    room = np.ones(probs.shape[1:], probs.dtype)

    def read_all() -> None:
        for image in probs:
            np.copyto(room, image)

    quiet = load()
    calls = {
        "ours": lambda: segmentation_label_quality_scores(masks, probs),
        "cleanlab": lambda: peer_scores(labels, probs, verbose=False),
        "read_all": read_all,
    }
    seconds = medians_spent(calls, 3)
    same = bool(np.allclose(calls["ours"]()[0], calls["cleanlab"]()[0], rtol=0, atol=1e-9))
    return _row(f"segmentation_label_quality_scores, {what}", seconds, same, "same scores within 1e-9", quiet)


def _row(work: str, seconds: dict[str, Spent], same: bool, must: str, quiet: float) -> dict[str, Any]:
    times = seconds["cleanlab"].wall / seconds["ours"].wall
    found = {
        "work": work,
        **{f"{name}_s": round(value.wall, 2) for name, value in seconds.items()},
        "times_faster": round(times, 1),
        **{f"{name}_processor_s": round(value.processor, 2) for name, value in seconds.items()},
        "equal": same,
        "load_at_start": quiet,
        "must": f"{must}, at least 5 times faster",
        "holds": same and times >= 5,
    }
    print(found, flush=True)
    return found


def main(names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Measure all parts, or those named (``tokens``, ``masks``), and store; rows of the others stay."""
    warnings.filterwarnings("ignore")
    rows = token_rows() if "tokens" in names or not names else []
    if "masks" in names or not names:
        with tempfile.TemporaryDirectory() as folder:
            rows += mask_rows(Path(folder))
    store("part_errors", COMMAND, renewed("part_errors", rows) if names else rows)
    return rows


if __name__ == "__main__":
    main(sys.argv[1:])
