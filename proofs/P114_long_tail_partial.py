"""P114: on a long tail with 40 % of the positives hidden, COMIC beats the asymmetric loss, most of all on rare classes.

bibtex, 70/30; the training part is cut to a long tail (Pareto with b = 10 from 400 rows down), then 40 % of its
positives become unknown. MLP of 256-256, Adam 1e-3, 15 epochs, batches of 128. Mean average precision on the whole test
part: of all classes, and of those with fewer than 20 training rows. Precision of the tags that the corrector recovers
from the training rows at the end.

Source: Zhang et al., Learning in Imperfect Environment, ICCV 2023.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from proofs.tag_beds import tag_bed

from labelwright.catalogue.claims import All, AtLeast, Beats
from labelwright.learn.partial import COMIC, AssumeNegative, AsymmetricLoss, make_plt_dataset
from labelwright.metrics import shot_average_precision

DATA = ("bibtex",)
BUDGET_S = 180
SEEDS = 3
EPOCHS = 15
CLAIM = All(
    Beats(baseline="asymmetric loss", by=0.015, seeds=SEEDS, metric="mAP of all classes"),
    Beats(
        baseline="asymmetric loss",
        by=0.03,
        seeds=SEEDS,
        metric="mAP of rare classes",
        method_figure="few",
        baseline_figure="few_asl",
    ),
    AtLeast("precision_of_recovered", 0.7, SEEDS),
)


def run(seed: int) -> dict[str, float]:
    """Train three times on the same cut."""
    whole = tag_bed("bibtex", seed)
    cut = make_plt_dataset(whole.truth, seed, largest=400)
    bed = replace(whole, x=whole.x[cut.rows], truth=whole.truth[cut.rows])
    loops = {
        "comic": bed.fitted(COMIC(), cut.tags, epochs=EPOCHS),
        "asl": bed.fitted(AsymmetricLoss(), cut.tags, epochs=EPOCHS),
        "an": bed.fitted(AssumeNegative(), cut.tags, epochs=EPOCHS),
    }
    marks = {name: shot_average_precision(bed.y_test, bed.scores(loop), cut.counts) for name, loop in loops.items()}
    comic = loops["comic"].objective
    with torch.no_grad():
        logits = comic.logits(torch.from_numpy(bed.x))
    found = comic.correctors["balanced"].recovered(logits, torch.from_numpy(cut.tags)).numpy()
    return {
        "method": marks["comic"].total,
        "baseline": marks["asl"].total,
        "an": marks["an"].total,
        **{
            f"{group}{'' if name == 'comic' else '_' + name}": getattr(marks[name], group)
            for name in ("comic", "asl")
            for group in ("many", "medium", "few")
        },
        "recovered": float(found.sum()),
        "precision_of_recovered": float(bed.truth[found].mean()) if found.any() else 0.0,
        "rows": float(len(cut.rows)),
    }
