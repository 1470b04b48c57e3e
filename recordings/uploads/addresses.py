"""Which addresses on the web this site fetches from: their shape, and where they lead.

An owner's address makes the site itself connect, from inside its network. So a name is judged by
what it leads to, all of it, and again by what was really connected to; a name the administrator
gave in IMPORT_ALLOWED_HOSTS is let through wherever it leads.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from django.conf import settings

from recordings.processing.exceptions import MediaError

LONGEST: Final = 2000  # characters of an address
PORTS: Final = {"http": 80, "https": 443}
UNPRIVILEGED: Final = 1024  # below are mail, shells, directories: nothing that serves recordings
PLAIN: Final = "%/:@!$&'()*+,;=~"  # stand for themselves in a path, as letters and digits do

UNICAST_V6: Final = ip_network("2000::/3")  # all of IPv6 that is given out to the public
NAT64: Final = ip_network("64:ff9b::/96")  # an IPv4 address in the last 32 bits
# What is not public though not every Python says so in `is_global`: protocol assignments (Teredo
# among them), both ends of 6to4, documentation, and a cloud's own machine for those inside it.
SPECIAL: Final = tuple(
    ip_network(network)
    for network in (
        "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32",
        "2001::/23", "2002::/16", "2001:db8::/32", "3fff::/20",
    )
)  # fmt: skip


class AddressRefused(MediaError):
    """This site does not fetch from there; says why, and nothing of what is there."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address that can be asked for: host in ASCII without brackets, target quoted."""

    scheme: str
    host: str
    port: int
    target: str  # path and query
    is_given: bool = True  # by the owner himself; else a server said it

    @property
    def server(self) -> str:
        """What to call it in a sentence: where else a server leads may be nobody's business."""
        return self.host if self.is_given else "The server that this address leads on to"

    @property
    def authority(self) -> str:
        """Host and port as they stand in an address and in the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def follow(self, location: str) -> Address:
        """Read where a redirect leads; many a server forgets to quote. Raises AddressRefused."""
        here, location = f"{self.scheme}://{self.authority}{self.target}", location.strip()
        try:
            there = parse(urljoin(here, location.replace(" ", "%20")))
        except ValueError as error:
            raise AddressRefused(_NO_ADDRESS) from error
        if self.scheme == "https" and there.scheme == "http":
            raise AddressRefused(
                "The server leads from https to plain http, where anybody on the way could change "
                "the file: give the address of the file itself."
            )
        return replace(there, is_given=False)


_NO_ADDRESS: Final = (
    "This is no address of a file on the web: give one such as https://media.example.org/talk.mp4."
)


def parse(text: str) -> Address:
    """Take an address apart. Raises AddressRefused where its shape alone is wrong."""
    text = text.strip()
    if len(text) > LONGEST:
        raise AddressRefused(f"An address may have at most {LONGEST} characters.")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:  # brackets, or a port that is none
        raise AddressRefused(_NO_ADDRESS) from error
    if parts.scheme not in PORTS:
        raise AddressRefused("Only addresses that begin with https:// or http:// can be fetched.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused(
            "Leave user name and password out of the address: they would be kept and shown."
        )
    if re.search(r"[\x00-\x20\x7f\ud800-\udfff]", text) or port == 0:
        raise AddressRefused(_NO_ADDRESS)
    target = quote(parts.path or "/", safe=PLAIN)
    if parts.query:
        target += "?" + quote(parts.query, safe=PLAIN + "?")
    return Address(parts.scheme, _ascii(host), port or PORTS[parts.scheme], target)


def _ascii(host: str) -> str:
    """Bring a host to the form that names are asked for in."""
    try:
        if ":" in host:  # an IPv6 address, which stood in brackets
            return str(ip_address(host))
        name = host.rstrip(".").encode("idna").decode()
    except ValueError as error:
        raise AddressRefused(_NO_ADDRESS) from error
    if not re.fullmatch(r"[a-z0-9_.-]+", name):
        raise AddressRefused(_NO_ADDRESS)
    return name


def check(address: Address, found: Collection[str]) -> None:
    """Refuse what may not be connected to. `found` is all that the host leads to.

    Raises AddressRefused, with the same sentence whatever it leads to.
    """
    if is_named(address):
        return
    if address.port < UNPRIVILEGED and address.port not in PORTS.values():
        raise AddressRefused(f"Port {address.port} is not one that files are served from.")
    if not all(map(_may_be_reached, found)):
        raise AddressRefused(
            f"{address.server} is not on the public internet, and this site fetches from nowhere "
            "else: upload the file, or ask the administrator."
        )


def check_shape(text: str) -> Address:
    """Say what can be said of an address without asking anybody. Raises AddressRefused."""
    address = parse(text)
    try:
        ip_address(address.host)
    except ValueError:  # a name: what it leads to is seen when it is fetched
        check(address, [])
    else:
        check(address, [address.host])
    return address


def is_named(address: Address) -> bool:
    """Tell whether the administrator named this host, as it is written in the address."""
    hosts = (urlsplit(f"//{one}") for one in settings.IMPORT_ALLOWED_HOSTS if "/" not in one)
    return any(
        _ascii(one.hostname or "") == address.host and one.port in {None, address.port}
        for one in hosts
    )


def _may_be_reached(text: str) -> bool:
    if "%" in text:  # bound to one of our own networks
        return False
    ip = ip_address(text)
    return is_public(ip) or any(
        ip in ip_network(one) for one in settings.IMPORT_ALLOWED_HOSTS if "/" in one
    )


def is_public(ip: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address belongs to the public internet, whatever it is wrapped in."""
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(ip.ipv4_mapped)
        if ip in NAT64:
            return is_public(IPv4Address(int(ip) & 0xFFFFFFFF))
        if ip not in UNICAST_V6:
            return False
    special = ip.is_multicast or ip.is_reserved or any(ip in network for network in SPECIAL)
    return ip.is_global and not special
