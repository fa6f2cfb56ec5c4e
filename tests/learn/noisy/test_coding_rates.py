"""Coding rates: the space that rows fill [P034]."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from labelwright.learn.noisy import coding_rate  # noqa: E402


def test_both_gram_sides_give_the_same_rate():
    torch.manual_seed(0)
    z = torch.randn(5, 8, dtype=torch.float64)
    wide = 0.5 * torch.linalg.slogdet(torch.eye(8, dtype=z.dtype) + 8 / (5 * 0.05) * z.T @ z).logabsdet
    torch.testing.assert_close(coding_rate(z), wide, rtol=1e-5, atol=1e-5)
