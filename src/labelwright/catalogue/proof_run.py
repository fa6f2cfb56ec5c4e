"""Run one proof in this process: ``python -m labelwright.catalogue.proof_run PAPER FILE SEED ANSWER``.

The answer is a JSON file: the result, or ``{"skipped": why}``, or ``{"failed": why}``.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import platform
import sys
import time
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from labelwright import __version__
from labelwright.catalogue.claims import Claim, DataMissing
from labelwright.catalogue.papers import find_paper
from labelwright.errors import LabelwrightError

DEFAULT_BUDGET_S = 60.0
VERSIONS = ("numpy", "scipy", "scikit-learn", "numba", "torch")


def answer_of(paper: str, path: Path, first_seed: int) -> dict[str, Any]:
    """Run a proof over its seeds and return what is to be stored."""
    try:
        module = load_proof(path)
        return _measured(paper, module, first_seed)
    except DataMissing as missing:
        return {"skipped": str(missing)}
    except LabelwrightError as error:
        return {"failed": str(error)}
    except Exception as bug:
        return {"failed": f"{type(bug).__name__}: {bug}"}


def load_proof(path: Path) -> ModuleType:
    """Import a proof with the root of its repository importable, so that it finds ``proofs.datasets``."""
    sys.path.insert(0, str(path.resolve().parents[1]))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path.name}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    if not callable(getattr(module, "run", None)) or not isinstance(getattr(module, "CLAIM", None), Claim):
        raise ImportError(f"{path.name} needs run(seed) and CLAIM")
    return module


def _measured(paper: str, module: ModuleType, first_seed: int) -> dict[str, Any]:
    claim: Claim = module.CLAIM
    data = tuple(getattr(module, "DATA", ()))
    data_hash = importlib.import_module("proofs.datasets").content_hash(*data) if data else None
    seeds = list(range(first_seed, first_seed + claim.seeds))
    seconds, per_seed = [], []
    for seed in seeds:
        started = time.perf_counter()
        per_seed.append({name: float(value) for name, value in module.run(seed).items()})
        seconds.append(round(time.perf_counter() - started, 3))
    budget = float(getattr(module, "BUDGET_S", DEFAULT_BUDGET_S))
    return {
        "paper": paper,
        "title": find_paper(paper).title,
        "statement": " ".join((module.__doc__ or "").split()),
        "claim": claim.text,
        "seeds": seeds,
        "verdict": claim.judge(per_seed).to_dict(),
        "data": {"names": list(data), "sha256": data_hash},
        "seconds": seconds,
        "budget_s": budget,
        "within_budget": sum(seconds) <= budget,
        "machine": machine(),
    }


def machine() -> dict[str, Any]:
    """Describe this machine as far as it matters to numbers and seconds."""
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "labelwright": __version__,
        **{name: version for name in VERSIONS if (version := _version(name))},
    }


def cpu_model() -> str:
    """Return the name of the processor, as far as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def main() -> None:
    """Answer for the command line of this process."""
    paper, path, seed, answer = sys.argv[1:]
    Path(answer).write_text(json.dumps(answer_of(paper, Path(path), int(seed)), allow_nan=False), encoding="utf-8")


if __name__ == "__main__":
    main()
