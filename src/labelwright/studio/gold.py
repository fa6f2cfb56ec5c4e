"""When an annotator meets a gold question: once in every so many, at places that nobody can count off."""

from __future__ import annotations

import random


def is_gold_place(seed: str, user_id: int, done: int, every: int) -> bool:
    """Say whether a person's next question is one with a known answer.

    Parameters
    ----------
    seed : str
        Of the project.
    user_id : int
    done : int
        Questions that the person has answered, >= 0.
    every : int
        One question in so many is a gold question: one of the first `every`, one of the next, and so on; 0 = none.

    Examples
    --------
    >>> places = [is_gold_place("a project", 7, done, 5) for done in range(20)]
    >>> [sum(places[k : k + 5]) for k in range(0, 20, 5)]
    [1, 1, 1, 1]
    """
    if every < 1:
        return False
    block, place = divmod(done, every)
    return random.Random(f"{seed}|{user_id}|{block}").randrange(every) == place
