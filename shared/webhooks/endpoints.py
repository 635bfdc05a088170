"""The address of a receiver, as far as it can be judged before anybody is asked for its name."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.errors import Invalid
from shared.webhooks.addresses import Network, allowed

LENGTH_MAX: Final = 2_000
HOST_LENGTH_MAX: Final = 253
PORT_FREE: Final = 1_024
PORT_MAX: Final = 65_535
_STANDARD: Final = {"http": 80, "https": 443}

# One strict form, so that no two readers of an address can disagree about its host: no user
# information, no backslash, no fragment, no space, nothing that is not ASCII.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,253})"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[0-9A-Za-z._~!$&'()*+,;=:@%/-]*)?"
    r"(?P<query>\?[0-9A-Za-z._~!$&'()*+,;=:@%/?-]*)?"
)
_LABEL: Final = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?")
# What a resolver may read as a number (0x7f.1, 2130706433, 127.1) is no name.
_NUMERIC: Final = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)")


class WebhookUrlInvalid(Invalid):
    """The address has another form than that of a receiver."""

    en = (
        'Send an address such as "https://erp.example.com/pharos": https, a host name or IP '
        "address, no user name or fragment, ASCII only, at most {length} characters."
    )
    zh = (
        '请发送形如 "https://erp.example.com/pharos" 的地址：https、主机名或 IP 地址，不含用户名或'
        "片段，仅限 ASCII，最多 {length} 个字符。"
    )


class WebhookNotEncrypted(Invalid):
    """Plain HTTP is only for installations that allow it."""

    en = "Webhooks go to https addresses. An operator may allow http (PHAROS_WEBHOOK_HTTP)."
    zh = "Webhook 只发送到 https 地址；运维人员可通过 PHAROS_WEBHOOK_HTTP 允许 http。"


class WebhookPortRefused(Invalid):
    """Low ports belong to other protocols than HTTP."""

    en = "Port {port} is not for webhooks: take 443, or one from {least} to {most}."
    zh = "端口 {port} 不能用于 Webhook，请使用 443 或 {least} 至 {most}。"


class WebhookAddressInternal(Invalid):
    """The host is an address of an internal network."""

    en = (
        "{host} is no public address. An operator may allow networks of the enterprise "
        "(PHAROS_WEBHOOK_NETWORKS)."
    )
    zh = "{host} 不是公网地址；运维人员可通过 PHAROS_WEBHOOK_NETWORKS 允许企业内部网络。"


@dataclass(frozen=True, slots=True)
class Reach:
    """How far webhooks of this installation may go: plain HTTP too, and these networks besides."""

    http: bool = False
    networks: Sequence[Network] = ()


def check(url: str, reach: Reach) -> None:
    """Refuse an address that could never be sent to.

    Raises WebhookUrlInvalid, WebhookNotEncrypted, WebhookPortRefused, WebhookAddressInternal. What
    a name leads to is checked at every connection, not here: it may change.
    """
    found = _URL.fullmatch(url) if len(url) <= LENGTH_MAX else None
    if found is None:
        raise WebhookUrlInvalid(length=LENGTH_MAX, pointer="/url")
    scheme, host = found["scheme"], found["host"]
    if scheme == "http" and not reach.http:
        raise WebhookNotEncrypted(pointer="/url")
    port = int(found["port"] or _STANDARD[scheme])
    if port != _STANDARD[scheme] and not PORT_FREE <= port <= PORT_MAX:
        raise WebhookPortRefused(port=port, least=PORT_FREE, most=PORT_MAX, pointer="/url")
    address = _address(host)
    if address is not None and not allowed(address, reach.networks):
        raise WebhookAddressInternal(host=host, pointer="/url")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a host is, None for a name; raises WebhookUrlInvalid for neither."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        labels = host.split(".")  # a full stop at the end would be part of no certificate's name
        named = all(_LABEL.fullmatch(label) for label in labels)
        if not named or _NUMERIC.fullmatch(labels[-1]):
            raise WebhookUrlInvalid(length=LENGTH_MAX, pointer="/url") from None
    return None
