"""The measures that there are: which question each answers, what it takes and where it stands.

A measure is an object whose ``measure(...)`` returns a `Report`. The command line has one subcommand for each entry.
"""

from __future__ import annotations

import json as json_module
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from labelwright.errors import BadInput, did_you_mean, quoted


@dataclass(frozen=True)
class MeasureEntry:
    """One measure.

    Parameters
    ----------
    name : str
        Of the subcommand of ``labelwright measure``.
    question : str
        What it answers, one plain question.
    inputs : str
        What it is given, in plain words.
    where : str
        ``module:Class`` of the object with ``measure``.
    paper : str
        The row of the catalogue.
    """

    name: str
    question: str
    inputs: str
    where: str
    paper: str

    def load(self) -> type[Any]:
        """Return the class of the measure."""
        module, _, name = self.where.partition(":")
        found: type[Any] = getattr(import_module(module), name)
        return found


MEASURES: tuple[MeasureEntry, ...] = (
    MeasureEntry(
        "judges",
        "Which labels does a panel of judges doubt, and how often is such a doubt right?",
        "labelled rows; probabilities of judges, class descriptions or a language model; rows that people checked",
        "labelwright.audit.judged_labels:JudgedLabels",
        "P188",
    ),
    MeasureEntry(
        "intrinsic",
        "How hard are the data to learn, and which close rows carry different labels?",
        "labelled rows",
        "labelwright.audit.intrinsic_properties:IntrinsicProperties",
        "P001",
    ),
    MeasureEntry(
        "outlines",
        "Who draws outlines well, and where is the merged drawing likely wrong?",
        "folders of masks, one a person; reference masks of some tasks",
        "labelwright.audit.outlines:OutlineQuality",
        "P003",
    ),
    MeasureEntry(
        "mistakes",
        "Which of a model's mistakes are real, how bad are they, and of what kind?",
        "labelled rows; predictions of models; people's votes or acceptable labels; a class hierarchy",
        "labelwright.audit.mistake_analysis:MistakeAnalysis",
        "P023",
    ),
    MeasureEntry(
        "instructions",
        "Which examples and words teach a person the classes?",
        "labelled rows; texts that may stand in the sheet",
        "labelwright.audit.instruction_sheet:InstructionSheet",
        "P092",
    ),
    MeasureEntry(
        "benchmark-stability",
        "Does the ranking of models survive the correction of the test labels?",
        "a labelled test set, votes of reviewers, predictions of several models",
        "labelwright.audit.benchmark_review:BenchmarkReview",
        "P016",
    ),
    MeasureEntry(
        "disclosures",
        "Where do privacy labels and the policies of the same products part ways?",
        "declared practices; policy texts; what people read in some of them; a second label",
        "labelwright.audit.privacy_labels:PrivacyLabels",
        "P060",
    ),
    MeasureEntry(
        "multilabel-test",
        "How good are models on items with several right answers, and what is a drop in accuracy made of?",
        "a test set, votes of people, probabilities of several models",
        "labelwright.audit.multilabel_test:MultiLabelTest",
        "P011",
    ),
    MeasureEntry(
        "critic",
        "Which of several masks should be kept for each image, and which must a person see?",
        "images or volumes; folders of masks; some good masks or a vision model",
        "labelwright.audit.mask_choice:LabelCritic",
        "P004",
    ),
    MeasureEntry(
        "label-uncertainty",
        "How unsure are people of the labels, and do models err where people do?",
        "labelled rows; votes or soft labels of people; predictions of models",
        "labelwright.audit.uncertain_labels:UncertainLabels",
        "P103",
    ),
    MeasureEntry(
        "regions",
        "How often does a training crop show another class than the one label of its image?",
        "label maps, or features and the head of a classifier; labels",
        "labelwright.audit.region_labels:RegionLabels",
        "P019",
    ),
    MeasureEntry(
        "identifiability",
        "How many labels an item does it take to know the noise, and do these votes have so many?",
        "votes of several people, as labelwright aggregate takes them",
        "labelwright.audit.noise_identifiability:NoiseIdentifiability",
        "P125",
    ),
)


def find_measure(name: str) -> MeasureEntry:
    """Return the measure of that name; BadInput names the nearest ones."""
    for entry in MEASURES:
        if entry.name == name:
            return entry
    raise BadInput(f"there is no measure {quoted(name)}", fix=did_you_mean(name, [entry.name for entry in MEASURES]))


def measure_list_lines(*, json: bool = False) -> list[str]:
    """Return the list of measures for a terminal: the question, and the command that answers it."""
    if json:
        return [json_module.dumps([asdict(entry) for entry in MEASURES])]
    lines = ["A measure answers one question about labels and writes a report."]
    for entry in MEASURES:
        lines += ["", entry.question, f"  labelwright measure {entry.name}", f"  takes {entry.inputs} [{entry.paper}]"]
    return [*lines, "", "Next: labelwright measure NAME --help says what to give."]
