"""Rules from a plain YAML file, for people who do not program.

- name: asks to subscribe
  column: text
  keywords: [subscribe, my channel]
  label: spam
- {name: a link, column: text, regex: "https?://", label: spam}
- {name: long, column: length, at_least: 200, label: ham}
- name: like known spam
  column: text
  distance: ["check out my channel", "win a free phone"]
  at_most: 0.5
  label: spam
- {name: last year's model, model: models/comments, at_least: 0.9, label: spam}
- {name: asked, column: text, question: 'Does "[TEXT]" advertise something?', label: spam}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import ArrayLike

from labelwright.consensus.label_functions import LabelingFunction
from labelwright.consensus.rule_kinds import MOST_AWAY, SURE, comparison, distance, keyword, model, question, regex
from labelwright.data.language_model import LanguageModel
from labelwright.errors import BadInput, did_you_mean, listed, quoted

Models = Callable[[Path], tuple[Callable[[pa.Table], ArrayLike], Sequence[str]]]  # folder -> probabilities, classes
_NAMED = ("keywords", "regex", "distance", "model", "question")
_KEYS = {"name", "column", "label", "at_least", "at_most", *_NAMED}


def read_rules(
    path: str | Path, column: str | None = None, *, models: Models | None = None, asked: LanguageModel | None = None
) -> list[LabelingFunction]:
    """Read rules from a YAML file (see the head of this file); BadInput names the rule that is not right.

    Parameters
    ----------
    path : path
    column : str, optional
        What rules read that name no column themselves.
    models : callable, optional
        Opens the folder of a trained model that a rule names (relative to the file of rules): folder → its
        probabilities of a table, and its classes.
    asked : LanguageModel, optional
        Answers the rules that are questions.
    """
    file = Path(path)
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput("there is no such file of rules", where=str(path), fix="check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the file of rules cannot be read: {quoted(error)[1:-1]}", where=str(path)) from None
    except yaml.YAMLError as error:
        raise BadInput(f"this is no YAML: {quoted(error)[1:-1]}", where=str(path)) from None
    if not isinstance(content, list) or not content:
        raise BadInput("the file holds no list of rules", where=str(path), fix="begin each rule with '- name:'")
    return [
        _rule(entry, f"{path}, rule {i + 1}", column, file.parent, models, asked) for i, entry in enumerate(content)
    ]


def _rule(
    entry: Any, where: str, default: str | None, folder: Path, models: Models | None, asked: LanguageModel | None
) -> LabelingFunction:
    if not isinstance(entry, dict):
        raise BadInput("this rule is no list of settings", where=where, fix="give name, column, label and a condition")
    unknown = sorted(str(key) for key in set(entry) - _KEYS)
    if unknown:
        fix = did_you_mean(unknown[0], sorted(_KEYS))
        raise BadInput(f"a rule has no setting {quoted(unknown[0])}", where=where, fix=fix)
    entry = ({} if default is None else {"column": default}) | entry
    needed = ("name", "label") if "model" in entry else ("name", "column", "label")
    missing = [key for key in needed if not isinstance(entry.get(key), str)]
    if missing:
        raise BadInput(f"{listed(missing)} is missing or no text", where=where, fix="put text in quotes")
    kind = _kind(entry, where)
    try:
        if kind == "model":
            return _model_rule(entry, folder, models)
        if kind == "question":
            return _question_rule(entry, asked)
        return _plain_rule(kind, entry)
    except BadInput as error:
        raise BadInput(error.problem, where=where, fix=error.fix or "mend this rule") from None
    except (TypeError, ValueError):
        raise BadInput("a limit is no number", where=where, fix="mend this rule") from None


def _kind(entry: dict[str, Any], where: str) -> str:
    kinds = [kind for kind in _NAMED if kind in entry]
    if not kinds and {"at_least", "at_most"} & set(entry):
        return "range"
    if len(kinds) != 1:
        raise BadInput(
            "a rule needs one condition", where=where, fix=f"give one of {', '.join(_NAMED)}, or at_least and at_most"
        )
    limits = {"distance": {"at_most"}, "model": {"at_least"}, "question": {"at_least"}}.get(kinds[0], set())
    odd = sorted({"at_least", "at_most"} & set(entry) - limits)
    if odd:
        raise BadInput(
            f"a rule of {kinds[0]} has no {odd[0]}", where=where, fix="leave it out, or make two rules of this one"
        )
    return kinds[0]


def _plain_rule(kind: str, entry: dict[str, Any]) -> LabelingFunction:
    column, label, name = entry["column"], entry["label"], entry["name"]
    if kind == "keywords":
        return keyword(_texts(entry["keywords"]), column, label, name)
    if kind == "regex":
        return regex(str(entry["regex"]), column, label, name)
    if kind == "distance":
        limit = float(entry.get("at_most", MOST_AWAY))
        return distance(_texts(entry["distance"]), column, label, at_most=limit, name=name)
    low, high = float(entry.get("at_least", -np.inf)), float(entry.get("at_most", np.inf))
    return comparison(column, label, at_least=low, at_most=high, name=name)


def _model_rule(entry: dict[str, Any], folder: Path, models: Models | None) -> LabelingFunction:
    if models is None:
        raise BadInput("nothing opens models here", fix="pass models=, or use the command line")
    predict_proba, classes = models(folder / str(entry["model"]))
    at_least = float(entry.get("at_least", SURE))
    return model(predict_proba, classes, entry["label"], at_least=at_least, name=entry["name"])


def _question_rule(entry: dict[str, Any], asked: LanguageModel | None) -> LabelingFunction:
    if asked is None:
        raise BadInput("this rule asks a language model, and none is named", fix="add --llm MODEL, in Python asked=")
    at_least = float(entry.get("at_least", 0.5))
    return question(
        str(entry["question"]), asked, entry["column"], entry["label"], at_least=at_least, name=entry["name"]
    )


def _texts(given: Any) -> list[str]:
    return [str(one) for one in (given if isinstance(given, list) else [given])]
