"""From a file with imperfect labels to a model on disk: features, the audit's noise estimate, a method, a card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.material import METRIC, N_VOTERS
from labelwright.audit.noise_rate import NoiseEstimate, estimate_noise
from labelwright.audit.truth_model import estimate_truth
from labelwright.data.crossval import out_of_fold_probs
from labelwright.data.features import fit_features
from labelwright.data.neighbors import nearest_neighbors
from labelwright.errors import BadInput
from labelwright.evidence import Bags, Candidates, Evidence, Hard, Mixed, Reals, Tags, Votes
from labelwright.learn.choose import KINDS, Choice, choose_method
from labelwright.learn.class_support import class_notes, refuse_contradictions
from labelwright.learn.classifier import ImpreciseClassifier
from labelwright.learn.estimator import LEARNING_RATE, default_optimizer
from labelwright.learn.gathered import Gathered, LabelSources
from labelwright.learn.held_out import HeldOut, judged, judged_numbers, judged_tags, split_rows
from labelwright.learn.label_sources import gather_labels
from labelwright.learn.methods import Method, find_method
from labelwright.learn.regressor import ImpreciseRegressor
from labelwright.learn.trained_model import TaskFacts, TrainedModel, class_probs, row_hashes
from labelwright.learn.training_report import model_card
from labelwright.progress import SILENT, Progress
from labelwright.results_folder import refuse_unwritable

FEWEST_FOR_NOISE = 50  # labelled rows below which nobody can say how many are wrong
MOST_FOR_NOISE = 20_000  # rows that the estimate looks at
TAKES = {
    "labels": (Hard,),
    "candidates": (Candidates,),
    "bags": (Bags,),
    "positives": (Tags,),
    "tags": (Tags,),
    "numbers": (Reals,),
}


@dataclass(frozen=True)
class TrainOptions:
    """Settings of one training run that are not about the meaning of columns.

    Parameters
    ----------
    method : str
        ``"auto"`` or a name that `find_method` knows.
    settings : mapping
        Arguments of the method's constructor.
    epochs, batch_size, seed, jobs : int
    learning_rate : float
        Above 0.
    holdout : float
        Share of the rows held out to measure the model, in [0, 1).
    checkpoint : Path, optional
        Folder that an interrupted run goes on from.
    """

    method: str = "auto"
    settings: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 60
    batch_size: int = 64
    seed: int = 0
    jobs: int = 1
    learning_rate: float = LEARNING_RATE
    holdout: float = 0.2
    checkpoint: Path | None = None


@dataclass(frozen=True)
class Trained:
    """A model and what was said on the way."""

    model: TrainedModel
    notes: tuple[str, ...]


def check_out(folder: Path) -> None:
    """Refuse a folder for a model that is a file, cannot be written, or holds anything."""
    if folder.is_dir() and any(folder.iterdir()):
        raise BadInput("the folder is not empty", where=str(folder), fix="name a new folder with --out")
    refuse_unwritable(folder)


def train_model(
    data: str | Path,
    sources: LabelSources,
    options: TrainOptions | None = None,
    *,
    features: str | None = None,
    progress: Progress = SILENT,
    **columns: Any,
) -> Trained:
    """Train a model.

    Parameters
    ----------
    data : path
        Whatever an audit reads.
    sources : LabelSources
        Where labels stand.
    options : TrainOptions, optional
    features : str, optional
        ``"minilm"``, ``"efficientnet"`` or a file with a vector a row.
    **columns
        ``id``, ``text``, ``image``, ``feature_columns``, ``classes``, ``root``, ``sheet``: see `load_dataset`.

    Raises
    ------
    BadInput
        Data, labels, method or settings cannot be used; the message says where and how to mend it.
    """
    options = options or TrainOptions()
    method = _named_method(options)
    gathered = gather_labels(Path(data), sources, features=features, **columns)
    refuse_contradictions(gathered)
    method = _method_for_positives(method, sources)
    fitted, found = fit_features(
        gathered.dataset, spec=features, jobs=options.jobs, seed=options.seed, progress=progress
    )
    noise, why_not = audited_noise(gathered, found.matrix, options, progress)
    rows, evidence, choice = _task(gathered, method, noise, options)
    held = split_rows(evidence, rows, options.holdout, options.seed)
    training, tested = rows[~held], rows[held]
    estimator = _estimator(choice, gathered.dataset.plan.task, options, progress)
    estimator.fit(found.matrix[training], evidence.take(training))
    task = _facts(gathered, sources, evidence.take(training), training)
    measured = _measured(estimator, task, found.matrix[tested], evidence.take(tested), options.seed)
    notes = (
        *gathered.dataset.plan.notes,
        *gathered.notes,
        *found.notes,
        *([why_not] if why_not else ()),
        *class_notes(gathered),
    )
    settings = {
        **{name: getattr(options, name) for name in ("epochs", "batch_size", "learning_rate", "seed", "holdout")},
        **options.settings,
    }
    card = model_card(gathered, fitted, found, noise, choice, settings, len(training), measured)
    return Trained(TrainedModel(estimator, fitted, task, card), notes)


def _named_method(options: TrainOptions) -> Method | None:
    """Return the method that the options name, None for auto; BadInput where they cannot be."""
    if not 0 <= options.holdout < 1:
        raise BadInput(f"the held-out share is {options.holdout}", fix="choose a share of at least 0 and below 1")
    if not 0 < options.learning_rate < float("inf"):
        raise BadInput(f"the learning rate is {options.learning_rate}", fix="choose a number above 0, such as 0.001")
    method = None if options.method == "auto" else find_method(options.method)
    if method is None and options.settings:
        raise BadInput("settings are given, but no method", fix="name one: --method ELR --set lam=7")
    return method


def _estimator(
    choice: Choice, task: str, options: TrainOptions, progress: Progress
) -> ImpreciseClassifier | ImpreciseRegressor:
    kind = ImpreciseRegressor if task == "regression" else ImpreciseClassifier
    return kind(
        choice.objective,
        epochs=options.epochs,
        batch_size=options.batch_size,
        optimizer=default_optimizer(options.learning_rate),
        checkpoint=options.checkpoint,
        progress=progress,
        random_state=options.seed,
    )


def _facts(gathered: Gathered, sources: LabelSources, learned: Evidence, training: NDArray[np.int64]) -> TaskFacts:
    plan = gathered.dataset.plan
    always = isinstance(learned, Tags) and bool((learned.dense() > 0).any(axis=1).all())
    return TaskFacts(
        gathered.names,
        gathered.label,
        plan.id,
        plan.modality,
        sources.positive is not None,
        row_hashes(gathered.dataset.ids[training]),
        plan.task,
        gathered.incomplete,
        always and plan.task == "multilabel",
    )


def _method_for_positives(method: Method | None, sources: LabelSources) -> Method | None:
    if sources.positive is None:
        if method is not None and method.learns == "positives":
            raise BadInput(f"{method.name} learns from known positives", fix="name their class with --positive")
        return method
    method = method or find_method("NonNegativePU")
    if method.learns != "positives":
        raise BadInput(f"{method.name} does not learn from known positives", fix="use NonNegativePU or UnbiasedPU")
    return method


def audited_noise(
    gathered: Gathered, matrix: NDArray[np.float32], options: TrainOptions, progress: Progress
) -> tuple[NoiseEstimate | None, str | None]:
    """Return the audit's estimate of how the label column goes wrong, or why there is none."""
    if gathered.noisy is None:
        return None, None
    labels = gathered.dataset.labels
    rows = np.flatnonzero(labels >= 0)
    if len(rows) < FEWEST_FOR_NOISE or len(np.unique(labels[rows])) < 2:
        return None, f"{len(rows)} labelled rows are too few to estimate how many are wrong"
    if len(rows) > MOST_FOR_NOISE:
        rows = np.sort(np.random.default_rng(options.seed).choice(rows, MOST_FOR_NOISE, replace=False))
    x, y = matrix[rows], labels[rows]
    k = len(gathered.names)
    probs = out_of_fold_probs(x, y, k, folds=5, seed=options.seed, jobs=options.jobs, progress=progress)
    with progress.stage("noise estimate"):
        near = nearest_neighbors(x, min(N_VOTERS, len(x) - 1), metric=METRIC, jobs=options.jobs)
        truth = estimate_truth(y, probs, neighbors=near, seed=options.seed)
        return estimate_noise(y, probs, truth=truth, seed=options.seed), None


def _task(
    gathered: Gathered, method: Method | None, noise: NoiseEstimate | None, options: TrainOptions
) -> tuple[NDArray[np.int64], Evidence, Choice]:
    """Return the rows to learn from, the evidence about all rows, and the method."""
    evidence = gathered.evidence
    rows = np.arange(len(evidence))
    if method is None:
        choice = choose_method(evidence, noise, int(gathered.speaks.sum()))
        if isinstance(evidence, Mixed) and gathered.noisy is not None:
            choice = replace(choice, objective=_noisy_mixture(gathered, noise))
        method = find_method(choice.name)
    else:
        _check_fits(method, evidence)
        chosen = method.build(options.settings, noise)
        choice = Choice(chosen, method.name, f"{method.cited} was asked for by name.")
    if not method.silent and isinstance(evidence, Hard | Candidates | Tags | Reals):
        rows = np.flatnonzero(gathered.speaks)
    if not gathered.speaks.any():
        raise BadInput("no row has a label", where=gathered.dataset.source.path.name, fix="give labels or evidence")
    return rows, evidence, choice


def _noisy_mixture(gathered: Gathered, noise: NoiseEstimate | None) -> Any:
    """Return the learner of mixtures that does not trust the label column."""
    from labelwright.learn.noisy import ImpreciseLabelLearner, LearntNoise

    start = LearntNoise() if noise is None else LearntNoise(0.95 * noise.transition_matrix + 0.05 / len(noise.joint))
    return ImpreciseLabelLearner([start if i == gathered.noisy else None for i in range(len(gathered.parts))])


def _check_fits(method: Method, evidence: Evidence) -> None:
    if not isinstance(evidence, TAKES.get(method.learns, (Hard, Candidates, Bags, Votes, Mixed))):
        parts = evidence.parts if isinstance(evidence, Mixed) else (evidence,)
        said = [KINDS.get(type(part), type(part).__name__) for part in parts]
        raise BadInput(
            f"{method.name} learns from {method.learns}, and these rows have {' and '.join(said)}",
            fix="use --method auto, which takes anything",
        )


def _measured(
    estimator: ImpreciseClassifier | ImpreciseRegressor,
    task: TaskFacts,
    matrix: NDArray[np.float32],
    evidence: Evidence,
    seed: int,
) -> HeldOut | None:
    if not len(matrix) or task.positives:
        return None
    if isinstance(evidence, Reals):
        return judged_numbers(estimator.predict(matrix), evidence, seed)
    probs = class_probs(estimator, matrix, task.positives)
    if isinstance(evidence, Tags):
        return judged_tags(probs, evidence, task.incomplete, seed)
    return judged(probs, evidence)
