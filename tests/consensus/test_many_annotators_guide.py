"""The guide about many annotators runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from consensus.vote_worlds import crowd

GUIDE = Path(__file__).parents[2] / "docs" / "many-annotators.md"


def test_the_guide_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    votes, _ = crowd(n=60)
    table = {"task": votes.row, "annotator": votes.source, "label": votes.value}
    pd.DataFrame(table).to_csv("votes.csv", index=False)
    pd.DataFrame({"text": ["see my channel", "great song"], "length": [14, 10]}).to_csv("comments.csv", index=False)
    page = GUIDE.read_text(encoding="utf-8")
    Path("rules.yaml").write_text(re.findall(r"```yaml\n(.*?)```", page, re.S)[0], encoding="utf-8")
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.S):
        exec(compile(block, "many-annotators.md", "exec"), names)
    assert len(names["result"].labels) == len(set(table["task"]))
    assert names["said"].to_matrix().tolist() == [[1, -1, 0], [-1, -1, 0]]
