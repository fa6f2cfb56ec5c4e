"""Who may do what: a role has a set of actions, and every request names the one that it needs."""

from __future__ import annotations

from labelwright.errors import BadInput, did_you_mean, quoted

ACTIONS = {
    "see": "look at rows, suggestions, numbers and history",
    "review": "decide about rows, and take own decisions back",
    "annotate": "label the rows that are handed out",
    "adjudicate": "settle rows on which annotators disagree",
    "revert": "take decisions of other people back",
    "retrain": "train a model on the labels as they are",
    "export": "take decisions and data out",
    "manage": "change classes, guidelines, quotas and accounts",
}
RIGHTS = {
    "owner": frozenset(ACTIONS),
    "reviewer": frozenset({"see", "review", "annotate", "adjudicate", "retrain", "export"}),
    "annotator": frozenset({"annotate"}),
    "viewer": frozenset({"see"}),
}


def may(role: str, action: str) -> bool:
    """Say whether a role may do something.

    Examples
    --------
    >>> may("annotator", "see"), may("reviewer", "review")
    (False, True)
    """
    return action in RIGHTS.get(role, frozenset())


def checked_role(role: str) -> str:
    """Return the name of a role; BadInput names those that there are."""
    if role not in RIGHTS:
        raise BadInput(f"there is no role {quoted(role)}", fix=did_you_mean(role, RIGHTS))
    return role
