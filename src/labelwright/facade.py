"""The face that people use: `Audit(data, label=...).run()`, then its verdict, its issues and its report."""

from __future__ import annotations

import json as json_module
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelwright.audit.nutrition.answers import read_about
from labelwright.audit.options import AuditOptions
from labelwright.audit.run import AuditResult, run_audit
from labelwright.audit.summary import plain_lines
from labelwright.data.cache import Cache
from labelwright.data.dataset import Dataset
from labelwright.data.describe import describe
from labelwright.data.load import load_dataset
from labelwright.errors import BadInput, naming_extra
from labelwright.progress import SILENT, Progress
from labelwright.report.outputs import check_writable, write_outputs, write_report

if TYPE_CHECKING:
    from labelwright.data.mend.auto import AutoDecisions
    from labelwright.data.mend.run import Applied


class Audit:
    """Find what is wrong with the labels of a data set. Never changes a label or drops a row.

    Parameters
    ----------
    data : path or data frame
        A file or folder that labelwright reads, or a pandas, Polars or Arrow table.
    label : str, optional
        Column of labels; may be left out where the data say it (image folders, Hugging Face class labels).
    task : {"classification", "multilabel", "regression", "token", "detection", "segmentation"}, optional
        Inferred when left out, but for segmentation.
    text, feature_columns : str or sequence of str
        Columns to read as text, or to learn from as they are.
    image, id, group, split : str, optional
        Columns of image paths or bytes, of durable row names, of groups that stay in one fold, of train/test.
    features : str or Path, optional
        ``"minilm"``, ``"efficientnet"`` or a file of features.
    pred_probs : path or array of float64, shape (n, K), optional
        Out-of-sample class probabilities of your own model, each in [0, 1], rows summing to 1. For tokens one row a
        token; for masks (n, K, H, W), which may be memory-mapped, or a folder of ``.npy`` files.
    predictions : path or Boxes, optional
        Boxes that your model found: a COCO results file, or a folder of YOLO text files with confidences.
    images : path, optional
        The folder of the images that boxes or masks belong to.
    classes : str or sequence of str, optional
        Class names in order; a path of a file with one name a line, or names joined by commas.
    root : path, optional
        Images named by a column are opened only below this folder; default: the folder of the data.
    sheet : str, optional
        The sheet of a workbook; default: the first.
    about : path or mapping, optional
        YAML file or mapping with ``answers`` and ``use_cases`` for the dataset nutrition label.
    seed : int, default 0
    jobs : int, optional
        Processes; default: the cores there are. Never changes a result.

    Raises
    ------
    BadInput
        When something cannot be used; the message says where and how to mend it.

    Examples
    --------
    >>> from labelwright import Audit
    >>> frame = {"size": [1, 2, 3, 4] * 10 + [11, 12, 13, 14] * 10, "kind": ["small"] * 40 + ["large"] * 40}
    >>> frame["kind"][3] = "large"
    >>> audit = Audit(frame, label="kind").run()
    >>> audit.result.summary["n_rows"]
    80
    """

    def __init__(
        self,
        data: Any,
        *,
        label: str | None = None,
        task: str | None = None,
        text: str | Sequence[str] = (),
        image: str | None = None,
        features: str | Path | None = None,
        feature_columns: str | Sequence[str] = (),
        pred_probs: Any = None,
        predictions: Any = None,
        images: str | Path | None = None,
        classes: str | Path | Sequence[str] | None = None,
        id: str | None = None,
        group: str | None = None,
        split: str | None = None,
        root: str | Path | None = None,
        sheet: str | None = None,
        about: str | Path | Mapping[str, Any] | None = None,
        seed: int = 0,
        jobs: int | None = None,
        progress: Progress = SILENT,
        cache: Cache | None = None,
    ) -> None:
        self._native = None if isinstance(data, str | os.PathLike) else data
        self._progress, self._cache = progress, cache or Cache()
        facts = read_about(about)
        self.dataset: Dataset = load_dataset(
            data,
            label=label,
            task=task,
            text=_tuple(text),
            image=image,
            features=features,
            feature_columns=_tuple(feature_columns),
            id=id,
            group=group,
            split=split,
            classes=classes,
            root=root,
            sheet=sheet,
            images=images,
            parts=True,
        )
        if predictions is not None:
            if pred_probs is not None:
                raise BadInput("both --pred-probs and --predictions are given", fix="give one of them")
            if self.dataset.parts is None:
                raise BadInput("predictions are of boxes", fix="give probabilities of classes as --pred-probs")
            pred_probs = predictions
        self.options = AuditOptions(
            features=features,
            pred_probs=Path(pred_probs) if isinstance(pred_probs, str) else pred_probs,
            classes=classes if classes is None else self.dataset.space.names if self.dataset.space else None,
            seed=seed,
            jobs=jobs or os.cpu_count() or 1,
            answers=facts.get("answers", {}),
            use_cases=tuple(facts.get("use_cases", ())),
        )
        self._result: AuditResult | None = None

    def describe(self) -> list[str]:
        """Return what an audit would use, what it would leave out and why, and the time expected."""
        return describe(self.dataset, self.options.features, given_probs=self.options.pred_probs is not None)

    def prepare(self, folder: str | Path) -> None:
        """Make sure that results can be written to `folder` before the work starts; BadInput otherwise."""
        check_writable(Path(folder), self.dataset)

    def run(self) -> Audit:
        """Do the work and return self."""
        self._result = run_audit(self.dataset, self.options, progress=self._progress, cache=self._cache)
        return self

    @property
    def has_run(self) -> bool:
        """Whether there is a result."""
        return self._result is not None

    @property
    def result(self) -> AuditResult:
        """Everything that the audit found; BadInput before `run`."""
        if self._result is None:
            raise BadInput("this audit has not run yet", fix="call .run() first")
        return self._result

    @property
    def summary(self) -> Mapping[str, Any]:
        """The content of ``summary.json``."""
        return self.result.summary

    @property
    def issues(self) -> Any:
        """The findings as the caller's kind of data frame: pandas, Polars, or Arrow when the data came from a file."""
        return _as_kind(self.result.issues, self._native)

    def report(self, path: str | Path) -> Path:
        """Write the report as one HTML file and return its path."""
        return write_report(self.result, Path(path))

    def save(self, folder: str | Path) -> Path:
        """Write the report, the issues, the marked data and the summary into `folder` and return it."""
        return write_outputs(self.result, Path(folder))

    def suggestions(self, max_score: float) -> AutoDecisions:
        """Return the suggestions for labels that score at most `max_score` as decisions nobody has checked.

        ``.decisions`` goes to `apply`; ``.line()`` says how many of them the audit expects to be wrong.
        """
        from labelwright.data.mend.auto import take_suggestions

        return take_suggestions(self.result.issues, self.summary, max_score, self.dataset.source.path.name)

    def apply(
        self,
        decisions: Any,
        out: str | Path | None = None,
        *,
        new_classes: Sequence[str] = (),
        in_place: bool = False,
        link: bool = False,
        spreadsheet_safe: bool = False,
        dry_run: bool = False,
    ) -> Applied:
        """Make decisions true in a new copy of the data; what was not decided keeps every byte.

        Parameters
        ----------
        decisions : path, data frame or mapping of columns
            Columns ``id``, ``decision`` (keep, relabel, reject, cannot_tell), ``label``; also who, when, note.
        out : path, optional
            A new folder or file. Data in memory need none: the result is ``.frame``, of the kind that was given.
        new_classes : sequence of str
            Classes that decisions may give though no row has them.
        in_place : bool
            Move the images of a folder itself, with a journal that can be undone.
        link, spreadsheet_safe, dry_run : bool
            Hard links in place of copies; formulas in CSV neutralised; check and count only.

        Raises
        ------
        BadInput
            A decision does not fit the data; nothing was written then.
        """
        from labelwright.data.mend.datasets import apply_to_dataset
        from labelwright.data.mend.formats import MendOptions

        options = MendOptions(new_classes=_tuple(new_classes), link=link, spreadsheet_safe=spreadsheet_safe)
        target = None if out is None else Path(out)
        done = apply_to_dataset(self.dataset, decisions, target, options, in_place=in_place, dry_run=dry_run)
        return done if done.frame is None else replace(done, frame=_as_kind(done.frame, self._native))

    def review(self, project: str | Path | None = None, *, port: int = 8137, open_browser: bool = True) -> Any:
        """Look at the rows and decide, in the browser; ends when it is interrupted, and returns the decisions.

        Parameters
        ----------
        project : path, optional
            Where the decisions are kept: the same folder goes on where it was left. ``NAME-studio`` beside the data by
            default; data in memory need it named.
        port : int, default 8137
            0 takes a free one.
        open_browser : bool, default True
            Open the page; its address is printed in any case.

        Returns
        -------
        data frame
            Columns ``id``, ``decision``, ``label``, ``who``, ``when``, ``note``, as `apply` takes them.

        Raises
        ------
        BadInput
            The data have changed since the project was made, another studio works on it, or the port is taken.

        Examples
        --------
        >>> decisions = audit.review()  # doctest: +SKIP
        >>> audit.apply(decisions, "mended.csv")  # doctest: +SKIP
        """
        # By name: the studio stands on this face, so no arrow of the house may point from here to there.
        with naming_extra("a review"):
            review = import_module("labelwright.studio.review").review
        return _as_kind(review(self, project, port, open_browser=open_browser), self._native)

    def lines(
        self, *, json: bool = False, quiet: bool = False, show_text: bool = False, folder: Path | None = None
    ) -> list[str]:
        """Return what the command line prints: the verdict, the findings, and what to do next."""
        if json:
            return [json_module.dumps(self.summary)]
        return plain_lines(self.result, quiet=quiet, show_text=show_text, folder=folder)

    def __repr__(self) -> str:
        if self._result is None:
            return f"<Audit of {self.dataset.source.path.name}: {len(self.dataset)} rows, not run yet>"
        return "\n".join(plain_lines(self._result, quiet=False, show_text=False, folder=None))


def _tuple(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _as_kind(table: Any, native: Any) -> Any:
    """Turn an Arrow table into the kind of frame that `native` is."""
    kind = type(native).__module__.split(".")[0]
    if kind == "pandas":
        return table.to_pandas()
    if kind == "polars":
        import polars

        return polars.from_arrow(table)
    return table
