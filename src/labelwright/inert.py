"""Text from data, made harmless before a person or a CI system reads it.

Class names, cell values, file names and model output may hold ANSI codes, bidirectional overrides, terminal bells or
CI commands. Whatever goes to a terminal or into a message passes through `inert` first.
"""

from __future__ import annotations

import re
import unicodedata

# C0 and C1 controls, zero-width and bidirectional marks, line and paragraph separators, tags, byte-order marks.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_CI_COMMAND = re.compile(r"(^\s*::|##\[|##vso\[)")  # runners look for the last two anywhere in a line
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _visible(match: re.Match[str]) -> str:
    char = match.group()
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _broken(match: re.Match[str]) -> str:
    mark = match.group().lstrip()
    return match.group()[: -len(mark)] + mark[0] + "\u200a" + mark[1:]


def inert(text: str) -> str:
    """Return `text` on one line with every control character made visible and no CI command in it.

    Examples
    --------
    >>> inert("\\x1b[31mred")
    '\\\\x1b[31mred'
    >>> inert("::error::x")
    ':\\u200a:error::x'
    """
    return _CI_COMMAND.sub(_broken, _UNSAFE.sub(_visible, text))


def shortened(text: str, width: int) -> str:
    """Cut `text` to `width` characters, the last being an ellipsis where something was cut."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def display_width(text: str) -> int:
    """Columns that `text` takes in a terminal (wide East Asian characters take two, combining marks none)."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)
