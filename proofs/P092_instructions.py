"""P092: greedily chosen pairs of example and text find a class better than its name, random or central examples do.

AG News (2000 texts a seed, MiniLM vectors) with its class names and two descriptions each, and digits (1797 rows, 32
principal components) with prompts in one space by a text tower: ridge regression from the words of prompts to pictures,
fitted on 300 rows that are used for nothing else. Of the rows 60 % give instructions of up to five pairs, 40 % test
them in five disjoint parts. Of the labels that instructions are chosen from 10 % are flipped, suspects of confident
learning are no examples, and tests are against the true labels. Mean average precision must exceed, by 0.03 on each
set, that of the class name, of as many random examples, and of as many central examples (medoids of k-means). Flipped
rows must not be chosen more often than their share. The best single pair is measured too.

Source: Chang et al., Thinking Like an Annotator, 2023.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import digits
from proofs.P188_judge_ensemble import PHRASINGS, vectors
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import Ridge

from labelwright.audit import (
    LabelingInstructionGenerator,
    RetrievalIndex,
    find_label_issues,
    mean_retrieval_precision,
    medoids,
)
from labelwright.catalogue.claims import All, AtMost, Beats, Holds
from labelwright.data.cache import Cache
from labelwright.data.crossval import out_of_fold_probs
from labelwright.data.features.minilm import minilm_features

DATA = ("ag_news", "digits")
BUDGET_S = 300
SEEDS = 5
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PROMPTS = ("{}", "a picture of the digit {}", "the number {} written by hand")
BASELINES = {"name": "the class name", "random": "as many random examples", "medoids": "as many central examples"}
CLAIM = All(
    *(
        Beats(
            baseline=words,
            by=0.03,
            seeds=SEEDS,
            metric=f"mean average precision, {data}",
            method_figure=f"{data}_map",
            baseline_figure=f"{data}_map_{name}",
        )
        for data in ("ag_news", "digits")
        for name, words in BASELINES.items()
    ),
    AtMost("flipped_among_examples_over_base_rate", 1.0, seeds=SEEDS),
    Holds("w = 0 with one text is text retrieval, and a pair given twice changes nothing", ("identity",), SEEDS),
)
Bed = tuple[NDArray[np.float64], NDArray[np.float64], dict[int, list[int]], NDArray[np.int64]]


def ag_news(rng: np.random.Generator) -> Bed:
    """Return item vectors, text vectors, the texts of each class (its name first) and true labels."""
    X, truth, names = vectors()
    rows = rng.choice(len(X), 2000, replace=False)
    lines = [name.replace("_", " and ") for name in names]
    lines += [text for phrasing in PHRASINGS[:2] for text in phrasing.values()]
    texts = Cache().array(("proof minilm", lines), lambda: minilm_features(lines)[0]).astype(np.float64)
    return X[rows], texts, {k: [k, 4 + k, 8 + k] for k in range(4)}, truth[rows]


def digit_pictures(rng: np.random.Generator) -> Bed:
    """Return the same for digits, with a text tower fitted on 300 rows that are left out."""
    data = digits()
    order = rng.permutation(len(data.truth))
    apart, rows = order[:300], order[300:]
    X = PCA(32, random_state=0).fit(data.X[apart]).transform(data.X).astype(np.float64)
    lines = [prompt.format(word) for prompt in PROMPTS for word in WORDS]
    bags = CountVectorizer(token_pattern=r"\w+").fit_transform(lines).toarray().astype(float)
    which = rng.integers(0, len(PROMPTS), len(apart)) * 10 + data.truth[apart]
    tower = Ridge(1.0).fit(bags[which], X[apart])
    return X[rows], tower.predict(bags), {k: [k, 10 + k, 20 + k] for k in range(10)}, data.truth[rows]


def measured(bed: Bed, name: str, seed: int, rng: np.random.Generator) -> dict[str, float]:
    """Measure one data set."""
    X, texts, texts_of, truth = bed
    k = int(truth.max()) + 1
    labels = np.where(rng.random(len(truth)) < 0.1, (truth + rng.integers(1, k, len(truth))) % k, truth)
    wrong = labels != truth
    held, rows = np.split(rng.permutation(len(truth)), [round(0.4 * len(truth))])
    index = RetrievalIndex(X, texts)
    suspect = np.zeros(len(truth), bool)
    suspect[rows] = find_label_issues(labels[rows], out_of_fold_probs(X[rows], labels[rows], k, seed=seed))
    generator = LabelingInstructionGenerator(seed=seed)
    sets = generator.generate(index, labels, texts_of, rows, suspect)
    single = LabelingInstructionGenerator(budget=1, seed=seed).generate(index, labels, texts_of, rows, suspect)
    members = {c: rows[labels[rows] == c] for c in sets}
    b = {c: len(one.pairs) for c, one in sets.items()}
    central = {c: members[c][medoids(index.vectors(members[c]), b[c], seed)] for c in sets}
    drawn = {c: rng.choice(members[c], b[c], replace=False) for c in sets}
    scores = {
        "": {c: one.scores(index) for c, one in sets.items()},
        "_single_pair": {c: one.scores(index) for c, one in single.items()},
        "_name": {c: index.like_text(texts_of[c][:1])[0] for c in sets},
        "_random": {c: index.like_item(drawn[c]).max(axis=0) for c in sets},
        "_medoids": {c: index.like_item(central[c]).max(axis=0) for c in sets},
    }
    found = {
        f"{name}_map{n}": float(mean_retrieval_precision(s, truth, held, seed=seed).mean()) for n, s in scores.items()
    }
    chosen = [row for one in sets.values() for row, _ in one.pairs]
    return {
        **found,
        f"{name}_flipped_chosen": float(wrong[chosen].mean()),
        f"{name}_flipped_share": float(wrong[rows].mean()),
        f"{name}_pairs": float(len(chosen)),
    }


def identity(bed: Bed) -> float:
    """Return 1.0 when the exact cases hold."""
    X, texts, texts_of, _ = bed
    index = RetrievalIndex(X, texts)
    text = texts_of[0][0]
    same = np.array_equal(index.pair_scores([3], [text], 0.0), index.like_text([text]))
    once, twice = (index.pair_scores([3] * n, [text] * n, 0.5).max(axis=0) for n in (1, 2))
    return float(same and np.allclose(once, twice, rtol=0, atol=1e-12))


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    rng = np.random.default_rng(seed)
    news, pictures = ag_news(rng), digit_pictures(rng)
    found = {**measured(news, "ag_news", seed, rng), **measured(pictures, "digits", seed, rng)}
    chosen = sum(found[f"{name}_flipped_chosen"] * found[f"{name}_pairs"] for name in ("ag_news", "digits"))
    expected = sum(found[f"{name}_flipped_share"] * found[f"{name}_pairs"] for name in ("ag_news", "digits"))
    return {**found, "flipped_among_examples_over_base_rate": chosen / expected, "identity": identity(news)}
