"""How often a password may be tried, such that nobody can be locked out for ever by somebody else.

A try is counted before the password is looked at, so that many at once count as many. A browser in which a person has
logged in before holds a cookie that says so; it is counted on its own, and no flood of tries from elsewhere closes the
door to it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock

from sqlalchemy import Connection, insert, select

from labelwright.studio import tables as t

WINDOW = 300.0  # seconds
OF_ONE_NAME_AND_ADDRESS, OF_ONE_ADDRESS, OF_ONE_NAME, OF_ONE_BROWSER = 5, 20, 50, 10  # failures within the window
REMEMBERED = 10_000
_KEY = "browser_key"


class LoginLimits:
    """Counts the tries of the last five minutes."""

    def __init__(self) -> None:
        self._at: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = Lock()

    def begin(self, limits: Mapping[str, int]) -> bool:
        """Count one try under every key, or say that one of them had too many."""
        now = time.monotonic()
        with self._lock:
            recent = {key: [at for at in self._at.get(key, []) if at > now - WINDOW] for key in limits}
            if any(len(recent[key]) >= most for key, most in limits.items()):
                return False
            for key, tries in recent.items():
                self._at[key] = [*tries, now]
                self._at.move_to_end(key)
            while len(self._at) > REMEMBERED:
                self._at.popitem(last=False)
        return True

    def succeeded(self, keys: Iterable[str]) -> None:
        """Take one try back: the password was right. Earlier failures stay, or an own account would wipe them out."""
        with self._lock:
            for key in keys:
                if self._at.get(key):
                    self._at[key].pop()


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
    key = json.loads(connection.scalar(select(t.meta.c.value).where(t.meta.c.key == _KEY)) or '""')
    return hmac.new(str(key).encode(), f"{number}\0{name}".encode(), hashlib.sha256).hexdigest()
