"""Where a webhook may go: public addresses, and the networks that a setting allows beside them.

The tables are IANA's registries of special-purpose addresses, written out: what Python's
`ipaddress` calls global differs between its releases, and has multicast among it.
https://www.iana.org/assignments/iana-ipv4-special-registry
https://www.iana.org/assignments/iana-ipv6-special-registry
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_KEPT_4: Sequence[tuple[str, str]] = (
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared, of carriers"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local, where clouds keep their metadata"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "of protocols"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "of AS112"),
    ("192.52.193.0/24", "of AMT"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "of AS112"),
    ("198.18.0.0/15", "benchmarks"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
)
_KEPT_6: Sequence[tuple[str, str]] = (
    ("2001::/23", "of protocols, Teredo among them"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "of AS112"),
    ("3fff::/20", "documentation"),
)
_PUBLIC_6 = IPv6Network("2000::/3")
"""Global unicast: whatever lies outside of it is private, local, multicast or reserved."""
_TRANSLATED = IPv6Network("64:ff9b::/96")
"""NAT64: the last 32 bits are an IPv4 address, which is reached by it (RFC 6052)."""
_FORBIDDEN_4 = [(IPv4Network(text), why) for text, why in _KEPT_4]
_FORBIDDEN_6 = [(IPv6Network(text), why) for text, why in _KEPT_6]


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return networks by their texts; raises ValueError."""
    return tuple(ip_network(text, strict=False) for text in texts)


def parse_address(text: str) -> Address:
    """Return an address by its text, without the zone that names an interface."""
    return ip_address(text.partition("%")[0])


def refusal_of(address: Address, allowed: Iterable[Network] = ()) -> str:
    """Return why nothing is sent to an address; empty where it may be.

    An address that stands for another one, IPv4 within IPv6, is judged by that.
    """
    reached = _reached(address)
    if any(_is_in(each, network) for network in allowed for each in {address, reached}):
        return ""
    if isinstance(reached, IPv4Address):
        return next((why for network, why in _FORBIDDEN_4 if reached in network), "")
    if reached not in _PUBLIC_6:
        return "not public"
    return next((why for network, why in _FORBIDDEN_6 if reached in network), "")


def _reached(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_in(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network
