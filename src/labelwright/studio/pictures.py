"""Images of rows for the browser: decoded with care, drawn anew as PNG, without metadata."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from labelwright.audit.run import AuditResult
from labelwright.data.images import ImageRows, UnreadableImage
from labelwright.errors import BadInput

KEPT = 256  # pictures in memory


class Pictures:
    """The images of an audited data set; the last few stay in memory."""

    def __init__(self, audit: AuditResult) -> None:
        dataset = audit.dataset
        self._rows = None if dataset.plan.image is None else ImageRows(dataset, dataset.plan.image)
        self._kept: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._lock = Lock()

    def png(self, row: int, size: int) -> bytes:
        """Return a PNG of at most `size` pixels on the longer side; BadInput when there is none to show."""
        if self._rows is None or not 0 <= row < len(self._rows):
            raise BadInput("this row has no image")
        with self._lock:
            if (row, size) in self._kept:
                self._kept.move_to_end((row, size))
                return self._kept[row, size]
        try:
            drawn = self._rows.thumbnail_png(row, size)
        except UnreadableImage as unreadable:
            raise BadInput(f"the image cannot be read: {unreadable.problem}") from None
        with self._lock:
            self._kept[row, size] = drawn
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return drawn
