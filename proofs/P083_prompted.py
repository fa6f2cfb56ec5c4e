"""P083: many narrow questions, weighed by a label model, beat one direct question to the same model.

YouTube comments and text messages, spam or not, 8 questions each, written before any result was seen. The model that
answers is the similarity of MiniLM sentence vectors between the text and two sentences, one for each answer, calibrated
on texts without content. Error on the test part of (a) a linear end model on the label model's soft labels, (b) the
direct question, calibrated too, (c) the majority vote of the questions, rows without a vote to the larger class of the
votes. The label model is matrix completion at the class balance of the validation part. Each seed learns from another
400 texts of 500. (A first run took the automatic label model, which is made for rules that are mostly right, and was
far worse than majority voting.)

Source: Smith et al., Language Models in the Loop, 2024.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import texts as read_texts

from labelwright.catalogue.claims import All, AtLeast, AtMost, NotWorse
from labelwright.consensus import (
    MajorityVote,
    MatrixCompletion,
    PromptedLabelingFunction,
    PromptedWeakSupervision,
    ResponseMap,
    WeakSupervisionPipeline,
    most_probable,
)
from labelwright.data import SimilarityScorer
from labelwright.evidence import Votes
from labelwright.metrics import macro_f1

DATA = ("youtube", "sms")
BUDGET_S = 90
SEEDS = 5
ASKED, TRAIN, TEST = 500, 400, 250
CLASSES = ("ham", "spam")
# Question: sentence of "yes", sentence of "no", the class that "yes" names.
QUESTIONS = {
    "youtube": (
        ("Please subscribe to my channel.", "I like this song.", "spam"),
        ("Check out my new video.", "This video is great.", "spam"),
        ("Click this link to visit my website.", "I watched this again today.", "spam"),
        ("Earn money online from home.", "She has a beautiful voice.", "spam"),
        ("Follow me on Facebook or Twitter.", "I remember this from school.", "spam"),
        ("I love this song so much.", "Please visit my page.", "ham"),
        ("This video has so many views.", "Please help me and share.", "ham"),
        ("The singer is beautiful and talented.", "Buy this product now.", "ham"),
    ),
    "sms": (
        ("You have won a prize.", "I am on my way home.", "spam"),
        ("Call this number now to claim.", "I will call you later.", "spam"),
        ("Free ringtones and offers for your phone.", "I am at work today.", "spam"),
        ("Chat with singles near you tonight.", "I miss you, my love.", "spam"),
        ("Text STOP to end the subscription.", "Ok, thanks.", "spam"),
        ("Where are you? I will be late for dinner.", "Urgent! Your account has won cash.", "ham"),
        ("How are you feeling today?", "Reply to this message to get a free offer.", "ham"),
        ("Haha, that was funny.", "This is an offer from a company.", "ham"),
    ),
}
DIRECT = {
    "youtube": ("This comment is spam.", "This is a normal comment about the video.", "spam"),
    "sms": ("This text message is spam.", "This is a normal text message between friends.", "spam"),
}
CLAIM = All(
    *(AtMost(f"{name}_ratio", 0.8, SEEDS, statement=f"{name}: at most 0.8 times the errors of the direct question")
      for name in DATA),
    *(NotWorse(baseline="majority vote of the questions", seeds=SEEDS, metric=f"error, {name}", lower_is_better=True,
               method_figure=f"{name}_method", baseline_figure=f"{name}_majority") for name in DATA),
    *(AtLeast(f"{name}_calibration_helps", 0.5, SEEDS,
              statement=f"{name}: calibration raises the macro-F1 of half of the questions") for name in DATA),
)  # fmt: skip


def question(yes: str, no: str, label: str) -> PromptedLabelingFunction:
    """Return a labelling function; the sentences are the responses, "no" names no class."""
    return PromptedLabelingFunction(yes, "[TEXT]", ResponseMap({yes: label, no: None}))


@lru_cache
def answered(name: str, calibrate: bool) -> tuple[Votes, NDArray[np.int64], list[NDArray[np.float64]]]:
    """Return the votes on all texts, the votes (n,) of the direct question, and P(response) of each question."""
    data = read_texts(name)  # type: ignore[arg-type]
    asker = PromptedWeakSupervision(SCORER, [question(*q) for q in QUESTIONS[name]], CLASSES, calibrate=calibrate)
    direct = PromptedWeakSupervision(SCORER, [question(*DIRECT[name])], CLASSES, calibrate=calibrate)
    rows = used(name)
    texts = [data.texts[i] for i in rows]
    yes = (direct.votes(texts).to_matrix()[:, 0] == 1).astype(np.int64)
    return asker.votes(texts), yes, asker.response_probs(texts)


SCORER = SimilarityScorer()


@lru_cache
def used(name: str) -> NDArray[np.int64]:
    """Return the rows that are asked about: some training texts, and 250 of the test part."""
    data = read_texts(name)  # type: ignore[arg-type]
    train, test = np.flatnonzero(data.split == "train"), np.flatnonzero(data.split == "test")
    train = np.random.default_rng(0).choice(train, ASKED, replace=False)
    return np.concatenate([np.sort(train), test[:TEST]])


def macro_f1_of(probs: NDArray[np.float64], label: str, truth: NDArray[np.int64]) -> float:
    """Return the macro-F1 of one question read as "yes: this class, no: the other"."""
    yes = CLASSES.index(label)
    return macro_f1(truth, np.where(probs.argmax(axis=1) == 0, yes, 1 - yes), 2)


def measure(name: str, rng: np.random.Generator) -> dict[str, float]:
    """Measure one data set."""
    data, rows = read_texts(name), used(name)  # type: ignore[arg-type]
    truth = data.labels[rows]
    votes, direct, calibrated = answered(name, True)
    train, test = np.sort(rng.choice(ASKED, TRAIN, replace=False)), np.arange(ASKED, len(rows))
    X = np.stack([SCORER._known[data.texts[i]] for i in rows])
    table = votes.to_matrix()
    known = data.labels[data.split == "valid"]
    balance = np.bincount(known, minlength=2) / len(known)
    pipeline = WeakSupervisionPipeline(MatrixCompletion(class_balance=balance)).fit(
        X[train], Votes.from_matrix(table[train], 2)
    )
    own = Votes.from_matrix(table[test], 2)
    majority = most_probable(MajorityVote().fit(own).predict_proba(own))
    figures = {
        f"{name}_method": float((pipeline.predict(X[test]) != truth[test]).mean()),
        f"{name}_direct": float((direct[test] != truth[test]).mean()),
        f"{name}_direct_uncalibrated": float((answered(name, False)[1][test] != truth[test]).mean()),
        f"{name}_majority": float((majority != truth[test]).mean()),
    }
    figures[f"{name}_ratio"] = figures[f"{name}_method"] / figures[f"{name}_direct"]
    plain = answered(name, False)[2]
    better = [
        macro_f1_of(after[train], label, truth[train]) > macro_f1_of(before[train], label, truth[train])
        for (_, _, label), after, before in zip(QUESTIONS[name], calibrated, plain, strict=True)
    ]
    return figures | {f"{name}_calibration_helps": float(np.mean(better))}


def run(seed: int) -> dict[str, float]:
    """Measure both data sets with one draw of training texts."""
    rng = np.random.default_rng(seed)
    return {key: value for name in DATA for key, value in measure(name, rng).items()}
