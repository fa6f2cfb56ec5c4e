"""Who is at the browser: the link that the terminal prints, passwords, and the sessions that they open.

The link holds a random token that works once and becomes a cookie. The database keeps hashes of session tokens only.
"""

from __future__ import annotations

import hashlib
import secrets
import time
import unicodedata
from dataclasses import dataclass
from threading import Lock
from typing import Protocol
from weakref import WeakSet

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from labelwright.errors import BadInput, quoted
from labelwright.studio import tables as t
from labelwright.studio.database import Database, insert_row
from labelwright.studio.rights import checked_role

SESSION_SECONDS = 12 * 3600
KNOWN_SECONDS, MOST_KNOWN = 2.0, 10_000
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 1000
_ENTRY = "entry_token"
_HASHER = PasswordHasher()
_HASHING = Lock()  # one at a time in a process: it takes 64 MiB and four threads for a while
_NOBODY = _HASHER.hash(secrets.token_hex(16))  # verified for unknown names, so that they take as long as known ones


@dataclass(frozen=True)
class Visitor:
    """The person behind a request."""

    user_id: int
    name: str
    role: str
    csrf: str


class Change(Protocol):
    """A number that every process of a studio sees, and that differs after each change of sessions."""

    value: int


@dataclass
class OwnChange:
    """The number where there is one process."""

    value: int = 0


class KnownVisitors:
    """Remembers for two seconds whose session a token is, so that people at work are not looked up at every request.

    What ends sessions in one process of this studio makes all of them forget at once, by a number that they share;
    what does so elsewhere (the command line) holds after those two seconds.

    Parameters
    ----------
    change : Change, optional
        The number that all processes share.
    """

    def __init__(self, change: Change | None = None) -> None:
        self._known: dict[str, tuple[float, Visitor]] = {}
        self._change: Change = OwnChange() if change is None else change
        self._seen = self._change.value
        _OF_ALL_STUDIOS.add(self)

    def get(self, token: str | None) -> Visitor | None:
        """Return the visitor of a session that was looked up just now."""
        until, found = self._remembered().get(_hashed(token or ""), (0.0, None))
        return found if until > time.monotonic() else None

    def look_up(self, database: Database, token: str | None) -> Visitor | None:
        """Return the visitor of a session, as the database says."""
        known = self._remembered()  # what is forgotten meanwhile stays forgotten
        with database.look() as connection:
            found = visitor_of(connection, token)
        if found is not None and token is not None:
            if len(known) >= MOST_KNOWN:
                known.clear()
            known[_hashed(token)] = time.monotonic() + KNOWN_SECONDS, found
        return found

    def forget(self) -> None:
        """Look everybody up again, in every process."""
        self._change.value = secrets.randbits(63)  # not one more: two at the same moment would write the same

    def _remembered(self) -> dict[str, tuple[float, Visitor]]:
        now = self._change.value
        if now != self._seen:
            self._known, self._seen = {}, now
        return self._known


_OF_ALL_STUDIOS: WeakSet[KnownVisitors] = WeakSet()


def new_entry(connection: Connection) -> str:
    """Return a random word that lets one browser in, once; the database holds its hash, and no earlier one."""
    close_entry(connection)
    token = secrets.token_urlsafe(32)
    connection.execute(insert(t.meta).values(key=_ENTRY, value=_hashed(token)))
    return token


def close_entry(connection: Connection) -> None:
    """Let nobody in by a word."""
    connection.execute(delete(t.meta).where(t.meta.c.key == _ENTRY))


def use_entry(connection: Connection, given: str) -> bool:
    """Say whether `given` is the word that lets in; afterwards it is worth nothing, in every process."""
    used = delete(t.meta).where(t.meta.c.key == _ENTRY, t.meta.c.value == _hashed(given))
    return connection.execute(used).rowcount == 1


def open_session(connection: Connection, user_id: int) -> str:
    """Store a new session and return its token, which is kept nowhere else."""
    token, now = secrets.token_urlsafe(32), time.time()
    connection.execute(delete(t.session).where(t.session.c.seen_at < now - SESSION_SECONDS))
    row = {"token_hash": _hashed(token), "user_id": user_id, "csrf": secrets.token_urlsafe(24), "created_at": now,
           "seen_at": now}  # fmt: skip
    connection.execute(insert(t.session).values(**row))
    return token


def visitor_of(connection: Connection, token: str | None) -> Visitor | None:
    """Return who holds a session token, None when the session is unknown, over, or its account switched off."""
    if not token:
        return None
    asked = {"token": _hashed(token), "oldest": time.time() - SESSION_SECONDS}
    found = connection.execute(_VISITOR, asked).one_or_none()
    return None if found is None else Visitor(found.id, found.name, found.role, found.csrf)


_S, _U = t.session.c, t.user.c
_VISITOR = (
    select(_U.id, _U.name, _U.role, _S.csrf)
    .join(t.session, _S.user_id == _U.id)
    .where(_S.token_hash == bindparam("token"), _U.active, _S.seen_at > bindparam("oldest"))
)


def close_session(connection: Connection, token: str) -> None:
    """End a session."""
    connection.execute(delete(t.session).where(t.session.c.token_hash == _hashed(token)))


def log_in(connection: Connection, name: str, password: str) -> int | None:
    """Return the account of a name and password, None when they do not fit."""
    known = select(t.user).where(t.user.c.name == name, t.user.c.active)
    found = connection.execute(known).one_or_none() if name.isprintable() else None
    stored = found.password_hash if found is not None and found.password_hash else _NOBODY
    try:
        with _HASHING:
            _HASHER.verify(stored, password)
    except VerificationError:
        return None
    return int(found.id) if found is not None and found.password_hash else None


def add_user(connection: Connection, name: str, role: str, password: str) -> int:
    """Make an account; BadInput when the name is taken, the role unknown or the password short."""
    tidy = tidy_name(name)
    if not 1 <= len(tidy) <= 120 or not tidy.isprintable():
        raise BadInput(f"{quoted(name)} is no name for an account", fix="give 1 to 120 characters that can be seen")
    if tidy.casefold() in {known.casefold() for known in connection.scalars(select(t.user.c.name))}:
        raise BadInput(f"there is an account {quoted(tidy)}", fix="choose another name")
    row = {
        "name": tidy,
        "role": checked_role(role),
        "password_hash": hashed_password(password),
        "active": True,
        "created_at": time.time(),
    }
    return insert_row(connection, t.user, **row)


def tidy_name(name: str) -> str:
    """Return a name as accounts hold it: composed, look-alikes of one letter made that letter, no space around it.

    Examples
    --------
    >>> tidy_name(" \uff21nn ")
    'Ann'
    """
    return unicodedata.normalize("NFKC", name).strip()


def change_user(
    connection: Connection, name: str, *, role: str | None = None, password: str | None = None,
    active: bool | None = None,
) -> None:  # fmt: skip
    """Change an account and end its sessions; BadInput when there is none, or no owner would be left."""
    found = connection.execute(select(t.user).where(t.user.c.name == tidy_name(name))).one_or_none()
    if found is None:
        raise BadInput(f"there is no account {quoted(name)}", fix="labelwright studio user list")
    values: dict[str, object] = {}
    if role is not None:
        values["role"] = checked_role(role)
    if password is not None:
        values["password_hash"] = hashed_password(password)
    if active is not None:
        values["active"] = active
    loses = found.role == "owner" and (values.get("role", "owner") != "owner" or values.get("active") is False)
    if loses and not _other_owners(connection, found.id):
        raise BadInput(f"{quoted(name)} is the only owner", fix="make another owner first")
    connection.execute(update(t.user).where(t.user.c.id == found.id).values(**values))
    connection.execute(delete(t.session).where(t.session.c.user_id == found.id))
    for visitors in _OF_ALL_STUDIOS:
        visitors.forget()


def hashed_password(password: str) -> str:
    """Return the argon2 hash of a password; BadInput when it is short."""
    if len(password) < SHORTEST_PASSWORD:
        raise BadInput(
            f"the password has fewer than {SHORTEST_PASSWORD} characters", fix="take a longer one, such as four words"
        )
    if len(password) > LONGEST_PASSWORD:
        raise BadInput(f"the password has more than {LONGEST_PASSWORD} characters", fix="take a shorter one")
    with _HASHING:
        return _HASHER.hash(password)


def users(connection: Connection) -> list[dict[str, object]]:
    """Return every account without its password."""
    c = t.user.c
    query = select(c.id, c.name, c.role, c.active, c.password_hash.is_not(None).label("can_log_in")).order_by(c.id)
    return [dict(row._mapping) for row in connection.execute(query)]


def has_logins(connection: Connection) -> bool:
    """Say whether any account has a password."""
    return bool(connection.scalar(select(func.count()).where(t.user.c.password_hash.is_not(None), t.user.c.active)))


def _other_owners(connection: Connection, but: int) -> int:
    others = (t.user.c.role == "owner", t.user.c.active, t.user.c.id != but)
    return int(connection.scalar(select(func.count()).where(*others)) or 0)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
