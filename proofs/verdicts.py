"""Carry the stored verdicts into the catalogue, so that `papers show` tells them: ``python -m proofs.verdicts``.

A verdict is "holds", "in part" (some parts of the claim hold at this size, some do not) or "not".
"""

from __future__ import annotations

import json
import re
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
CATALOGUE = Path(__file__).resolve().parents[1] / "src" / "labelwright" / "catalogue" / "papers.toml"


def stored_verdict(paper: str) -> str | None:
    """Return the verdict of a stored proof, None where there is none."""
    path = RESULTS / f"{paper}.json"
    if not path.is_file():
        return None
    verdict = json.loads(path.read_text(encoding="utf-8"))["verdict"]
    if verdict["holds"]:
        return "holds"
    return "in part" if any(part["holds"] for part in verdict.get("parts", ())) else "not"


def with_verdicts(catalogue: str) -> str:
    """Return the text of the catalogue with the verdict after each row's proof."""
    catalogue = re.sub(r'^verdict = ".*"\n', "", catalogue, flags=re.M)

    def added(match: re.Match[str]) -> str:
        verdict = stored_verdict(match[2])
        return match[1] + (f'verdict = "{verdict}"\n' if verdict else "")

    return re.sub(r'^(proof = "(P\d{3})_[^"]*"\n)', added, catalogue, flags=re.M)


if __name__ == "__main__":
    CATALOGUE.write_text(with_verdicts(CATALOGUE.read_text(encoding="utf-8")), encoding="utf-8")
