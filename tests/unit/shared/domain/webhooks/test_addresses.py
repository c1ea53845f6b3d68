"""Where webhooks may go, held against IANA's words and against what Python's library says."""

import random
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from shared.domain.webhooks.addresses import parse_address, parse_networks, refusal_of

PUBLIC = ("93.184.215.14", "8.8.8.8", "1.1.1.1", "2606:2800:21f:cb07:6820:80da:af6b:8b2c")
PRIVATE = (
    *("127.0.0.1", "127.255.255.254", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1"),
    *("239.255.255.255", "240.0.0.1", "255.255.255.255", "192.0.0.192", "203.0.113.7"),
    *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1", "2001:db8::1"),
    *("fec0::1", "100::1", "2002:7f00:1::", "2001::1", "3fff::1", "5f00::1", "64:ff9b:1::1"),
)
HIDDEN = (
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::ffff:a00:1"),
    *("64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.1.2.3", "::127.0.0.1"),
)
"""IPv4 addresses that are not public, within IPv6."""


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_may_be_sent_to(text: str) -> None:
    assert refusal_of(parse_address(text)) == ""


@pytest.mark.parametrize("text", [*PRIVATE, *HIDDEN])
def test_all_others_are_refused_with_a_reason(text: str) -> None:
    assert refusal_of(parse_address(text)) != ""


@pytest.mark.parametrize("text", ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_an_address_that_stands_for_another_is_judged_by_that(text: str) -> None:
    assert refusal_of(parse_address(text)) == ""


def test_a_zone_does_not_hide_an_address() -> None:
    assert refusal_of(parse_address("fe80::1%eth0")) != ""


def test_networks_that_are_allowed_are_no_others() -> None:
    allowed = parse_networks(["10.1.0.0/16", "::1/128"])
    assert refusal_of(parse_address("10.1.2.3"), allowed) == ""
    assert refusal_of(parse_address("::ffff:10.1.2.3"), allowed) == ""
    assert refusal_of(parse_address("::1"), allowed) == ""
    assert refusal_of(parse_address("10.2.0.1"), allowed) != ""
    assert refusal_of(parse_address("127.0.0.1"), allowed) != ""


def test_no_address_passes_that_python_calls_private_reserved_or_multicast() -> None:
    made = random.Random(1)  # noqa: S311 - no secret
    for _ in range(20_000):
        address = _any_address(made)
        if refusal_of(address) == "":
            inner = getattr(address, "ipv4_mapped", None) or address
            if inner in _translated(address):
                inner = IPv4Address(int(address) & 0xFFFFFFFF)
            assert not inner.is_private, address
            assert not inner.is_multicast, address
            assert not inner.is_reserved or isinstance(inner, IPv6Address), address
            assert not inner.is_loopback, address
            assert not inner.is_link_local, address
            assert not inner.is_unspecified, address


def _translated(address: object) -> tuple[object, ...]:
    is_one = isinstance(address, IPv6Address) and int(address) >> 32 == 0x64FF9B << 64
    return (address,) if is_one else ()


def _any_address(made: random.Random) -> IPv4Address | IPv6Address:
    """Addresses near the edges of known networks, and anywhere."""
    near = ip_address(made.choice([*PUBLIC, *PRIVATE, *HIDDEN]))
    bits = 32 if isinstance(near, IPv4Address) else 128
    kept = made.randrange(bits + 1)
    noise = made.getrandbits(bits) >> kept
    value = int(near) ^ noise
    return IPv4Address(value) if bits == 32 else IPv6Address(value)
