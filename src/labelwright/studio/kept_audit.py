"""The audit of a project is kept beside its database, so that a studio that starts again need not audit again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from labelwright.audit.result_key import result_key
from labelwright.audit.run import AuditResult
from labelwright.audit.stored_result import store_result, stored_result
from labelwright.data.cache import Cache
from labelwright.facade import Audit

FOLDER = "audit"


def kept_or_run(
    audit: Audit, folder: Path, before: Callable[[], None] = lambda: None
) -> tuple[AuditResult, float | None]:
    """Return the result of an audit, and when it was found where the project kept it from an earlier start.

    Parameters
    ----------
    audit : Audit
        Where it has run already, its result is taken and kept.
    folder : Path
        Of the project. One result is kept there; it is used where data and options are the same, and only there.
    before : callable
        What is to be tried before an audit runs, which may take long.
    """
    cache, key = Cache(folder / FOLDER), result_key(audit.dataset, audit.options)
    found = stored_result(cache, key, audit.dataset, audit.options)
    if found is not None:
        return found
    before()
    result = audit.result if audit.has_run else audit.run().result
    keep(result, folder)
    return result, None


def keep(result: AuditResult, folder: Path) -> None:
    """Keep the result of an audit in the folder of its project, in place of the one that is there."""
    cache = Cache(folder / FOLDER)
    cache.clear()
    store_result(cache, result_key(result.dataset, result.options), result)
