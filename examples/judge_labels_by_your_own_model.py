"""Judge labels by your own model: out-of-sample probabilities in, suspect labels out.

A tenth of the labels of scikit-learn's digits are made wrong; the audit finds them. Prints what it found and fails when
fewer than four in five of the rows that it ranks worst are wrong.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_predict
from sklearn.svm import SVC

from labelwright.audit import find_label_issues


def main() -> float:
    """Return the share of truly wrong labels among as many worst-ranked rows as there are wrong labels."""
    X, truth = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = rng.choice(len(truth), len(truth) // 10, replace=False)
    labels = truth.copy()
    labels[wrong] = (truth[wrong] + rng.integers(1, 10, len(wrong))) % 10

    pred_probs = cross_val_predict(SVC(C=10, gamma=0.001, probability=True), X, labels, cv=5, method="predict_proba")
    ranked = find_label_issues(labels, pred_probs, return_indices_ranked_by="self_confidence")

    worst = ranked[: len(wrong)]
    found = float(np.isin(worst, wrong).mean())
    print(f"{len(wrong)} labels are wrong; {len(ranked)} rows are flagged; {found:.0%} of the worst are truly wrong.")
    return found


if __name__ == "__main__":
    if main() < 0.8:
        raise SystemExit(3)
