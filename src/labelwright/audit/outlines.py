"""The measure of [P003]: who draws well, what they draw together, and where the merged drawing is likely wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.annotator_quality import AnnotatorScorecard, ConsensusMap, weighted_consensus_map
from labelwright.audit.mask_quality import mask_quality_score
from labelwright.audit.measure_outputs import png_picture
from labelwright.errors import BadInput
from labelwright.metrics.numerals import percent
from labelwright.metrics.report import Alert, Picture, Plot, Report, ReportTable, Section, TableRows
from labelwright.progress import SILENT, Progress

Objects = NDArray[np.int64]
MOST_PICTURES = 8


class OutlineQuality:
    """Scores annotators on reference tasks and merges their drawings, weighted by those scores [P003].

    Parameters
    ----------
    buffer : float, default 3.0
        Pixels that an outline may lie beside the reference outline.
    pass_mark : float, default 0.65
        Mean Q over the last ten reference tasks from which an annotator is trusted, in [0, 1].

    Attributes
    ----------
    consensus_ : dict of task to ConsensusMap, after `measure`
    cards_ : dict of annotator to AnnotatorScorecard, after `measure`
    """

    def __init__(self, buffer: float = 3.0, pass_mark: float = 0.65) -> None:
        if not 0 <= pass_mark <= 1 or not buffer >= 0:
            raise BadInput(f"pass_mark is {pass_mark}, buffer {buffer}", fix="give a mark in [0, 1] and a width ≥ 0")
        self.buffer, self.pass_mark = buffer, pass_mark

    def measure(
        self,
        references: Mapping[str, Objects],
        drawings: Mapping[str, Mapping[str, Objects]],
        unsure: Mapping[str, Mapping[str, NDArray[np.bool_]]] | None = None,
        progress: Progress = SILENT,
    ) -> Report:
        """Return the report.

        Parameters
        ----------
        references : mapping of task to int (H, W)
            0 = background, else the number of an object. May be empty: then all annotators count alike.
        drawings : mapping of annotator to mapping of task to int (H, W)
            Who has no entry for a task did not do it; who drew nothing has zeros.
        unsure : mapping of annotator to mapping of task to bool (H, W), optional
            Pixels that the annotator marked as perhaps an object.
        """
        if not drawings:
            raise BadInput("no annotator has drawn anything", fix="give a folder of masks a person")
        self.cards_ = {who: AnnotatorScorecard() for who in drawings}
        with progress.stage("scores", len(drawings)) as advance:
            for who, tasks in drawings.items():
                for task in (task for task in tasks if task in references):
                    self.cards_[who].add(mask_quality_score(references[task], tasks[task], buffer=self.buffer))
                advance(1)
        names = list(dict.fromkeys(task for tasks in drawings.values() for task in tasks))
        with progress.stage("consensus", len(names)) as advance:
            self.consensus_ = {}
            for task in names:
                self.consensus_[task] = self._merged(task, drawings, unsure or {})
                advance(1)
        return self._report(references, drawings)

    def _merged(
        self,
        task: str,
        drawings: Mapping[str, Mapping[str, Objects]],
        unsure: Mapping[str, Mapping[str, NDArray[np.bool_]]],
    ) -> ConsensusMap:
        who = [name for name, tasks in drawings.items() if task in tasks]
        shapes = {drawings[name][task].shape for name in who}
        if len(shapes) > 1:
            raise BadInput(f"task {task!r} is drawn on grids {sorted(shapes)}", fix="draw each task on one grid")
        maps = np.stack([(drawings[name][task] > 0).astype(np.float64) for name in who])
        for layer, name in zip(maps, who, strict=True):
            # A certain object stays certain: each annotator counts once a pixel.
            perhaps = unsure.get(name, {}).get(task)
            if perhaps is not None:
                layer[perhaps & (layer == 0)] = 0.5
        cards = [self.cards_[name] for name in who]
        return weighted_consensus_map(maps, cards if any(card.qualities for card in cards) else None)

    def _report(self, references: Mapping[str, Objects], drawings: Mapping[str, Mapping[str, Objects]]) -> Report:
        order = sorted(self.consensus_, key=lambda task: (-self.consensus_[task].mean_risk, task))
        merged = [task for task in order if sum(task in tasks for tasks in drawings.values()) > 1]
        tested = {who: card for who, card in self.cards_.items() if card.qualities}
        distrusted = sorted(who for who, card in tested.items() if not card.trusted(self.pass_mark))
        risk = float(np.mean([self.consensus_[task].mean_risk for task in merged])) if merged else None
        return Report(
            "Who draws well, and where the merged drawing is likely wrong",
            (
                _people_section(self.cards_, drawings, self.pass_mark, distrusted),
                _parts_section(tested),
                _risk_section(merged, self.consensus_, drawings),
            ),
            _verdict(len(drawings), tested, distrusted, risk, len(merged)),
            {
                "annotators": len(drawings),
                "tasks": len(self.consensus_),
                "tasks with a reference": len(set(references) & set(self.consensus_)),
                "mean risk": None if risk is None else percent(risk),
                "not trusted": len(distrusted),
            },
            _steps(tested, distrusted, merged),
        )


def _people_section(
    cards: Mapping[str, AnnotatorScorecard],
    drawings: Mapping[str, Mapping[str, Objects]],
    pass_mark: float,
    distrusted: Sequence[str],
) -> Section:
    order = sorted(cards, key=lambda who: (not cards[who].qualities, -np.nan_to_num(cards[who].score), who))
    rows: TableRows = tuple(
        (
            who,
            *((round(v, 4) if card.qualities else None) for v in (card.score, card.field_skill, card.nofield_skill)),
            len(card.qualities),
            len(drawings[who]),
            ("yes" if card.trusted(pass_mark) else "no") if card.qualities else "not tested",
            card.gold_share(pass_mark),
        )
        for who in order
        for card in (cards[who],)
    )
    columns = ("annotator", "score", "finds objects", "leaves background", "reference tasks", "tasks", "trusted")
    table = ReportTable(
        "Score of each annotator",
        (*columns, "reference tasks to mix in"),
        rows,
        plot=Plot("bars", ("score",), unit="share"),
        file="annotators.csv",
        people="annotator",
    )
    alerts = tuple(
        Alert(
            "annotators",
            "caution",
            f"{who} scores below the pass mark of {pass_mark:g} on the last reference tasks.",
            mitigation="Show this person the reference drawings, and serve one reference task in ten.",
        )
        for who in distrusted
    )
    return Section(
        "The annotators",
        "Score: 55 % right pixels, 22.5 % objects that match one reference object, 10 % outlines near the reference, "
        "12.5 % right class.",
        tables=(table,),
        alerts=alerts,
    )


def _parts_section(tested: Mapping[str, AnnotatorScorecard]) -> Section:
    parts = ("area", "fragmentation", "edge", "categorical")
    rows: TableRows = tuple(
        (who, *(round(float(np.mean([getattr(q, part) for q in card.qualities])), 4) for part in parts))
        for who, card in sorted(tested.items())
    )
    titles = ("right pixels", "matched objects", "outlines", "class")
    plot = Plot("heat", titles, unit="share")
    return Section(
        "What each does well",
        "Low matched objects with high right pixels: objects are merged or split. Low outlines: sloppy edges.",
        tables=(ReportTable("Parts of the score", ("annotator", *titles), rows, plot=plot, people="annotator"),),
    )


def _risk_section(
    merged: Sequence[str], maps: Mapping[str, ConsensusMap], drawings: Mapping[str, Mapping[str, Objects]]
) -> Section:
    rows: TableRows = tuple(
        (
            task,
            round(maps[task].mean_risk, 4),
            round(maps[task].risky_share, 4),
            sum(task in tasks for tasks in drawings.values()),
        )
        for task in merged
    )
    columns = ("task", "mean risk", "pixels with risk above 0.34", "annotators")
    pictures = tuple(
        Picture(f"{task}: probability of an object, then risk (white = high)", png_picture(_side_by_side(maps[task])))
        for task in merged[:MOST_PICTURES]
    )
    return Section(
        "Where the merged drawing is likely wrong",
        "Risk is the weight of those who disagree with the merged map at a pixel. It says where to look first; how "
        "many pixels are wrong it overstates. A task is listed when two or more people drew it.",
        tables=(ReportTable("Tasks by risk", columns, rows, private=True, file="tasks.csv"),),
        pictures=pictures,
    )


def _side_by_side(merged: ConsensusMap) -> NDArray[np.uint8]:
    gap = np.full((merged.risk.shape[0], max(merged.risk.shape[1] // 20, 2)), 128.0)
    both = np.concatenate([255 * merged.probability, gap, 510 * merged.risk], axis=1)
    return np.round(both).astype(np.uint8)


def _verdict(
    people: int, tested: Mapping[str, AnnotatorScorecard], distrusted: Sequence[str], risk: float | None, merged: int
) -> str:
    if not tested:
        head = f"None of {people} annotators did a reference task, so all count alike."
    else:
        best = max(tested, key=lambda who: tested[who].score)
        worst = min(tested, key=lambda who: tested[who].score)
        head = (
            f"Scores run from {tested[worst].score:.2f} ({worst}) to {tested[best].score:.2f} ({best}); "
            f"{len(distrusted)} of {len(tested)} tested annotators fall below the pass mark."
        )
    if risk is None or math.isnan(risk):
        return f"{head} No task was drawn by two people, so nothing can be merged."
    return f"{head} The mean risk over {merged} merged {'task' if merged == 1 else 'tasks'} is {percent(risk)}."


def _steps(
    tested: Mapping[str, AnnotatorScorecard], distrusted: Sequence[str], merged: Sequence[str]
) -> tuple[str, ...]:
    steps = []
    if not tested:
        steps.append("Draw reference masks for a few tasks that everybody did, and give their folder with --reference")
    if distrusted:
        steps.append(f"Retrain {', '.join(distrusted[:5])} before they draw more")
    if merged:
        steps.append(f"Let a supervisor look at the riskiest tasks first: {', '.join(merged[:3])}")
        steps.append("Train on the merged maps of consensus.npz, with 1 - risk as the weight of a pixel")
    else:
        steps.append("Have each task drawn by three people")
    return tuple(steps)
