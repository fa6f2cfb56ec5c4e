"""Where texts may go: nowhere but this machine, unless the receiver is named."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from labelwright.errors import BadInput, quoted


def checked_host(base_url: str, send_to: str | None) -> str:
    """Return the host of an address that texts may be sent to.

    Raises
    ------
    BadInput
        When it is no http(s) address, no https though remote, or not the host that `send_to` names.

    Examples
    --------
    >>> checked_host("https://api.example.org/v1", "api.example.org")
    'api.example.org'
    """
    parts = urlsplit(base_url)
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        raise BadInput(f"{quoted(base_url)} is no address of an endpoint", fix="pass such as https://HOST/v1")
    if is_this_machine(host):
        return host
    if parts.scheme != "https":
        raise BadInput(f"{quoted(base_url)} would send texts unprotected", fix="use https")
    if send_to is None or send_to.strip().lower() != host:
        named = "nobody is named to receive them" if send_to is None else f"{quoted(send_to)} is named"
        remedy = f"name {host} as send_to (--send-to {host})"
        raise BadInput(f"texts would leave this machine for {quoted(host)}, but {named}", fix=remedy)
    return host


def is_this_machine(host: str) -> bool:
    """Whether a host is a loopback name or address.

    Examples
    --------
    >>> [is_this_machine(host) for host in ("localhost", "127.0.0.1", "::1", "localhost.example.org")]
    [True, True, True, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
