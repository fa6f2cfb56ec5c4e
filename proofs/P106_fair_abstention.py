"""P106: abstention by integer program narrows the gap between groups without harm to either; Adult, sex groups.

A logistic baseline is trained on 5000 rows, the program and its two networks on 2000 others (demographic parity within
0.03, at most 20 % of a group undecided, no slack for harm), 10,000 further rows are the test. On the fitted rows the
rules must hold exactly. On test rows: the gap in acceptance (denominator: all rows of the group) against that of the
baseline, accuracy among decided rows by group, share undecided. The baseline to beat withholds the least
confident rows, as many as the method.

Source: Yin, Ton, Guo, Yao, Liu, Liu, Fair classifiers that abstain without harm, ICLR 2024.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import adult
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labelwright.catalogue.claims import All, AtLeast, AtMost, Beats, Holds
from labelwright.decide import AbstentionRules, DemographicParity, FairAbstainer, group_rates
from labelwright.decide.group_metrics import largest_gap

DATA = ("adult",)
BUDGET_S = 120
SEEDS = 5
EPS, DELTA = 0.03, 0.2
CLAIM = All(
    Holds("on the fitted rows the gap is within 0.03 and no group's error rises", ("train_gap", "train_harm"), SEEDS),
    AtLeast("gap_reduction", 0.3, seeds=SEEDS, statement="the test gap is reduced by at least 30 % of the baseline's"),
    AtLeast("worst_group_gain", -0.01, seeds=SEEDS, statement="no group loses more than a point of test accuracy"),
    AtMost("abstention", 0.3, seeds=SEEDS, statement="at most 30 % of test rows are undecided"),
    Beats(
        baseline="withholding the least confident rows",
        seeds=SEEDS,
        metric="gap in acceptance on test rows",
        method_figure="gap",
        baseline_figure="gap_least_confident",
        lower_is_better=True,
    ),
)


def features() -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.str_]]:
    """Return numbers and one-hot columns (n, d), income above 50K (n,) and sex (n,)."""
    frame = adult().to_pandas().drop(columns=["split"])
    y, sex = frame.pop("income").to_numpy().astype(bool), frame["sex"].to_numpy().astype(str)
    import pandas as pd

    return pd.get_dummies(frame).to_numpy(dtype=np.float64), y, sex


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    X, y, sex = features()
    train, fit, test = np.split(np.random.default_rng(seed).permutation(len(y))[:17_000], [5000, 7000])
    scaler = StandardScaler().fit(X[train])
    model = make_pipeline(scaler, LogisticRegression(C=0.1, max_iter=1000)).fit(X[train], y[train])
    s = model.predict_proba(X)[:, 1]
    Z = scaler.transform(X)
    fair = FairAbstainer(AbstentionRules(DemographicParity(EPS), DELTA), seed=seed)
    fair.fit(s[fit], y[fit], sex[fit], Z[fit])
    base = group_rates(y[fit], s[fit] >= 0.5, sex[fit])
    planned = group_rates(y[fit], (s[fit] >= 0.5) ^ (fair.actions_ == 1), sex[fit], fair.actions_ == 2)
    answer = fair.predict(s[test], sex[test], Z[test])
    before = group_rates(y[test], s[test] >= 0.5, sex[test])
    after = group_rates(y[test], answer == 1, sex[test], answer < 0)
    silent = np.zeros(len(test), bool)
    silent[np.argsort(np.abs(s[test] - 0.5))[: int((answer < 0).sum())]] = True
    unsure = group_rates(y[test], s[test] >= 0.5, sex[test], silent)
    gap, gap_before = largest_gap(after, "accept_rate"), largest_gap(before, "accept_rate")
    return {
        "train_gap": float(largest_gap(planned, "accept_rate") <= EPS + 1e-9),
        "train_harm": float(all(planned[g].decided_error <= base[g].decided_error + 1e-9 for g in base)),
        "gap": gap,
        "gap_baseline": gap_before,
        "gap_least_confident": largest_gap(unsure, "accept_rate"),
        "gap_reduction": 1 - gap / gap_before,
        "worst_group_gain": min(before[g].decided_error - after[g].decided_error for g in before),
        "abstention": float((answer < 0).mean()),
        "flipped": float(((answer >= 0) & ((answer == 1) != (s[test] >= 0.5))).mean()),
    }
