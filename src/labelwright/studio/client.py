"""A running studio from Python: what is left, what was decided, and decisions of one's own. Standard library alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.cookiejar import CookieJar
from types import ModuleType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

from labelwright.errors import BadInput, LabelwrightError, quoted

Answer = Any


class StudioProblem(LabelwrightError):
    """What the studio refused, with its status; `now` says how a row stands that somebody else decided first."""

    def __init__(self, status: int, problem: str, now: Mapping[str, Any] | None = None) -> None:
        super().__init__(problem)
        self.status, self.now = status, now


class Client:
    """A visitor of a running studio.

    Parameters
    ----------
    address : str
        As the terminal shows it: ``http://127.0.0.1:8137``, or the whole link with its token, which works once.
    name, password : str, optional
        Of an account, where the studio has accounts.
    timeout : float, default 60
        Seconds that an answer may take.

    Raises
    ------
    BadInput
        Nothing answers there, or the studio lets nobody in with these.

    Examples
    --------
    >>> client = Client("https://labels.example.org", "ann", "correct horse battery")  # doctest: +SKIP
    >>> row = client.queue(limit=1)[0]  # doctest: +SKIP
    >>> event = client.decide(row, "relabel", "billing")  # doctest: +SKIP
    >>> client.undo(event)  # doctest: +SKIP
    """

    def __init__(self, address: str, name: str | None = None, password: str | None = None, *, timeout: float = 60.0):
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise BadInput(f"{quoted(address)} is no address", fix="write http://127.0.0.1:8137")
        self._origin, self._timeout, self._csrf = f"{parts.scheme}://{parts.netloc}", timeout, ""
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))
        if name is not None:
            form = urlencode({"name": name, "password": password or ""}).encode()
            self._send("POST", "/login", form, "application/x-www-form-urlencoded")
        elif parts.query:
            self._send("GET", f"{parts.path}?{parts.query}")
        try:
            me = self._ask("/api/me")
        except StudioProblem as problem:
            raise BadInput(
                f"the studio lets nobody in here ({problem})", fix="take the link of the terminal, or name and password"
            ) from None
        self._csrf, self.name, self.role = me["csrf"], me["name"], me["role"]

    def overview(self) -> dict[str, Any]:
        """Return how the project stands: noise rates, precision, progress, errors ahead, what was found."""
        return dict(self._ask("/api/overview"))

    def classes(self) -> list[str]:
        """Return the names of the classes in order."""
        return [one["name"] for one in self._ask("/api/classes")]

    def queue(self, kind: str = "review", *, limit: int = 50, after: int = 0, **only: Any) -> list[dict[str, Any]]:
        """Return rows of a queue: review, check, marked or all; `only` takes given, suggested, finding, decided."""
        asked = {"kind": kind, "limit": limit, "after": after} | {k: v for k, v in only.items() if v is not None}
        asked = {k: str(v).lower() if isinstance(v, bool) else v for k, v in asked.items()}
        return list(self._ask(f"/api/queue?{urlencode(asked)}")["rows"])

    def item(self, row: int) -> dict[str, Any]:
        """Return everything that may be told of one row."""
        return dict(self._ask(f"/api/items/{int(row)}"))

    def decide(
        self, row: int | Mapping[str, Any], verdict: str, label: Any = None, *, version: int | None = None,
        note: str | None = None,
    ) -> int:  # fmt: skip
        """Decide about one row and return the number of the event.

        Parameters
        ----------
        row : int or mapping
            Its number, or as `queue` or `item` returned it: then nobody's decision since is overwritten.
        verdict : str
            keep, relabel, reject or cannot_tell.
        label : str, list of str or float, optional
            Needed for relabel.
        version : int, optional
            Of the row as it was seen; the present one when it is left out.
        note : str, optional

        Raises
        ------
        StudioProblem
            No such class, or somebody else was faster (status 409).
        """
        if isinstance(row, Mapping):
            version = row["version"] if version is None else version
        number = int(row["row"]) if isinstance(row, Mapping) else int(row)
        if version is None:
            version = self.item(number)["version"]
        sent = {"row": number, "verdict": verdict, "label": label, "version": version, "note": note, "queue": "client"}
        return int(self._change("/api/decisions", sent)["event"])

    def undo(self, event: int) -> dict[str, Any]:
        """Take a decision of one's own back and return how the row stands."""
        return dict(self._change(f"/api/decisions/{int(event)}/undo", {})["now"])

    def undo_batch(self, batch: str) -> int:
        """Take back what one action decided and return how many rows that were."""
        return int(self._change(f"/api/batches/{quote(batch, safe='')}/undo", {})["rows"])

    def history(self, *, limit: int = 100, before: int = 0, row: int | None = None) -> list[dict[str, Any]]:
        """Return who decided what, the newest first."""
        asked = {"limit": limit, "before": before} | ({} if row is None else {"row": row})
        return list(self._ask(f"/api/history?{urlencode(asked)}"))

    def decisions(self, backend: ModuleType | None = None) -> Any:
        """Return the standing decisions as a data frame: id, decision, label, who, when, note.

        Parameters
        ----------
        backend : module, optional
            ``pandas``, ``polars`` or ``pyarrow``; a `pyarrow.Table` when left out.
        """
        import narwhals as nw
        import pyarrow as pa

        found = self._ask("/api/export/decisions")
        table = pa.table({name: pa.array(column, pa.string()) for name, column in found.items()})
        if backend is None or backend.__name__ == "pyarrow":
            return table
        columns = {name: table.column(name).to_pylist() for name in table.column_names}
        return nw.to_native(nw.from_dict(columns, {name: nw.String() for name in columns}, backend=backend))

    def _ask(self, path: str) -> Answer:
        return json.loads(self._send("GET", path))

    def _change(self, path: str, body: Mapping[str, Any]) -> Answer:
        return json.loads(self._send("POST", path, json.dumps(body).encode(), "application/json") or b"{}")

    def _send(self, method: str, path: str, body: bytes | None = None, kind: str | None = None) -> bytes:
        headers = {"Origin": self._origin, "X-CSRF-Token": self._csrf, "Accept": "application/json"}
        if kind is not None:
            headers["Content-Type"] = kind
        request = Request(self._origin + path, data=body, headers=headers, method=method)
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return bytes(answer.read())
        except HTTPError as refused:
            raise _problem(refused) from None
        except URLError as nothing:
            raise BadInput(f"no studio answers at {self._origin} ({nothing.reason})", fix="start it first") from None


def _problem(refused: HTTPError) -> StudioProblem:
    try:
        told = json.loads(refused.read())
    except ValueError:
        told = {}
    if refused.code == 401 and not told:
        return StudioProblem(401, "name and password do not fit")
    return StudioProblem(refused.code, str(told.get("problem", refused.reason)), told.get("now"))
