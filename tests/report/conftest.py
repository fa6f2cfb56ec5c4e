"""Audits made by hand, one of each kind of data, so that the report is tested without running one."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from labelwright.audit.findings import merge_scores
from labelwright.audit.noise_rate import NoiseEstimate
from labelwright.audit.options import AuditOptions
from labelwright.audit.scores import Scores
from labelwright.audit.summary import summarise
from labelwright.data.dataset import Dataset, IgnoredColumn, Plan, Source
from labelwright.evidence.space import LabelSpace
from labelwright.metrics.report import Alert, Report, ReportTable, Section


@dataclass(frozen=True)
class Result:
    """The fields of an audit's result that the report reads."""

    dataset: Dataset
    options: AuditOptions
    scores: tuple[Scores, ...]
    issues: pa.Table
    pred_probs: Any
    features: Any
    neighbors: Any
    noise: NoiseEstimate | None
    nutrition: Report | None
    notes: tuple[str, ...]
    summary: dict[str, Any]
    timings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Matrix:
    matrix: np.ndarray
    name: str = "word n-grams"


@dataclass(frozen=True)
class Near:
    indices: np.ndarray


TEXTS = (
    "The card machine charged me twice for one coffee and nobody answers the phone.",
    "How do I reset my password? The link in the mail has expired.",
    "Your new app is lovely. Thank you for the dark mode!",
    "The parcel arrived with a broken corner, I would like my money back.",
)


def png(colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (24, 24), colour).save(out, "PNG")
    return out.getvalue()


def nutrition() -> Report:
    sections = (
        Section(
            "Overview",
            scalars={"rows": 3},
            tables=(ReportTable("Badges", ("fact", "answer"), (("About people", "yes"),)),),
        ),
        Section(
            "Use cases and alerts",
            tables=(
                ReportTable(
                    "Use case × alert",
                    ("rule", "category", "triage"),
                    (("missing values", "completeness", "serious"), ("leakage", "collection process", "–")),
                ),
            ),
            alerts=(
                Alert(
                    "completeness",
                    "serious",
                    "31% of the cells of column 'age' are missing.",
                    "Statistics",
                    "Fill them in.",
                    use_cases=("triage",),
                ),
            ),
        ),
        Section(
            "Statistics",
            tables=(
                ReportTable("Missing cells", ("column", "missing, %"), (("age", 31.0),)),
                ReportTable(
                    "Nominal and ordinal columns", ("column", "most frequent"), (("city", "Oslo"),), private=True
                ),
                ReportTable(
                    "Histogram of age",
                    ("from", "to", "count"),
                    tuple((i, i + 1, i * i) for i in range(20)),
                    private=True,
                ),
            ),
            alerts=(Alert("provenance", "info", "Not answered: source.", "Provenance", "Ask."),),
        ),
    )
    return Report("Nutrition label of x", sections)


def make(
    modality: str = "text",
    n: int = 200,
    classes: tuple[str, ...] = ("billing", "account", "praise", "returns"),
    seed: int = 0,
    clean: bool = False,
    **columns: list[Any],
) -> Result:
    """Return a classification audit over `n` rows with about every tenth label wrong (none when `clean`)."""
    rng = np.random.default_rng(seed)
    k = len(classes)
    truth = rng.integers(0, k, n)
    wrong = np.zeros(n, dtype=bool) if clean or k < 2 else rng.random(n) < 0.1
    labels = np.where(wrong, (truth + 1 + rng.integers(0, max(k - 1, 1), n)) % k, truth).astype(np.int32)
    given = tuple(classes[i] for i in labels)
    data: dict[str, Any] = {"topic": list(given), "ticket": [f"T-{i:05d}" for i in range(n)]}
    if modality == "text":
        data["text"] = [f"{TEXTS[t % 4]} ({i})" for i, t in enumerate(truth)]
    elif modality == "image":
        data["picture"] = [png((40 * (t % 6), 120, int(i) % 256)) for i, t in enumerate(truth)]
    else:
        data |= {"age": rng.integers(18, 90, n).tolist(), "city": [("Oslo", "Lima", None)[i % 3] for i in range(n)]}
    data |= columns
    plan = Plan(
        "classification",
        modality,  # type: ignore[arg-type]
        "topic",
        text=("text",) if modality == "text" else (),
        image="picture" if modality == "image" else None,
        feature_columns=("age", "city") if modality == "table" else (),
        id="ticket",
        ignored=(IgnoredColumn("ticket", "every value is different"),),
    )
    dataset = Dataset(
        Source(pa.table(data), Path("tickets.csv"), "csv", Path()),
        plan,
        labels,
        given,
        LabelSpace(classes),
        np.array(data["ticket"]),
    )
    features = np.eye(k)[truth] @ rng.standard_normal((k, 12)) * 3 + rng.standard_normal((n, 12))
    return finish(dataset, truth, wrong, features.astype(np.float32), rng)


def finish(
    dataset: Dataset, truth: np.ndarray, wrong: np.ndarray, features: np.ndarray, rng: np.random.Generator
) -> Result:
    space = dataset.space
    n, k = len(dataset), len(space or ())
    suspects = np.flatnonzero(wrong)
    names = space.names if space else ()
    score = np.where(wrong, 0.1 * rng.random(n), 0.5 + 0.5 * rng.random(n))
    suggested = [names[t] if bad else None for t, bad in zip(truth, wrong, strict=True)]
    reasons = [f"Similar rows are labelled {s!r}." if s else None for s in suggested]
    scores = [
        Scores(
            "label", "row", score, wrong, np.arange(n), given=list(dataset.given), suggested=suggested, reason=reasons
        )
    ]
    if len(suspects) > 3:
        a, b = suspects[:2], suspects[2:4]
        scores.append(
            Scores(
                "near_duplicate",
                "pair",
                np.full(2, 0.1),
                np.ones(2, bool),
                a,
                b,
                reason=["The same but for a word."] * 2,
            )
        )
        scores.append(
            Scores("outlier", "row", np.full(2, 0.1), np.ones(2, bool), b, reason=["Unlike all other rows."] * 2)
        )
        scores.append(
            Scores(
                "class_name",
                "class",
                np.zeros(1),
                np.ones(1, bool),
                given=[names[0]],
                suggested=[names[-1]],
                reason=["Differ by case."],
            )
        )
        scores.append(
            Scores(
                "underperforming_group",
                "group",
                np.full(1, 0.3),
                np.ones(1, bool),
                part=["city = Oslo"],
                reason=["Accuracy 0.41 against 0.93 elsewhere."],
            )
        )
        scores.append(
            Scores(
                "null",
                "column",
                np.full(1, 0.3),
                np.ones(1, bool),
                column=["city"],
                reason=["A third of the cells are empty."],
            )
        )
        if dataset.plan.image:
            scores.append(
                Scores("dark", "row", np.full(2, 0.1), np.ones(2, bool), a, reason=["Mean brightness 0.03."] * 2)
            )
    else:
        scores.append(Scores("outlier", "row", np.ones(n), np.zeros(n, bool), np.arange(n)))
    noise = None
    if k:
        joint = np.zeros((k, k))
        np.add.at(joint, (truth, np.asarray(dataset.labels)), 1 / n)
        total = joint.sum(axis=1, keepdims=True)
        noise = NoiseEstimate(
            joint,
            np.where(total > 0, joint / np.where(total > 0, total, 1), np.eye(k)),
            float(wrong.mean()),
            float(wrong.mean() * 0.8),
            float(wrong.mean() * 1.3),
        )
    issues = merge_scores(scores, dataset.ids)
    near = (
        Near(np.argsort(((features[:, None, :4] - features[None, :, :4]) ** 2).sum(axis=2), axis=1)[:, 1:11])
        if n <= 2000
        else None
    )
    return Result(
        dataset,
        AuditOptions(),
        tuple(scores),
        issues,
        np.full((n, max(k, 1)), 1 / max(k, 1)),
        Matrix(features),
        near,
        noise,
        nutrition(),
        ("Read as UTF-8 with ',' between cells.", "Task: classification, since 'topic' holds 4 names."),
        summarise(dataset, issues, noise),
    )


@pytest.fixture(scope="session")
def audits() -> Any:
    """Return the factory of audits."""
    return make


def make_regression(n: int = 120, seed: int = 0) -> Result:
    """Return a regression audit with a few values that do not fit."""
    rng = np.random.default_rng(seed)
    value = rng.normal(50, 10, n)
    wrong = np.arange(n) % 17 == 3
    values = np.where(wrong, value * 10, value)
    given = tuple(f"{v:.2f}" for v in values)
    table = pa.table({"price": values, "size": rng.normal(size=n), "town": [("Oslo", "Lima")[i % 2] for i in range(n)]})
    plan = Plan("regression", "table", "price", feature_columns=("size", "town"))
    ids = np.array([f"hash{i}" for i in range(n)])
    dataset = Dataset(Source(table, Path("prices.csv"), "csv", Path()), plan, values, given, None, ids)
    score = np.where(wrong, 0.01, 0.9)
    scores = (
        Scores(
            "label",
            "row",
            score,
            wrong,
            np.arange(n),
            given=list(given),
            suggested=[f"{v:.2f}" for v in value],
            reason=["predicted far from it" if w else None for w in wrong],
        ),
    )
    issues = merge_scores(scores, ids)
    return Result(
        dataset,
        AuditOptions(),
        scores,
        issues,
        value,
        Matrix(rng.standard_normal((n, 4)).astype(np.float32)),
        None,
        None,
        None,
        (),
        summarise(dataset, issues, None),
    )


def make_multilabel(n: int = 120, seed: int = 0) -> Result:
    """Return a multi-label audit with some tags in doubt."""
    rng = np.random.default_rng(seed)
    names = ("urgent", "billing", "praise")
    tags = (rng.random((n, 3)) < 0.3).astype(np.int8)
    given = tuple(";".join(name for name, t in zip(names, row, strict=True) if t) or None for row in tags)
    table = pa.table({"tags": list(given), "text": [TEXTS[i % 4] for i in range(n)]})
    plan = Plan("multilabel", "text", "tags", text=("text",))
    ids = np.array([f"hash{i}" for i in range(n)])
    dataset = Dataset(Source(table, Path("tags.csv"), "csv", Path()), plan, tags, given, LabelSpace(names), ids)
    wrong = np.arange(n) % 11 == 2
    rows = np.flatnonzero(wrong)
    score = np.where(wrong, 0.1, 0.9)
    by_row = Scores(
        "label",
        "row",
        score,
        wrong,
        np.arange(n),
        given=list(given),
        reason=["tags in doubt" if w else None for w in wrong],
    )
    m = len(rows)
    parts = Scores(
        "label",
        "part",
        np.full(m, 0.1),
        np.ones(m, bool),
        rows,
        part=["urgent"] * m,
        given=["yes"] * m,
        suggested=["no"] * m,
        reason=["tag 'urgent' is given, the model says no"] * m,
    )
    issues = merge_scores((by_row, parts), ids)
    return Result(
        dataset,
        AuditOptions(),
        (by_row, parts),
        issues,
        rng.random((n, 3)),
        Matrix(rng.standard_normal((n, 4)).astype(np.float32)),
        None,
        None,
        None,
        (),
        summarise(dataset, issues, None),
    )


EVERY = {
    "text": lambda: make("text"),
    "table": lambda: make("table"),
    "image": lambda: make("image", n=60),
    "clean": lambda: make("text", clean=True),
    "one class": lambda: make("table", n=40, classes=("only",)),
    "200 classes": lambda: make("text", n=600, classes=tuple(f"class {i}" for i in range(200))),
    "hostile": lambda: make(
        "text", n=120, classes=("[/billing]", "<script>alert(1)</script>", "\x1b[31mred\u202e", "مرحبا")
    ),
    "regression": make_regression,
    "multilabel": make_multilabel,
}


@pytest.fixture(scope="session", params=list(EVERY))
def every(request: Any) -> Result:
    """Return an audit of each kind in turn."""
    return EVERY[request.param]()
