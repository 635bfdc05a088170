"""Which addresses a webhook may go to: the public internet, and networks that the setting names.

The blocks are those of IANA's registries of special-purpose addresses (RFC 6890), written out: what
the standard library calls global has changed between releases, and once was wrong.
"""

import ipaddress
from collections.abc import Sequence
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_PUBLIC_4: Final = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; the metadata of some clouds
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the platform address of a cloud, public by number only
        "169.254.0.0/16",  # link-local; the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; the metadata of one cloud
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the broadcast address
    )
)
# All that is not handed out for global unicast is refused as a whole: loopback, unique local
# (fc00::/7), link-local, site-local, multicast, and the local prefix of NAT64 among it.
_PUBLIC_6: Final = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6: Final = tuple(
    ipaddress.IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries any IPv4 address
        "3fff::/20",  # documentation
    )
)
# Behind these two an IPv4 address is meant, and that one is looked at.
_CARRIES_4: Final = (
    ipaddress.IPv6Network("::ffff:0:0/96"),  # mapped
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64
)


def allowed(address: Address, networks: Sequence[Network] = ()) -> bool:
    """Tell whether a request may be sent to an address; ``networks`` are allowed besides."""
    meant = _meant(address)
    return any(meant in network for network in networks) or _is_public(meant)


def _meant(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv6Address):
        for block in _CARRIES_4:
            if address in block:
                return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in block for block in _NOT_PUBLIC_4)
    # A zone names a link of this machine, whatever the number before it.
    if address.scope_id is not None or address not in _PUBLIC_6:
        return False
    return not any(address in block for block in _NOT_PUBLIC_6)
