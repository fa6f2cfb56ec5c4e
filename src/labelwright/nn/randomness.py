"""The random state of one run, apart from the caller's: NumPy's generator and torch's, kept and put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor


class OwnRandomness:
    """What a run draws: the same for the same seed, whatever is drawn around it.

    Parameters
    ----------
    seed : int
    device : torch.device
        Where the run computes; with a GPU its generator is kept, too.

    Attributes
    ----------
    rng : numpy.random.Generator
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.rng = np.random.default_rng(seed)
        self._seed, self._device = seed, device
        self._torch: Tensor | None = None

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Run the block with this state of torch, keep what it becomes, and leave the caller's untouched."""
        devices = [self._device.index or 0] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            if self._torch is None:
                torch.manual_seed(self._seed)
            else:
                self._put(self._torch)
            try:
                yield
            finally:
                self._torch = self._now()

    def state(self) -> dict[str, Any]:
        """Return both states as they are now, within `apart`; large integers as text."""
        numpy = self.rng.bit_generator.state
        inner = {name: str(value) for name, value in numpy["state"].items()}
        kept = {"kind": numpy["bit_generator"], "state": inner}
        return {"torch": self._now(), "numpy": {**kept, "has": numpy["has_uint32"], "uinteger": numpy["uinteger"]}}

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self._torch, numpy = state["torch"].to(torch.uint8), state["numpy"]
        self.rng.bit_generator.state = {
            "bit_generator": numpy["kind"],
            "state": {name: int(value) for name, value in numpy["state"].items()},
            "has_uint32": numpy["has"],
            "uinteger": numpy["uinteger"],
        }

    def _now(self) -> Tensor:
        if self._device.type != "cuda":
            return torch.get_rng_state()
        return torch.cat([torch.get_rng_state(), torch.cuda.get_rng_state(self._device)])

    def _put(self, state: Tensor) -> None:
        size = len(torch.get_rng_state())
        torch.set_rng_state(state[:size])
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(state[size:], self._device)
