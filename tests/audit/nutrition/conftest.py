"""Small tables for the nutrition label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from labelwright.data.dataset import Dataset, Plan, Source
from labelwright.evidence.space import LabelSpace


def make_dataset(columns: dict[str, Any], label: str = "y", **plan: Any) -> Dataset:
    """Return a classification data set over a mapping of columns; `label` None in a cell = unlabelled."""
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    given = tuple(None if value is None else str(value) for value in table.column(label).to_pylist())
    space = LabelSpace.of(given)
    ids = np.array([f"r{i}" for i in range(len(given))])
    source = Source(table, Path("made_up.csv"), "memory", Path())
    return Dataset(source, Plan("classification", "table", label, **plan), space.encode(given), given, space, ids)


def people(n: int = 400, seed: int = 0) -> dict[str, Any]:
    """Return columns of `n` made-up people: two groups of equal outcome, a number that tells the label."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    return {
        "height": np.round(170 + 8 * rng.standard_normal(n), 3).tolist(),
        "visits": (rng.poisson(3, n) + 2 * y).tolist(),
        "side": [("left", "right")[i] for i in rng.integers(0, 2, n)],
        "group": [("big", "small")[i] for i in (rng.random(n) < 0.3).astype(int)],
        "y": [("no", "yes")[i] for i in y],
    }


@pytest.fixture
def dataset() -> Any:
    return make_dataset


@pytest.fixture
def columns() -> Any:
    return people
