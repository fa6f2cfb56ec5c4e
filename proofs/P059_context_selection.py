"""P059: the centres of a mixture are better contexts than random rows for tasks of classes never seen.

Digits: an embedding (64-32 perceptron) is trained on classes 0 to 4; tasks are the classes 5 to 9 with 5 labels a task
from a pool of 100 rows, not stratified. 60 tasks a seed; accuracy of a prototype classifier.

Source: Bae, Wang and Sutherland, Exploring active learning in meta-learning, ECCV 2024.
"""

from __future__ import annotations

import numpy as np
import torch
from proofs.datasets import digits

from labelwright.acquire import GMMContextSelector, KCenterGreedy, KMeansCenters, LinearHead, ProtoNet, RandomSampling
from labelwright.acquire import evaluate_context as evaluate
from labelwright.catalogue.claims import All, Beats
from labelwright.evidence import Hard
from labelwright.nn import MLP, AdamW, CrossEntropy, Loop, Task, Training

DATA = ("digits",)
BUDGET_S = 60
SEEDS = 5
TASKS = 60
CLAIM = All(
    Beats(baseline="random contexts", by=0.04, seeds=SEEDS, metric="accuracy, prototypes", method_figure="gmm",
          baseline_figure="random"),
    Beats(baseline="random contexts", seeds=SEEDS, metric="accuracy, adapted linear head", method_figure="gmm_head",
          baseline_figure="random_head"),
)  # fmt: skip


def run(seed: int) -> dict[str, float]:
    """Measure the selectors on the same tasks."""
    torch.set_num_threads(1)
    data = digits()
    seen = data.truth < 5
    task = Task(data.X[seen] / 16.0, Hard(data.truth[seen], 5), net=MLP((64, 32)))
    loop = Loop(CrossEntropy(), task, Training(10, 64, AdamW(2e-3), seed=seed, device="cpu"))
    loop.fit()
    X = torch.from_numpy((data.X[~seen] / 16.0).astype(np.float32))
    with torch.no_grad():
        features = loop.objective.net.features(X).double().numpy()  # type: ignore[operator]
    y, settings = data.truth[~seen], {"budget": 5, "n_tasks": TASKS, "rng": seed}
    selectors = {
        "random": RandomSampling(), "gmm": GMMContextSelector(), "k_means": KMeansCenters(), "k_center": KCenterGreedy()
    }  # fmt: skip
    figures = {
        name: float(evaluate(ProtoNet(), selector, features, y, **settings).mean())
        for name, selector in selectors.items()
    }
    for name in ("random", "gmm"):
        figures[f"{name}_head"] = float(evaluate(LinearHead(), selectors[name], features, y, **settings).mean())
    return figures
