"""Six kinds of imperfect labels in one fit: trusted, voted, partial, coarse, aggregated and missing.

Every row of scikit-learn's digits has one kind of label, as a project gathers them over the years. One
`ImpreciseClassifier` learns from all of them at once. It is held against the trusted labels alone, against the usual
way out (every label hardened to its most likely class, then cross-entropy), and against each kind alone. Prints the
table and fails when the mixture does not win.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from labelwright.evidence import Bags, Candidates, Evidence, Hard, Mixed, Taxonomy, Votes
from labelwright.learn import ImpreciseClassifier
from labelwright.nn import CrossEntropy
from labelwright.noise import Sources, ask_each, cast_votes, random_bags, uniform_candidates

Rows = NDArray[np.int64]
SHARES = {"trusted": 0.04, "votes": 0.25, "candidates": 0.2, "coarse": 0.15, "bags": 0.2, "missing": 0.16}
FAMILIES = {"round": "0689", "straight": "147", "curved": "235"}
K = 10


def deal(n_rows: int, seed: int) -> dict[str, Rows]:
    """Return which rows get which kind of label."""
    order = np.random.default_rng(seed).permutation(n_rows)
    cuts = np.cumsum([round(share * n_rows) for share in SHARES.values()])[:-1]
    return dict(zip(SHARES, (np.sort(part) for part in np.split(order, cuts)), strict=True))


def votes_on(truth: Rows, seed: int) -> Votes:
    """Return three votes a row of twenty annotators, from nearly blind to good."""
    annotators = Sources.skilled(np.linspace(0.2, 0.75, 20), K)
    cast = cast_votes(truth, annotators, seed, asked=ask_each(len(truth), 20, 3, seed))
    return Votes(cast.row, cast.source, cast.value, len(truth), 20, K)


def families_of(truth: Rows, families: dict[str, str]) -> Candidates:
    """Return the family of the class only."""
    family_of = {digit: name for name, digits in families.items() for digit in digits}
    tree = Taxonomy.from_mapping({str(k): family_of[str(k)] for k in range(K)})
    name = [family_of[str(k)] for k in range(K)]
    return Candidates.coarse([tree.node(name[y]) for y in truth], tree)


def bag_counts(truth: Rows, seed: int, size: int = 8) -> Bags:
    """Return how often each digit occurs in every eight images."""
    bags = random_bags(len(truth), size, seed)
    counts = np.zeros((bags.max() + 1, K), dtype=np.int64)
    np.add.at(counts, (bags, truth), 1)
    return Bags.counts(bags, counts, n_classes=K)


def gathered(truth: Rows, seed: int, families: dict[str, str] | None = None) -> tuple[Mixed, dict[str, Rows]]:
    """Return all the evidence about rows with these true digits, and which rows have which kind."""
    rows = deal(len(truth), seed)
    parts: dict[str, Evidence] = {
        "trusted": Hard(truth[rows["trusted"]], K),
        "votes": votes_on(truth[rows["votes"]], seed),
        "candidates": Candidates.from_mask(
            uniform_candidates(truth[rows["candidates"]], 0.3, K, seed).candidates.toarray() > 0
        ),
        "coarse": families_of(truth[rows["coarse"]], families or FAMILIES),
        "bags": bag_counts(truth[rows["bags"]], seed),
        "missing": Hard.unknown(len(rows["missing"]), K),
    }
    return Mixed(tuple(parts.values()), tuple(rows[kind] for kind in parts), len(truth)), rows


def hardened(evidence: Mixed, rows: dict[str, Rows], seed: int) -> Rows:
    """Return one class a row as people do it: majority vote, a guess within the set, nothing for bags and gaps."""
    rng = np.random.default_rng(seed)
    labels = np.full(len(evidence), -1)
    for kind, part in zip(rows, evidence.parts, strict=True):
        if isinstance(part, Hard):
            labels[rows[kind]] = part.labels
        elif isinstance(part, Votes):
            labels[rows[kind]] = (part.counts() + 1e-6 * rng.random((len(part), K))).argmax(axis=1)
        elif isinstance(part, Candidates):
            labels[rows[kind]] = (part.mask() * rng.random((len(part), K))).argmax(axis=1)
    return labels


def compare(seed: int = 0, epochs: int = 40) -> dict[str, float]:
    """Return the test accuracy of every way to learn from the same labels."""
    X, truth = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(X))
    train, test = order[500:], order[:500]
    evidence, rows = gathered(truth[train], seed)

    def accuracy(model: ImpreciseClassifier, learnt: Evidence, own: Rows | None = None) -> float:
        x = X[train] if own is None else X[train][own]
        return float((model.fit(x, learnt).predict(X[test]) == truth[test]).mean())

    def model() -> ImpreciseClassifier:
        return ImpreciseClassifier(epochs=epochs, random_state=seed)

    plain = ImpreciseClassifier(CrossEntropy(), epochs=epochs, random_state=seed)
    found = {"all six kinds at once": accuracy(model(), evidence)}
    found["trusted labels alone"] = accuracy(plain, Hard(truth[train][rows["trusted"]], K), rows["trusted"])
    found["everything hardened"] = accuracy(plain, Hard(hardened(evidence, rows, seed), K))
    for kind, part in zip(rows, evidence.parts, strict=True):
        if kind not in ("trusted", "missing"):
            found[f"{kind} alone"] = accuracy(model(), part, rows[kind])
    return found


if __name__ == "__main__":
    table = compare()
    for name, value in table.items():
        print(f"{name:<24}{value:7.1%}")
    best, *others = table.values()
    if best <= max(others):
        raise SystemExit(3)
