"""The pages on training run as shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from labelwright.audit.noise_rate import NoiseEstimate

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[tuple[str, str]]:
    """Return title and code of each Python block."""
    return re.findall(r'```python(?: title="([^"]+)")?\n(.*?)```', (DOCS / page).read_text(encoding="utf-8"), re.S)


def test_every_problem_of_the_guide_trains_as_shown():
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 3
    T = np.eye(3)
    names: dict[str, Any] = {
        "X": (np.eye(3)[truth] * 4 + rng.normal(size=(60, 3))).astype(np.float32),
        "noisy_labels": np.where(rng.random(60) < 0.1, (truth + 1) % 3, truth),
        "possible": [[int(y)] if i % 2 else sorted({int(y), (int(y) + 1) % 3}) for i, y in enumerate(truth)],
        "known_positives": np.where((truth == 1) & (np.arange(60) < 30), 1, 0).astype(np.int8)[:, None],
        "votes": np.stack([truth, truth, np.where(rng.random(60) < 0.3, 0, truth)], axis=1),
        "bag_of_row": np.arange(60) // 6,
        "counts": np.full((10, 3), 2),
        "tags": np.stack([truth == 0, truth > 0], axis=1),
        "one_tag_a_row": np.eye(3, dtype=np.int8)[truth],
        "amount": truth + 10.0,
        "capped": truth == 2,
        "few_labels": np.where(np.arange(60) < 12, truth, -1),
        "predicted": truth,
        "given": truth,
        "noise_estimate": NoiseEstimate(T / 3, T, 0.0, 0.0, 0.01),
    }
    models = []
    for page in ("choose-a-method.md", "train-a-model.md"):
        for _, code in blocks(page):
            exec(compile(code, page, "exec"), names)
            models.append(names["model"])
    assert len({id(model) for model in models}) == 8
    assert (names["model"].predict(names["X"]) == truth).mean() > 0.8
    assert names["answer"].corrected.estimate == 1


def test_three_losses_learn_in_a_plain_loop():
    names: dict[str, Any] = {}
    exec(compile(blocks("losses-in-your-own-loop.md")[0][1], "losses-in-your-own-loop.md", "exec"), names)
    assert min(names["accuracy"].values()) > 0.95


def test_the_trainer_is_python_and_its_loss_is_the_methods():
    title, code = blocks("losses-in-your-own-loop.md")[1]
    assert title == "trainer.py"
    tree = compile(code, title, "exec")
    pytest.importorskip("transformers")
    names: dict[str, Any] = {}
    exec(tree, names)
    trainer = names["EarlyLearningTrainer"].__new__(names["EarlyLearningTrainer"])
    trainer.lam, trainer.beta, trainer.memory = 3.0, 0.7, torch.zeros(4, 2)
    net = torch.nn.Linear(3, 2)

    def model(x):
        return type("Outputs", (), {"logits": net(x)})()

    model.training = True
    inputs = {"x": torch.randn(2, 3), "labels": torch.tensor([0, 1]), "index": torch.tensor([1, 3])}
    loss = trainer.compute_loss(model, inputs)
    loss.backward()
    assert loss.isfinite()
    assert trainer.memory[[1, 3]].sum() == pytest.approx(2 * 0.3, abs=1e-5)
    assert trainer.memory[[0, 2]].sum() == 0
