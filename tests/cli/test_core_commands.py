"""The commands of the core run where no extra is installed."""

from __future__ import annotations

import csv

from core_world import in_the_core
from ticket_world import write_tickets


def test_every_command_of_the_core_runs_without_extras(tmp_path):
    write_tickets(tmp_path / "tickets.csv", n=90, wrong=3)
    with (tmp_path / "votes.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["task", "annotator", "label"])
        table.writerows(
            [f"t{i}", f"a{j}", "yes" if (i * j) % 4 < 2 else "no"] for i in range(30) for j in range(6) if (i + j) % 3
        )
    (tmp_path / "rules.yaml").write_text("- {name: a, keywords: [invoice, refund], label: billing}\n", encoding="utf-8")
    (tmp_path / "predictions.csv").write_text(
        "id,prediction\n" + "".join(f"T{i:04d},billing\n" for i in range(90)), encoding="utf-8"
    )
    told = in_the_core(
        f"""
import os
import shlex

from labelwright.cli import run

os.chdir({str(tmp_path)!r})
for line in '''audit tickets.csv --label topic --id ticket --quiet --out old --jobs 1
report old --redact
apply old tickets.csv --label topic --id ticket --auto --max-score 0.5 --out mended.csv
audit mended.csv --label topic --id ticket --quiet --out new --jobs 1
compare old new --out changes
check tickets.csv --baseline old --fail-on new:label>0
evaluate predictions.csv tickets.csv --label topic --id ticket
aggregate votes.csv
aggregate tickets.csv --rules rules.yaml --text body --out ruled
next votes.csv --budget 3
next tickets.csv --label topic --id ticket --may-reask --budget 3
measure
measure intrinsic tickets.csv --label topic
papers search lazy
doctor
cache size'''.splitlines():
    code = run(shlex.split(line))
    if code:
        print("FAILED", code, line)
"""
    )
    assert "FAILED" not in told
