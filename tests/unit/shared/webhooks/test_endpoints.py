"""Addresses of receivers: what is refused before anybody is asked for its name."""

import ipaddress

import pytest

from shared.errors import PharosError
from shared.webhooks.endpoints import Reach, check

STRICT = Reach()


def refusal(url: str, reach: Reach = STRICT) -> str:
    """Return the code of the refusal, which names the field in both languages."""
    with pytest.raises(PharosError) as refused:
        check(url, reach)
    assert refused.value.pointer == "/url"
    assert refused.value.text("zh") != refused.value.text("en")
    return refused.value.code


@pytest.mark.parametrize(
    "url",
    [
        "https://erp.example.com",
        "https://erp.example.com/",
        "https://erp.example.com:8443/pharos?tenant=1&x=%E4%B8%AD",
        "https://ERP.example.com/hook",
        "https://erp/hook",
        "https://xn--fiqs8s.example/hook",
        "https://8.8.8.8/hook",
        "https://[2606:4700::1111]:1024/hook",
        "https://123.example.com/hook",
    ],
)
def test_a_complete_https_address_is_taken(url: str) -> None:
    check(url, STRICT)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://erp.example.com/", "webhook_not_encrypted"),
        ("ftp://erp.example.com/", "webhook_url_invalid"),
        ("//erp.example.com/", "webhook_url_invalid"),
        ("https://", "webhook_url_invalid"),
        ("https:///hook", "webhook_url_invalid"),
        ("https://user@erp.example.com/", "webhook_url_invalid"),
        ("https://user:secret@erp.example.com/", "webhook_url_invalid"),
        ("https://erp.example.com\\@10.0.0.1/", "webhook_url_invalid"),
        ("https://erp.example.com/#part", "webhook_url_invalid"),
        ("https://erp.example.com/a b", "webhook_url_invalid"),
        ("https://erp.example.com/\r\nHost: a", "webhook_url_invalid"),
        ("https://erp.example.com/\n", "webhook_url_invalid"),
        ("https://企业.example/", "webhook_url_invalid"),
        ("https://erp.example.com/路径", "webhook_url_invalid"),
        ("https://erp_1.example.com/", "webhook_url_invalid"),
        ("https://-erp.example.com/", "webhook_url_invalid"),
        ("https://erp..example.com/", "webhook_url_invalid"),
        ("https://erp.example.com./", "webhook_url_invalid"),
        ("https://127.1/", "webhook_url_invalid"),
        ("https://2130706433/", "webhook_url_invalid"),
        ("https://0x7f000001/", "webhook_url_invalid"),
        ("https://a.0x7f/", "webhook_url_invalid"),
        ("https://0177.0.0.1/", "webhook_url_invalid"),
        ("https://[::1", "webhook_url_invalid"),
        ("https://[fe80::1%25lo]/", "webhook_url_invalid"),
        ("https://erp.example.com:0/", "webhook_port_refused"),
        ("https://erp.example.com:25/", "webhook_port_refused"),
        ("https://erp.example.com:80/", "webhook_port_refused"),
        ("https://erp.example.com:65536/", "webhook_port_refused"),
        ("https://127.0.0.1/", "webhook_address_internal"),
        ("https://10.0.0.1:8443/", "webhook_address_internal"),
        ("https://169.254.169.254/latest", "webhook_address_internal"),
        ("https://[::1]/", "webhook_address_internal"),
        ("https://[::ffff:127.0.0.1]/", "webhook_address_internal"),
        ("https://erp.example.com/" + "a" * 2_000, "webhook_url_invalid"),
    ],
)
def test_what_could_lead_elsewhere_is_refused(url: str, code: str) -> None:
    assert refusal(url) == code


def test_a_setting_allows_plain_http_and_networks_of_the_enterprise() -> None:
    reach = Reach(http=True, networks=[ipaddress.ip_network("10.20.0.0/16")])
    check("http://10.20.0.7:8080/hook", reach)
    check("http://erp.example.com/hook", reach)
    assert refusal("http://erp.example.com:443/hook", reach) == "webhook_port_refused"
    assert refusal("http://10.21.0.7:8080/hook", reach) == "webhook_address_internal"
