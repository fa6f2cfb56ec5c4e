"""What the methods for partial labels remember survives a restart: the same weights as without one."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.evidence import Candidates, Tags  # noqa: E402
from labelwright.learn.partial import (  # noqa: E402
    ALIM,
    COMIC,
    AsymmetricPseudoLabeling,
    Contrast,
    LargeLossPermanentCorrection,
    LeveragedWeighted,
    ProgressivePurification,
    QuantileLambda,
    RegularizedOnlineLabelEstimation,
)
from labelwright.nn import MLP, Loop, Task, Training  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5)).astype(np.float32)
MASK = RNG.random((60, 4)) < 0.5
MASK[np.arange(60), RNG.integers(0, 4, 60)] = True
METHODS = {
    "pop": lambda: ProgressivePurification(theta=0.3, start=1, every=1),
    "alim": lambda: ALIM(QuantileLambda(0.3), start=1, contrast=Contrast(queue=32, dim=4)),
    "leveraged": LeveragedWeighted,
    "comic": lambda: COMIC(tau=0.5),
    "pseudo": lambda: AsymmetricPseudoLabeling(warmup=1),
    "large_loss": lambda: LargeLossPermanentCorrection(0.02),
    "role": lambda: RegularizedOnlineLabelEstimation(1.5),
}


def loop_of(name: str, folder) -> Loop:
    tagged = name in ("comic", "pseudo", "large_loss", "role")
    evidence = Tags.from_dense(MASK.astype(np.int8)) if tagged else Candidates.from_mask(MASK)
    training = Training(epochs=4, batch_size=16, device="cpu", checkpoint=folder)
    return Loop(METHODS[name](), Task(X, evidence, net=MLP((8,))), training)


@pytest.mark.parametrize("name", METHODS)
def test_a_restarted_run_ends_at_the_same_weights(name, tmp_path):
    straight = loop_of(name, tmp_path / "a")
    straight.fit()
    loop_of(name, tmp_path / "b").fit(epochs=2)
    again = loop_of(name, tmp_path / "b")
    again.fit()
    theirs = again.objective.state_dict()
    for key, value in straight.objective.state_dict().items():
        torch.testing.assert_close(theirs[key], value, rtol=0, atol=0, equal_nan=True)
