"""What the annotators' votes say while they come in: agreement, gold questions, and rows to settle.

Votes are merged by `labelwright.consensus`. Rows on which people disagree are settled by an adjudicator who sees the
votes but not whose they are, the row that gains most first; votes stay as they are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from labelwright.consensus import Automatic
from labelwright.evidence import Votes
from labelwright.metrics.agreement import krippendorff_alpha
from labelwright.metrics.intervals import clopper_pearson
from labelwright.studio import tables as t
from labelwright.studio.annotation import plan, standing_votes
from labelwright.studio.decisions import load_classes
from labelwright.studio.label_codes import decoded
from labelwright.studio.project import facts

FEWEST_JUDGED = 20


def live_agreement(connection: Connection) -> dict[str, Any]:
    """Return agreement over all votes and, for each person, their number, time and answers to gold questions."""
    votes = standing_votes(connection)
    p = t.pool.c
    gold = {told.row: told.gold for told in connection.execute(select(p.row, p.gold).where(p.gold.is_not(None)))}
    names = {told.id: told.name for told in connection.execute(select(t.user.c.id, t.user.c.name))}
    codes = {label: k for k, label in enumerate(sorted({label for _, _, label, _ in votes}))}
    rows = np.array([row for row, *_ in votes], np.int64)
    alpha = float("nan")
    if len(votes):
        alpha = krippendorff_alpha(rows, np.array([codes[label] for _, _, label, _ in votes], np.float64))
    return {
        "votes": len(votes),
        "alpha": None if np.isnan(alpha) else alpha,
        "people": [_person(user, names[user], votes, gold) for user in sorted({user for _, user, _, _ in votes})],
    }


def _person(user: int, name: str, votes: list[tuple[int, int, str, float | None]], gold: dict[int, str]) -> Any:
    own = [(row, label, seconds) for row, who, label, seconds in votes if who == user]
    judged = [label == gold[row] for row, label, _ in own if row in gold]
    times = [seconds for _, _, seconds in own if seconds is not None]
    told: dict[str, Any] = {
        "user_id": user,
        "name": name,
        "votes": len(own),
        "median_seconds": float(np.median(times)) if times else None,
        "gold": len(judged),
        "gold_right": sum(judged),
        "accuracy": None,
    }
    if len(judged) >= FEWEST_JUDGED:
        low, high = clopper_pearson(sum(judged), len(judged))
        told["accuracy"] = {"estimate": sum(judged) / len(judged), "low": low, "high": high}
    return told


def disagreements(connection: Connection) -> list[dict[str, Any]]:
    """Return rows with all their votes that do not agree, undecided, the one to settle first at the head.

    Each has its votes in words, without names, and what it would gain: one minus the confidence of the merged label.
    """
    overlap, task, classes = plan(connection).overlap, facts(connection)["task"], load_classes(connection)
    by_row = defaultdict(list)
    for row, _, label, _ in standing_votes(connection):
        by_row[row].append(label)
    open_rows = _undecided(connection)
    split = [row for row, given in by_row.items() if len(given) >= overlap and len(set(given)) > 1 and row in open_rows]
    confidence = merged(connection)
    found = [
        {
            "row": row,
            "votes": [
                {"label": classes.words(label, task), "number": number}
                for label, number in Counter(by_row[row]).most_common()
            ],
            "gain": 1 - confidence[row][1] if row in confidence else 0.5,
            "merged": classes.words(confidence[row][0], task) if row in confidence else None,
        }
        for row in split
    ]
    return sorted(found, key=lambda entry: (-entry["gain"], entry["row"]))


def agreed_rows(connection: Connection) -> dict[int, str]:
    """Return undecided rows on which all of their votes agree, with that label."""
    overlap, open_rows = plan(connection).overlap, _undecided(connection)
    by_row = defaultdict(list)
    for row, _, label, _ in standing_votes(connection):
        by_row[row].append(label)
    return {
        row: given[0]
        for row, given in by_row.items()
        if len(given) >= overlap and len(set(given)) == 1 and row in open_rows
    }


def merged(connection: Connection) -> dict[int, tuple[str, float]]:
    """Return the merged label of each row with votes and how sure it is; nothing where labels are not classes."""
    votes = standing_votes(connection)
    if facts(connection)["task"] != "classification" or not votes:
        return {}
    classes = load_classes(connection)
    numbers = {number: k for k, number in enumerate(classes.names)}
    rows, row_at = np.unique([row for row, *_ in votes], return_inverse=True)
    users, user_at = np.unique([user for _, user, *_ in votes], return_inverse=True)
    value = np.array([numbers[classes.now(_single(label))] for _, _, label, _ in votes], np.int32)
    table = Votes(row_at, user_at, value, n_rows=len(rows), n_sources=len(users), n_classes=len(numbers))
    posterior = Automatic().fit(table).predict_proba(table)
    best, back = posterior.argmax(axis=1), list(numbers)
    return {int(row): (f"[{back[int(k)]}]", float(p[k])) for row, k, p in zip(rows, best, posterior, strict=True)}


def _single(label: str) -> int:
    found = decoded(label)
    assert isinstance(found, list)
    return found[0]


def _undecided(connection: Connection) -> set[int]:
    p, i = t.pool.c, t.item.c
    query = select(p.row).join(t.item, i.row == p.row).where(i.verdict.is_(None), p.gold.is_(None))
    return set(connection.scalars(query))
