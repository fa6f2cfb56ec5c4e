"""Run proofs again and hold them against their stored verdicts.

Every proof runs in a process of its own, so that nothing one of them loads or sets can reach another. A verdict that
held when it was stored and does not hold again fails the gate; the stored result then stays as it was, so that the
next run fails too. `check` compares and writes nothing; so does a first seed other than 0.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from labelwright.atomic import write_aside
from labelwright.catalogue.papers import find_paper, select_papers
from labelwright.errors import BadInput, listed, quoted

SCHEMA_VERSION = 1
PROOF_FILE = re.compile(r"^([PB]\d{3})_\w+\.py$")
PATIENCE = 10  # a proof is stopped at that many times its budget: the machine may be slower, the proof may hang
SLOWEST_S = 3600.0

Status = Literal["holds", "does not hold", "broken", "skipped", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What came of one proof.

    Parameters
    ----------
    paper : str
    status : {"holds", "does not hold", "broken", "skipped", "failed"}
        "broken": it held when stored and does not hold again. "does not hold": stored as such, or new. "skipped": its
        data are not on this machine. "failed": it raised, or ran out of time.
    reason : str
        One line.
    result : dict or None
        What is stored in ``results/Pxxx.json``.
    """

    paper: str
    status: Status
    reason: str
    result: dict[str, Any] | None = None

    @property
    def passes(self) -> bool:
        """False when the gate must fail."""
        return self.status not in ("broken", "failed")

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, dicts and scalars."""
        return {"paper": self.paper, "status": self.status, "reason": self.reason, "result": self.result}


def find_proofs(folder: Path | None = None, start: Path | None = None) -> Path:
    """Return the folder of proofs: the one named, else ``proofs/`` in `start` (default: here) or above it.

    Raises
    ------
    BadInput
        When there is none; proofs come with the repository, not with the installed package.
    """
    if folder is not None:
        if _is_proofs(folder):
            return folder.resolve()
        raise BadInput(f"no proofs in {quoted(folder)}", fix="name the folder proofs/ of a clone of the repository")
    here = (start or Path.cwd()).resolve()
    for parent in (here, *here.parents):
        if _is_proofs(parent / "proofs"):
            return parent / "proofs"
    fix = "clone the repository of your version and run this inside it, or name its folder with --proofs DIR"
    raise BadInput("the proofs are not part of the installed package", fix=fix)


def _is_proofs(folder: Path) -> bool:
    return folder.is_dir() and ((folder / "datasets.py").is_file() or any(map(_paper_of, folder.glob("*.py"))))


def _paper_of(path: Path) -> str | None:
    match = PROOF_FILE.match(path.name)
    return match[1] if match else None


def choose_proofs(
    folder: Path, papers: Sequence[str] = (), *, home: str | None = None, everything: bool = False
) -> list[tuple[str, Path]]:
    """Return (paper, file) of the proofs asked for, in the order of the ids.

    Raises
    ------
    BadInput
        When nothing was asked for, or a paper that was named has no proof.
    """
    files = {paper: path for path in sorted(folder.glob("*.py")) if (paper := _paper_of(path))}
    if sum((bool(papers), home is not None, everything)) != 1:
        raise BadInput("say which proofs to run", fix="name papers (P042 ...), or --home FAMILY, or --all")
    if papers:
        wanted = list(dict.fromkeys(find_paper(paper).id for paper in papers))
        missing = [paper for paper in wanted if paper not in files]
        if missing:
            fix = f"papers with a proof: {listed(files, most=20)}" if files else "no paper has a proof here yet"
            raise BadInput(f"no proof for {listed(missing)} in {quoted(folder)}", fix=fix)
    else:
        wanted = [paper.id for paper in select_papers(home) if paper.id in files]
        if not wanted:
            raise BadInput(
                f"no proof of {quoted(home or 'any family')} in {quoted(folder)}", fix="see labelwright papers list"
            )
    return [(paper, files[paper]) for paper in sorted(wanted)]


def prove(
    proofs: Sequence[tuple[str, Path]],
    *,
    seed: int = 0,
    check: bool = False,
    report: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Run proofs one after another and store what they measured.

    Parameters
    ----------
    proofs : sequence of (paper, file)
        From `choose_proofs`.
    seed : int, default 0
        First seed; a proof that asks for five runs on seed .. seed + 4. Results of other first seeds are not stored.
    check : bool, default False
        Store nothing.
    report : callable
        Called with every outcome as it comes.
    """
    outcomes: list[Outcome] = []
    for paper, path in proofs:
        outcome = _prove_one(paper, path, seed=seed, store=not check and seed == 0)
        outcomes.append(outcome)
        report(outcome)
    return outcomes


def _prove_one(paper: str, path: Path, *, seed: int, store: bool) -> Outcome:
    stored_at = path.parent / "results" / f"{paper}.json"
    stored = read_result(stored_at)
    answer = _run(paper, path, seed)
    if "skipped" in answer or "failed" in answer:
        status: Status = "skipped" if "skipped" in answer else "failed"
        return Outcome(paper, status, str(answer[status]))
    result = {"schema_version": SCHEMA_VERSION, **answer}
    holds, held = result["verdict"]["holds"], stored is not None and stored["verdict"]["holds"]
    reason = result["verdict"]["reason"]
    if held and not holds:
        return Outcome(paper, "broken", f"it held when stored and does not hold again: {reason}", result)
    if store:
        with write_aside(stored_at) as aside:
            aside.write_text(json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        stored_at.chmod(0o644)
    return Outcome(paper, "holds" if holds else "does not hold", reason, result)


def read_result(path: Path) -> dict[str, Any] | None:
    """Return a stored result, None when there is none.

    Raises
    ------
    BadInput
        When the file is not a result.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(stored["verdict"]["holds"], bool):
            return stored
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise BadInput(f"{quoted(path.name)} is not a stored result", where=str(path), fix="delete it and prove again")


def _run(paper: str, path: Path, seed: int) -> dict[str, Any]:
    """Run one proof in a fresh process and return what it wrote: a result, or why there is none."""
    with tempfile.TemporaryDirectory(prefix="labelwright-proof-") as scratch:
        answer = Path(scratch) / "answer.json"
        command = [sys.executable, "-m", "labelwright.catalogue.proof_run", paper, str(path), str(seed), str(answer)]
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        try:
            done = subprocess.run(
                command, env=environment, timeout=_time_limit(path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        except subprocess.TimeoutExpired as late:
            return {"failed": f"stopped after {late.timeout:.0f} s"}
        if answer.is_file():
            return json.loads(answer.read_text(encoding="utf-8"))
        last = done.stdout.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no output"]
        return {"failed": f"exit code {done.returncode}: {last[0]}"}


def _time_limit(path: Path) -> float:
    """Read the budget from the text of a proof, so that nothing of it runs in this process."""
    found = re.search(r"^BUDGET_S\s*(?::[^=]*)?=\s*([\d_.]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return min(PATIENCE * float(found[1].replace("_", "")) if found else PATIENCE * 60.0, SLOWEST_S)
