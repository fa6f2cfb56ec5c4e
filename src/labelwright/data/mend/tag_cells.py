"""How a label is written into a cell: as it is, or as several tags in the style of the column."""

from __future__ import annotations

import json

from labelwright.data.tasks import TagStyle


def written_label(label: str, like: str, style: TagStyle | None) -> str:
    """Return the text of a cell that holds `label`.

    Parameters
    ----------
    label : str
        A class, a number, or tags joined by ``|``.
    like : str
        The text of the cell now, for its style of quotes and blanks.
    style : TagStyle or None
        How the column writes tags; None for one label a row.

    Examples
    --------
    >>> written_label("red|new", "['old']", "json"), written_label("red|new", "old ; used", ";")
    ("['red', 'new']", 'red ; new')
    """
    if style is None or style in ("list", "matrix"):
        return label
    tags = label.split("|") if label else []
    if style == "json":
        return repr(tags) if "'" in like and '"' not in like else json.dumps(tags, ensure_ascii=False)
    blanks = (f" {style} ", f"{style} ")
    return next((blank for blank in blanks if blank in like), style).join(tags)
