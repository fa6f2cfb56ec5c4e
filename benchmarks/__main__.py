"""Run every benchmark, or those named, and write the tables of ``benchmarks/README.md`` anew.

``python -m benchmarks`` · ``python -m benchmarks startup neighbors`` · ``python -m benchmarks --tables``
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from benchmarks.tables import write_readme

FOLDER = Path(__file__).parent
NOT_BENCHMARKS = {
    *("__init__", "__main__", "cifar10n_training", "crowd_kit", "hyper_networks", "records", "tables"),
    *("learning_problems", "learning_runs", "league_page", "studio_people", "studio_server"),
}


def names() -> list[str]:
    """Return the names of all benchmarks."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_BENCHMARKS)


def main(arguments: list[str]) -> int:
    """Run what is named and rewrite the tables."""
    chosen = [] if arguments == ["--tables"] else arguments or names()
    unknown = sorted(set(chosen) - set(names()))
    if unknown:
        print(f"error: no benchmark {', '.join(unknown)}. Use {', '.join(names())}.", file=sys.stderr)
        return 2
    for name in chosen:
        print(f"{name} ...", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()
    write_readme(FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
