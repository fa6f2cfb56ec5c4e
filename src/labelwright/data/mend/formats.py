"""Which format a file or folder has, opened so that decisions can be applied to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from labelwright.data.dataset import Modality, Plan, Source
from labelwright.data.identity import row_ids
from labelwright.data.infer import check_roles, find_label, infer_plan
from labelwright.data.input_columns import Asked
from labelwright.data.labels import class_order, read_classes
from labelwright.data.mend.coco import CocoFile
from labelwright.data.mend.columnar import ColumnarTable
from labelwright.data.mend.conll import ConllFile
from labelwright.data.mend.delimited import DelimitedTable
from labelwright.data.mend.folder import ImageFolder
from labelwright.data.mend.given import table_items
from labelwright.data.mend.hub_folder import HubFolder
from labelwright.data.mend.huggingface import HuggingFaceFolder
from labelwright.data.mend.jsonl import JsonLines, JsonList
from labelwright.data.mend.label_studio import LabelStudioFile
from labelwright.data.mend.labels import ClassNames, ordered
from labelwright.data.mend.masks import MaskFolder
from labelwright.data.mend.placement import FolderNames
from labelwright.data.mend.plan import Items, Mendable
from labelwright.data.mend.raw_text import RawText
from labelwright.data.mend.row_scan import RowFile
from labelwright.data.mend.yolo import YoloFolder
from labelwright.data.readers.coco import is_coco, parsed_json
from labelwright.data.readers.conll import SUFFIXES as CONLL_SUFFIXES
from labelwright.data.readers.conll import tag_column
from labelwright.data.readers.dispatch import is_delimited, is_json, read_source, reading
from labelwright.data.readers.encoded_text import find_encoding
from labelwright.data.readers.json_blocks import JsonLinesFile, is_json_list
from labelwright.data.readers.label_studio import is_label_studio
from labelwright.data.readers.places import place
from labelwright.data.readers.record_blocks import DelimitedFile
from labelwright.data.readers.yolo import YAML_NAMES, yolo_names, yolo_yaml
from labelwright.data.tasks import TagStyle, read_task
from labelwright.errors import BadInput, did_you_mean, quoted

_AS_LISTS = "store the tags of each row as a list of names"


@dataclass(frozen=True)
class MendOptions:
    """How the data are read (as in the audit, because that decides how rows are named) and how they are written.

    Parameters
    ----------
    label, id, image, task, split : str, optional
    text, feature_columns : sequence of str
    classes : path, str or sequence of str, optional
    root : path, optional
    new_classes : tuple of str
        Classes that decisions may give though no row has them.
    spreadsheet_safe : bool
        Neutralise formulas in CSV, TSV and the manifest.
    link : bool
        Hard links in place of copies of files.
    """

    label: str | None = None
    id: str | None = None
    image: str | None = None
    task: str | None = None
    split: str | None = None
    text: Sequence[str] = ()
    feature_columns: Sequence[str] = ()
    classes: str | Path | Sequence[str] | None = None
    root: Path | None = None
    new_classes: tuple[str, ...] = ()
    spreadsheet_safe: bool = False
    link: bool = False


def open_mendable(path: Path, options: MendOptions) -> Mendable:
    """Open data of any format that can be mended.

    Raises
    ------
    BadInput
        The data cannot be read, or are of a format that cannot be written back faithfully.
    """
    special = _of_parts(path, options)
    if special is not None:
        return special
    if is_delimited(path):
        with reading(path):
            return _delimited(path, None, options)
    if is_json(path):
        with reading(path):
            text = find_encoding(path)
            if not is_json_list(text):
                return _json_lines(JsonLinesFile.open(path, text), None, options)
    source = read_source(path, options.root)
    return open_source(source, plan_of(source, options), options)


def _of_parts(path: Path, options: MendOptions) -> Mendable | None:
    """Open data whose rows have parts (boxes, tokens, regions), None where they are of another kind."""
    if options.task == "segmentation":
        return MaskFolder.of(path, options.classes, options.link)
    folder = path.parent if path.name in YAML_NAMES else path
    if folder.is_dir() and (names := yolo_yaml(folder)) is not None:
        return YoloFolder(folder, yolo_names(names), options.link)
    if not path.is_file():
        return None
    suffix = path.suffix.lower()
    if suffix in CONLL_SUFFIXES or options.task == "token":
        return ConllFile(RawText.read(path), tag_column(options.label), options.new_classes)
    if suffix == ".json":
        raw = RawText.read(path)
        try:
            content = parsed_json(raw.data, path)
        except BadInput:  # one object a line, or a mistake that the reader names with its line
            return None
        if is_coco(content):
            return CocoFile(raw, options.new_classes)
        if is_label_studio(content):
            return _label_studio(raw, options)
    return None


def plan_of(source: Source, options: MendOptions) -> Plan:
    """Return what the columns are for, as an audit with the same options would see it.

    Where rows are named by a column, nothing but that and the label matters, and no other column is looked at.
    """
    if options.id is not None and options.label is not None:
        _check_columns(source.table.column_names, options.id, options.label, source.path)
        return Plan(read_task(source, options.label, options.task).task, "none", options.label, id=options.id)
    return infer_plan(
        source,
        options.label,
        task=options.task,
        text=options.text,
        image=options.image,
        feature_columns=options.feature_columns,
        id=options.id,
        split=options.split,
    )


def _check_columns(names: Sequence[str], id: str, label: str, path: Path) -> None:
    for name in (id, label):
        if name not in names:
            raise BadInput(f"there is no column {quoted(name)}", where=place(path), fix=did_you_mean(name, names))
    if id == label:
        raise BadInput(f"column {quoted(id)} is given both as label and as id", fix="give each its own")


def open_source(source: Source, plan: Plan, options: MendOptions) -> Mendable:
    """Open data that are read already."""
    if source.format == "csv":
        return _delimited(source.path, plan, options)
    if source.format not in _OPENERS:
        raise BadInput(
            f"data of the format {source.format} cannot be written back as they were",
            where=place(source.path),
            fix="save them as CSV or Parquet and name that file",
        )
    return _OPENERS[source.format](source, plan, options)


def _delimited(path: Path, plan: Plan | None, options: MendOptions) -> Mendable:
    file = DelimitedFile.open(path)
    plan = plan or _plan_of_columns(file, options)
    return DelimitedTable(file, *_asked(path, plan, options), spreadsheet_safe=options.spreadsheet_safe)


def _json_lines(file: JsonLinesFile, plan: Plan | None, options: MendOptions) -> Mendable:
    if plan is None:
        try:
            plan = _plan_of_columns(file, options)
        except BadInput:  # a key may occur further down only
            file = file.settled()
            plan = _plan_of_columns(file, options)
    return JsonLines(replace(file, spelled=True), *_asked(file.path, plan, options))


def _asked(path: Path, plan: Plan, options: MendOptions) -> tuple[Plan, str | None, Any, tuple[str, ...], Path]:
    """Return what rows of a text file are mended by."""
    return plan, options.task, read_classes(options.classes), options.new_classes, options.root or path.parent


def _plan_of_columns(file: RowFile, options: MendOptions) -> Plan:
    """Return what the columns of a text file are for, as far as it matters for the names of rows.

    With the modality ``"none"`` the image column, if there is one, is found when the rows are looked at.
    """
    names = file.names
    if options.id is not None and options.label is not None:
        _check_columns(names, options.id, options.label, file.path)
        return Plan("classification", "none", options.label, id=options.id)
    empty = pa.table({name: pa.array([], pa.string()) for name in names})
    header = Source(empty, file.path, file.format, file.path.parent)
    label, _ = find_label(header, options.label)
    asked = Asked(tuple(options.text), options.image, None, tuple(options.feature_columns))
    check_roles(header, label, asked, {"id": options.id, "split": options.split})
    modality: Modality = "text" if options.text else "table" if options.feature_columns else "none"
    return Plan(
        "classification",
        "image" if options.image else modality,
        label,
        image=options.image,
        id=options.id,
        split=options.split,
    )


def _json(source: Source, plan: Plan, options: MendOptions) -> Mendable:
    if source.line_numbers is not None:
        return _json_lines(JsonLinesFile.open(source.path), plan, options)
    items, style = table_items(source, plan, read_classes(options.classes), options.new_classes)
    return JsonList.of(source, plan.label, items, style)


def _columnar(source: Source, plan: Plan, options: MendOptions) -> Mendable:
    items, style = table_items(source, plan, read_classes(options.classes), options.new_classes)
    if style == "matrix":
        raise BadInput("labels that are a 0/1 matrix cannot be mended", where=place(source.path), fix=_AS_LISTS)
    return ColumnarTable(source, plan.label, items, style)


def _images(source: Source, plan: Plan, options: MendOptions) -> Mendable:
    given = source.table.column("label").to_pylist()
    names = read_classes(options.classes) or class_order(ordered(given))
    rule = FolderNames(ClassNames(names, options.new_classes))
    paths = source.table.column("path").to_pylist()
    return ImageFolder(source, Items(row_ids(source, plan), given, rule, called=paths), options.link)


def _label_studio(raw: RawText, options: MendOptions) -> LabelStudioFile:
    known = read_classes(options.classes) or ()
    return LabelStudioFile(raw, (*known, *options.new_classes), options.label)


def _exported(source: Source, plan: Plan, options: MendOptions) -> Mendable:
    return _label_studio(RawText.read(source.path), replace(options, label=plan.label))


def _huggingface(source: Source, plan: Plan, options: MendOptions) -> Mendable:
    return HuggingFaceFolder(*_saved(source, plan, options))


def _hub(source: Source, plan: Plan, options: MendOptions) -> Mendable:
    return HubFolder(*_saved(source, plan, options))


def _saved(source: Source, plan: Plan, options: MendOptions) -> tuple[Source, str, Items, TagStyle | None, bool]:
    items, style = table_items(source, plan, read_classes(options.classes), options.new_classes)
    return source, plan.label, items, style, options.link


_OPENERS: dict[str, Callable[[Source, Plan, MendOptions], Mendable]] = {
    "jsonl": _json,
    "parquet": _columnar,
    "arrow": _columnar,
    "image_folder": _images,
    "huggingface": _huggingface,
    "hub": _hub,
    "label_studio": _exported,
}
