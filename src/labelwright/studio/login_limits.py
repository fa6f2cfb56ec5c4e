"""How often a password may be tried, such that nobody can be locked out for ever by somebody else.

A try is counted before the password is looked at, so that many at once count as many. A browser in which a person has
logged in before holds a cookie that says so; it is counted on its own, and no flood of tries from elsewhere closes the
door to it.

Tries are counted in the database, by hashes that nobody can read a name or an address from: every process of a studio
counts the same ones, and a new start forgives none.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import secrets
import time
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete, func, insert, or_, select

from labelwright.studio import tables as t
from labelwright.studio.database import Database

WINDOW = 300.0  # seconds
OF_ONE_NAME_AND_ADDRESS, OF_ONE_ADDRESS, OF_ONE_NAME, OF_ONE_BROWSER = 5, 20, 50, 10  # failures within the window
_KEY = "browser_key"
_L = t.login_try.c
_ONE_AFTER_THE_OTHER = select(t.meta.c.key).where(t.meta.c.key == _KEY).with_for_update()


class LoginLimits:
    """Counts the tries of the last five minutes.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, limits: Mapping[str, int]) -> bool:
        """Count one try under every key, or say that one of them had too many."""
        with self._database.look() as connection:  # a flood is turned away without writing anything
            if _too_many(connection, limits):
                return False
        now = time.time()
        with self._database.write() as connection:
            connection.execute(_ONE_AFTER_THE_OTHER)
            connection.execute(delete(t.login_try).where(or_(_L.at < now - WINDOW, _L.at > now + WINDOW)))
            if _too_many(connection, limits):
                return False
            connection.execute(insert(t.login_try), [{"key": _hidden(connection, key), "at": now} for key in limits])
        return True

    def succeeded(self, keys: Iterable[str]) -> None:
        """Take one try back: the password was right. Earlier failures stay, or an own account would wipe them out."""
        with self._database.write() as connection:
            hidden = [_hidden(connection, key) for key in keys]
            last = select(func.max(_L.id)).where(_L.key.in_(hidden)).group_by(_L.key)
            connection.execute(delete(t.login_try).where(_L.id.in_(last)))


def _too_many(connection: Connection, limits: Mapping[str, int]) -> bool:
    hidden = {_hidden(connection, key): most for key, most in limits.items()}
    counted = select(_L.key, func.count().label("tries")).where(_L.key.in_(hidden), _L.at > time.time() - WINDOW)
    return any(told.tries >= hidden[told.key] for told in connection.execute(counted.group_by(_L.key)))


def _hidden(connection: Connection, key: str) -> str:
    return hmac.new(_secret(connection), key.encode(), hashlib.sha256).hexdigest()


def limits_of(name: str, address: str, browser: str | None) -> dict[str, int]:
    """Return what a try is counted under: the known browser alone, or else name and address."""
    if browser is not None:
        return {f"browser {browser}": OF_ONE_BROWSER}
    place = network(address)
    return {
        f"both {place} {name}": OF_ONE_NAME_AND_ADDRESS,
        f"address {place}": OF_ONE_ADDRESS,
        f"name {name}": OF_ONE_NAME,
    }


def network(address: str) -> str:
    """Return what one person holds of addresses: an IPv4 address, the first half of an IPv6 address.

    Examples
    --------
    >>> network("2001:db8:1:2:3::4"), network("192.0.2.7")
    ('2001:db8:1:2::/64', '192.0.2.7')
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def new_browser(connection: Connection, name: str) -> str:
    """Return a cookie for a browser in which `name` has logged in."""
    number = secrets.token_urlsafe(12)
    return f"{number}.{_signature(connection, name, number)}"


def known_browser(connection: Connection, name: str, cookie: str | None) -> str | None:
    """Return the number of a browser in which `name` has logged in before, None for any other."""
    number, _, signature = (cookie or "").partition(".")
    if not number or not hmac.compare_digest(_signature(connection, name, number).encode(), signature.encode()):
        return None
    return number


def make_key(connection: Connection) -> None:
    """Store the key that signs those cookies where there is none yet."""
    if connection.scalar(select(t.meta.c.value).where(t.meta.c.key == _KEY)) is None:
        connection.execute(insert(t.meta).values(key=_KEY, value=json.dumps(secrets.token_hex(32))))


def _signature(connection: Connection, name: str, number: str) -> str:
    return hmac.new(_secret(connection), f"{number}\0{name}".encode(), hashlib.sha256).hexdigest()


def _secret(connection: Connection) -> bytes:
    """Return the key, which every connection reads once: it stays as long as the project."""
    known: bytes | None = connection.info.get(_KEY)
    if known is None:
        stored = connection.scalar(select(t.meta.c.value).where(t.meta.c.key == _KEY))
        if stored is None:
            raise LookupError("the project has no key for cookies")
        known = connection.info[_KEY] = str(json.loads(stored)).encode()
    return known
