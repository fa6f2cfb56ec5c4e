"""What the training loop costs beside a bare PyTorch loop: small steps, and steps of five milliseconds and more.

Both sides train the same network on the same rows with the same optimiser; the bare loop is what a person writes by
hand. Run: ``python -m benchmarks training_loop``.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import torch

from benchmarks.records import store
from labelwright.evidence import Hard
from labelwright.nn import MLP, SGD, CrossEntropy, Loop, SmallCNN, Task, Training

COMMAND = "python -m benchmarks training_loop"
ROUNDS = 7


def bare(x: torch.Tensor, y: torch.Tensor, net: torch.nn.Module, batch: int, epochs: int) -> float:
    """Return the seconds a step of a loop written by hand."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    net.train()
    started, steps = time.perf_counter(), 0
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for rows in order.split(batch):
            optimizer.zero_grad(set_to_none=True)
            loss = torch.nn.functional.cross_entropy(net(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            float(loss.detach())  # the loop looks at every loss, too
            steps += 1
    return (time.perf_counter() - started) / steps


def looped(x: np.ndarray, y: np.ndarray, net: Any, batch: int, epochs: int) -> float:
    """Return the seconds a step of our loop, epochs and history included."""
    task = Task(x, Hard(y, 10), net=net)
    loop = Loop(CrossEntropy(), task, Training(epochs=epochs, batch_size=batch, optimizer=SGD(), device="cpu"))
    started = time.perf_counter()
    loop.fit()
    return (time.perf_counter() - started) / loop.clock.step


def compare(work: str, x: np.ndarray, net: Any, batch: int, epochs: int) -> dict[str, Any]:
    """Time both in turn and return the medians and the difference."""
    y = np.random.default_rng(1).integers(0, 10, len(x))
    tensors = torch.from_numpy(x), torch.from_numpy(y)
    ours, theirs, extra = [], [], []
    for _ in range(ROUNDS + 1):
        theirs.append(bare(*tensors, net(x.shape[1:], 10), batch, epochs))
        ours.append(looped(x, y, net, batch, epochs))
        extra.append(ours[-1] - theirs[-1])
    step, own = statistics.median(theirs[1:]), statistics.median(extra[1:])
    limit = 0.05 * step if step >= 0.005 else 0.0003
    return {
        "work": work,
        "bare_ms_a_step": 1000 * step,
        "ours_ms_a_step": 1000 * statistics.median(ours[1:]),
        "extra_ms": 1000 * own,
        "extra_share": own / step,
        "must": "5 % more at most" if step >= 0.005 else "0.3 ms more at most",
        "holds": own <= limit,
    }


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2048, 64)).astype(np.float32)
    wide = rng.normal(size=(2048, 512)).astype(np.float32)
    images = rng.normal(size=(512, 3, 32, 32)).astype(np.float32)
    rows = [
        compare("MLP 64-256-256-10, batches of 64, 1 thread", vectors, MLP((256, 256)), 64, 10),
        compare("MLP 512-1024-1024-10, batches of 256, 1 thread", wide, MLP((1024, 1024)), 256, 3),
        compare("small CNN, 32 x 32 images, batches of 64, 1 thread", images, SmallCNN((16, 32, 64)), 64, 2),
    ]
    store("training_loop", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for row in main():
        print(row)
