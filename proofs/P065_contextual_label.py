"""P065: a seeded fault raises the matching alert for the use that it touches, and none for a use that ignores it.

Data: Adult census (15000 rows drawn with the seed), COMPAS, German credit. Each has two uses: one must treat the
groups of a protected attribute alike, the other reads other columns and watches no groups. Three faults are planted
one at a time: 80 % of the rows of one group dropped, 15 % of the labels flipped within one group, an encoded copy of
the attribute added to the columns that the first use reads. The alerts that are new against the clean run must be
exactly the matching one, for the first use alone. On the clean table at most one alert of these kinds may stand,
counted once where it touches both uses. Without use cases the report equals that of P022 behind an overview with
badges.

Source: Chmielinski et al., arXiv 2201.03954 (2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from proofs.datasets import table

from labelwright.audit.nutrition import DatasetNutritionLabel, UseCase, nutrition_label, read_table
from labelwright.audit.nutrition.answers import load_answers
from labelwright.catalogue.claims import All as AllOf
from labelwright.catalogue.claims import AtMost, Holds
from labelwright.data.crossval import out_of_fold_probs
from labelwright.data.dataset import Dataset
from labelwright.data.features import build_features
from labelwright.data.load import load_dataset
from labelwright.metrics.report import Report

DATA = ("adult", "compas", "german_credit")
BUDGET_S = 240
MOST_ROWS = 15_000
SEEDED = ("representation", "label quality", "proxy variables")
FAULTS = ("fewer rows of a group", "wrong labels in a group", "a proxy")


@dataclass(frozen=True)
class Setting:
    """One data set with its protected attribute, the group that is harmed, and the columns of the two uses."""

    label: str
    attribute: str
    group: str
    watching: tuple[str, ...]
    ignoring: tuple[str, ...]
    left_out: tuple[str, ...] = ()


SETS = {
    "adult": Setting(
        "income",
        "race",
        "Black",
        ("age", "education_num", "hours_per_week", "capital_gain", "capital_loss"),
        ("age", "workclass", "occupation"),
        ("split",),
    ),
    "compas": Setting(
        "two_year_recid",
        "race",
        "Caucasian",
        ("age", "priors_count", "juv_fel_count", "c_charge_degree"),
        ("age", "priors_count", "decile_score"),
        ("is_recid", "is_violent_recid", "event", "start", "end"),
    ),
    "german_credit": Setting(
        "bad",
        "personal_status",
        "A92",
        ("duration_months", "amount", "savings", "status", "credit_history"),
        ("duration_months", "amount", "purpose"),
    ),
}
CLAIM = AllOf(
    Holds(
        "Each seeded fault raises exactly the matching alert, for the use that it touches",
        (*(f"{name}: {fault}" for name in SETS for fault in FAULTS), "no use cases: P022 and badges"),
        seeds=3,
    ),
    *(AtMost(f"{name}: alerts of the seeded kinds when clean", 1, seeds=3, every_seed=True) for name in SETS),
)


def run(seed: int) -> dict[str, float]:
    """Return 1.0 for every statement that holds with this seed, and the alerts on the clean tables."""
    figures: dict[str, float] = {"no use cases: P022 and badges": float(_equals_first_generation(seed))}
    for name, setting in SETS.items():
        rng = np.random.default_rng(seed)
        clean = _sample(table(name).drop_columns(list(setting.left_out)), rng)
        shares = _shares(clean, setting.attribute)
        before = _alerts(_label(clean, setting, shares, seed))
        figures[f"{name}: alerts of the seeded kinds when clean"] = float(
            len({(kind, column) for kind, _, column in before if kind in SEEDED})
        )
        faults = {
            FAULTS[0]: (drop_group(clean, setting, rng), "representation", False),
            FAULTS[1]: (flip_in_group(clean, setting, rng), "label quality", False),
            FAULTS[2]: (add_proxy(clean, setting, rng), "proxy variables", True),
        }
        for fault, (faulty, category, proxy) in faults.items():
            new = _alerts(_label(faulty, setting, shares, seed, proxy=proxy)) - before
            figures[f"{name}: {fault}"] = float({(kind, case) for kind, case, _ in new} == {(category, "watching")})
    return figures


def _alerts(report: Report) -> set[tuple[str, str, str]]:
    """Return category, use and first column of every alert of a use."""
    return {(a.category, use, a.columns[0] if a.columns else "") for a in report.alerts for use in a.use_cases}


def _label(data: pa.Table, setting: Setting, shares: dict[str, float], seed: int, *, proxy: bool = False) -> Report:
    dataset = _dataset(data, setting.label)
    features = build_features(dataset, seed=seed)
    probs = out_of_fold_probs(features.matrix, dataset.labels, 2, seed=seed)
    answers = {
        "missing_codes": {"*": "?"},
        "sensitive": [setting.attribute],
        "reference_shares": {setting.attribute: shares},
    }
    columns = (*setting.watching, *(("district",) if proxy else ()))
    uses = [
        UseCase("watching", columns=columns, groups=(setting.attribute,)),
        UseCase("ignoring", columns=setting.ignoring),
    ]
    return nutrition_label(dataset, pred_probs=probs, answers=answers, use_cases=uses, seed=seed)


def _dataset(data: pa.Table, label: str) -> Dataset:
    columns = tuple(name for name in data.column_names if name != label)
    return load_dataset(data, label=label, task="classification", feature_columns=columns)


def _sample(data: pa.Table, rng: np.random.Generator) -> pa.Table:
    return data.take(np.sort(rng.choice(len(data), MOST_ROWS, replace=False))) if len(data) > MOST_ROWS else data


def _shares(data: pa.Table, attribute: str) -> dict[str, float]:
    values, counts = np.unique(np.asarray(data.column(attribute).to_pylist()), return_counts=True)
    return {str(value): float(count / len(data)) for value, count in zip(values, counts, strict=True)}


def _inside(data: pa.Table, setting: Setting) -> NDArray[np.bool_]:
    return np.array([value == setting.group for value in data.column(setting.attribute).to_pylist()])


def drop_group(data: pa.Table, setting: Setting, rng: np.random.Generator) -> pa.Table:
    """Drop 80 % of the rows of one group."""
    return data.filter(pa.array(~(_inside(data, setting) & (rng.random(len(data)) < 0.8))))


def flip_in_group(data: pa.Table, setting: Setting, rng: np.random.Generator) -> pa.Table:
    """Flip 15 % of the 0/1 labels of one group."""
    values = data.column(setting.label).to_numpy()
    chosen = _inside(data, setting) & (rng.random(len(data)) < 0.15)
    field = data.schema.field(setting.label)
    flipped = pa.array(np.where(chosen, 1 - values, values), field.type)
    return data.set_column(data.column_names.index(setting.label), field, flipped)


def add_proxy(data: pa.Table, setting: Setting, rng: np.random.Generator) -> pa.Table:
    """Add a column of codes that tells the attribute for 95 % of the rows."""
    codes = np.unique(np.asarray(data.column(setting.attribute).to_pylist()), return_inverse=True)[1]
    noise = rng.random(len(data)) < 0.05
    codes = np.where(noise, rng.integers(0, codes.max() + 1, len(data)), codes)
    return data.append_column("district", pa.array([f"D{17 + 5 * code}" for code in codes]))


def _equals_first_generation(seed: int) -> bool:
    dataset = _dataset(table("german_credit"), "bad")
    second = nutrition_label(dataset, seed=seed)
    answers = load_answers(None)
    first = DatasetNutritionLabel(answers).measure(read_table(dataset, answers, seed=seed))
    return second.sections[0].title == "Overview" and second.sections[1:] == first.sections
