"""The guide on decisions runs from start to finish and keeps what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "decisions-you-can-trust.md"


def test_the_guide_runs_and_its_promises_hold():
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S):
        exec(compile(block, PAGE.name, "exec"), names)
    assert names["scaling"].temperature_ > 1.5
    assert names["error_after"].estimate < names["error_before"].estimate / 2
    assert 0.9 in names["quality"].coverage or names["quality"].coverage.estimate > 0.9
    assert names["error"] < 0.1 and names["answered"].mean() > 0.2
    assert names["price"].cost(names["chosen"], names["tags"][names["test"]]).mean() < 0.06
    ends, late = names["ends"], names["progression"][300:]
    assert ((ends[:, 0] <= late) & (late <= ends[:, 1])).mean() > 0.82
    accepted = [rates.accept_rate for rates in names["decided"].values()]
    assert abs(accepted[0] - accepted[1]) <= 0.03 + 1e-9
    assert abs(names["effect"].ate_ - 1) < 0.2
    assert names["svg"].startswith("<svg") and names["curve"].endswith("</svg>")
