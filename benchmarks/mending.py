"""How long a large table takes through `labelwright apply`, beside a plain copy, and whether every other byte stays.

A CSV with a byte-order mark, quoted cells with line ends in them, CR LF and ids with leading zeros is written, one row
in a thousand is decided, and the new file is compared byte by byte with what a replacement line by line gives. Memory
is that of a process of its own.

Run: ``python -m benchmarks.mending`` (1 GB; about 3 minutes and 3 GB of disk in ``TMPDIR``), or with a size in MB
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.records import load, store

COMMAND = "python -m benchmarks.mending"
MEGABYTES = 1000
CLASSES = ("billing", "login", "delivery", "refund")
EVERY = 1000
MOST_MB = 512  # of memory, whatever the size
# Seconds and peak memory of one call, in a process that has done nothing else.
CALL = """
import json, resource, sys, time
started = time.perf_counter()
from labelwright.cli import run
code = run(sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"code": code, "seconds": time.perf_counter() - started, "peak_mb": peak}))
"""


def write_table(folder: Path, megabytes: int) -> tuple[Path, Path, Path, int]:
    """Write data, decisions and what the data should become; return the three and the number of rows."""
    rng = np.random.default_rng(0)
    data, wanted, decisions = folder / "tickets.csv", folder / "wanted.csv", folder / "decisions.csv"
    words = ["Größe", "007", "NA", "-5", 'say ""hi""', "naïve", "parcel", "late; again", "lost\r\nfound", "card"]
    bodies = [f'"{" ".join(rng.choice(words, 12))}"' for _ in range(2000)]
    rows, size = 0, 0
    with (
        data.open("w", newline="", encoding="utf-8") as out,
        wanted.open("w", newline="", encoding="utf-8") as want,
        decisions.open("w", encoding="utf-8") as told,
    ):
        told.write("id,decision,label\n")
        for file in (out, want):
            file.write("\ufeffNr,body,topic,amount\r\n")
        while size < megabytes * 1_000_000:
            block = range(rows, rows + 20_000)
            lines = [_line(row, bodies, CLASSES[row % 4]) for row in block]
            size += sum(out.write(line) for line in lines)
            want.writelines(_wanted(row, line, bodies) for row, line in zip(block, lines, strict=True))
            told.writelines(_decision(row) for row in block if row % EVERY == 0)
            rows += len(block)
    return data, decisions, wanted, rows


def _line(row: int, bodies: list[str], label: str) -> str:
    return f"{row:09d},{bodies[row % len(bodies)]},{label},{row % 977}.50\r\n"


def _decision(row: int) -> str:
    rejected = row % (4 * EVERY) == 0
    return f"{row:09d},reject,\n" if rejected else f"{row:09d},relabel,{CLASSES[(row + 1) % 4]}\n"


def _wanted(row: int, line: str, bodies: list[str]) -> str:
    if row % EVERY:
        return line
    return "" if row % (4 * EVERY) == 0 else _line(row, bodies, CLASSES[(row + 1) % 4])


def measured(data: Path, decisions: Path, new: Path) -> dict[str, float]:
    """Run `apply` in a process of its own."""
    arguments = ["apply", str(decisions), str(data), "--label", "topic", "--id", "Nr", "--out", str(new), "--json"]
    done = subprocess.run([sys.executable, "-c", CALL, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def copied(data: Path, to: Path) -> float:
    """Return the seconds of a plain copy that is on the disk, as what `apply` writes is."""
    started = time.perf_counter()
    shutil.copyfile(data, to)
    with to.open("rb") as file:
        os.fsync(file.fileno())
    return time.perf_counter() - started


def same_bytes(a: Path, b: Path, block: int = 1 << 24) -> bool:
    """Say whether two files are the same, byte by byte."""
    with a.open("rb") as left, b.open("rb") as right:
        while (x := left.read(block)) == right.read(block):
            if not x:
                return True
    return False


def mended_row(megabytes: int) -> dict[str, Any]:
    """Measure one size."""
    quiet = load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, decisions, wanted, rows = write_table(folder, megabytes)
        plain = copied(data, folder / "copy.csv")
        done = measured(data, decisions, folder / "new.csv")
        same = same_bytes(folder / "new.csv", wanted)
        size = data.stat().st_size
    return {
        "work": f"CSV of {size / 1e9:.2f} GB, {rows:,} rows, one in {EVERY} decided",
        "apply_s": round(done["seconds"], 1),
        "copy_s": round(plain, 1),
        "peak_mb": round(done["peak_mb"]),
        "peak_bytes_a_byte": round(done["peak_mb"] * 2**20 / size, 2),
        "load_at_start": quiet,
        "equal": same and done["code"] == 0,
        "must": f"every undecided byte as it was, in less than {MOST_MB} MB",
        "holds": bool(same and done["code"] == 0 and done["peak_mb"] < MOST_MB),
    }


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    asked = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else MEGABYTES
    rows = [mended_row(size) for size in sorted({max(asked // 10, 1), asked})]
    if asked == MEGABYTES:
        store("mending", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for row in main():
        print(row, flush=True)
