"""The verdict reads as a sentence, whatever was found."""

from __future__ import annotations

import pytest

from labelwright.audit.summary import verdict


def facts(suspects: int, n: int = 10, task: str = "classification", rate: dict[str, object] | None = None):
    return {"counts": {"label": suspects}, "n_labelled": n, "task": task, "noise_rate": rate}


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        (facts(0), "None of 10 labels stands out as wrong."),
        (facts(1), "1 of 10 labels is worth a look."),
        (facts(2000, 30000), "2,000 of 30,000 labels are worth a look."),
        (facts(2, task="multilabel"), "2 of 10 sets of tags are worth a look."),
        (facts(0, 0), "No row has a label, so no label could be judged."),
    ],
)
def test_the_verdict_counts_in_plain_words(summary, words):
    assert verdict(summary) == words


def test_an_estimate_is_called_an_estimate_with_its_interval():
    said = verdict(facts(3, rate={"estimate": 0.034, "low": 0.014, "high": 0.06}))
    assert "about 3.4 % are wrong (model estimate, 1.4 % to 6.0 %; not checked by people)" in said
