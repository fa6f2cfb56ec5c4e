"""P119: the effect is found although the instrument moves the outcome itself; selection avoids a bad learner.

Simulated (X in R^2, U confounds, Z has a direct effect; true average effect 1), n = 20,000, eight draws a seed: bias,
spread and coverage of InvalidIVATE with logistic pi and p, quadratic m, linear delta and omega, against Wald and least
squares on A, Z and X. With p constant in each arm {pi, delta, b} remains. With a constant learner beside the right one
in every block, how often the chosen combination has none of the constant ones (four draws a seed). The 401(k) table
(participation, eligibility as instrument, net financial assets) is one-sided: the warning must come; its estimate is
stored and decides nothing.

Source: Sun, Cui, Tchetgen Tchetgen, Selective machine learning of the average treatment effect with an invalid
instrumental variable, JMLR 2022.
"""

from __future__ import annotations

import warnings

import numpy as np
from proofs.datasets import pension401k

from labelwright.catalogue.claims import All, AtLeast, AtMost, Holds
from labelwright.decide import (
    ConstantMean,
    InvalidIVATE,
    LogisticMean,
    PolynomialMean,
    VarianceInteraction,
    simulate_invalid_iv,
)
from labelwright.decide.invalid_iv import InvalidIVData

DATA = ("pension401k",)
SEEDS, DRAWS, CHOICES, N = 5, 8, 4, 20_000
BUDGET_S = 180
CLAIM = All(
    AtMost("bias", 0.1, seeds=SEEDS, statement="the mean estimate is within 0.1 of the truth"),
    AtLeast("coverage", 0.85, seeds=SEEDS, statement="the 95 % interval holds the truth in at least 85 % of 40 draws"),
    AtLeast("wald_bias", 0.15, seeds=SEEDS, every_seed=True),
    AtLeast("least_squares_bias", 0.15, seeds=SEEDS, every_seed=True),
    AtMost("constant_p_bias", 0.15, seeds=SEEDS, statement="with p constant in each arm the bias stays under 0.15"),
    AtLeast("avoided", 0.8, seeds=SEEDS, statement="selection avoids every constant learner in at least 80 % of draws"),
    Holds("401(k): participation without eligibility does not exist, and the warning says so", ("warned",), SEEDS),
)


def wald(data: InvalidIVData) -> float:
    """Return the instrumental-variable estimate that trusts the exclusion restriction."""
    one, zero = data.z == 1, data.z == 0
    return float((data.y[one].mean() - data.y[zero].mean()) / (data.a[one].mean() - data.a[zero].mean()))


def least_squares(data: InvalidIVData) -> float:
    """Return the coefficient of the treatment beside instrument and covariates."""
    columns = np.c_[data.a, data.z, data.X, np.ones(len(data.y))]
    return float(np.linalg.lstsq(columns, data.y, rcond=None)[0][0])


def pensions(seed: int) -> dict[str, float]:
    """Estimate the effect of taking part on net financial assets, in dollars."""
    frame = pension401k().to_pandas()
    columns = ["age", "inc", "educ", "fsize", "marr", "twoearn", "db", "pira", "hown"]
    X = frame[columns].to_numpy(dtype=np.float64)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        fitted = InvalidIVATE(m=[PolynomialMean(2)], seed=seed).fit(frame["net_tfa"], frame["p401"], frame["e401"], X)
    one_sided = any("never changes" in str(warning.message) for warning in said)
    return {"warned": float(one_sided), "pension_effect": fitted.ate_, "pension_se": fitted.se_}


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    draws = [simulate_invalid_iv(N, seed=1000 * seed + i) for i in range(DRAWS)]
    fits = [InvalidIVATE(seed=seed).fit(d.y, d.a, d.z, d.X) for d in draws]
    constant = [InvalidIVATE(p=[ConstantMean()], seed=seed).fit(d.y, d.a, d.z, d.X).ate_ for d in draws]
    choosing = InvalidIVATE(
        pi=[ConstantMean(), LogisticMean()],
        p=[ConstantMean(), LogisticMean()],
        m=[ConstantMean(), PolynomialMean(2)],
        effect=[VarianceInteraction(0), VarianceInteraction(1)],
        seed=seed,
    )
    chosen = [choosing.fit(d.y, d.a, d.z, d.X).chosen_ for d in draws[:CHOICES]]
    estimates = np.array([fit.ate_ for fit in fits])
    return pensions(seed) | {
        "estimate": float(estimates.mean()),
        "spread": float(estimates.std(ddof=1)),
        "se": float(np.mean([fit.se_ for fit in fits])),
        "coverage": float(np.mean([1.0 in fit.interval_ for fit in fits])),
        "bias": abs(float(estimates.mean()) - 1),
        "wald_bias": abs(float(np.mean([wald(d) for d in draws])) - 1),
        "least_squares_bias": abs(float(np.mean([least_squares(d) for d in draws])) - 1),
        "constant_p_bias": abs(float(np.mean(constant)) - 1),
        "avoided": float(np.mean([all(choice) for choice in chosen])),
        "avoided_a_block": float(np.mean(chosen)),
    }
