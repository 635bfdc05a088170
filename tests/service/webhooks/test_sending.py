"""One attempt: bounded in time and size, to checked addresses only, and never redirected."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared import clock
from shared.webhooks.addresses import Address
from shared.webhooks.delivery.network import NameUnresolved
from shared.webhooks.delivery.sending import EXCERPT_LENGTH_MAX, Answer, Fault, Sender
from shared.webhooks.endpoints import Reach
from tests.service.webhooks.receiver import (
    Behaviour,
    cut,
    endless,
    nonsense,
    receiving,
    silence,
    status,
)

LOOPBACK = Reach(http=True, networks=[ipaddress.ip_network("127.0.0.1/32")])
BODY = "上海灯塔".encode()


class Names:
    """A resolver of the test: gives out the answers in turn, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, _: int) -> Sequence[Address]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not found:
            raise NameUnresolved(host)
        return [ipaddress.ip_address(text) for text in found]


@asynccontextmanager
async def sender(
    names: Names | None = None,
    *,
    reach: Reach = LOOPBACK,
    seconds: float = 1,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Sender]:
    made = Sender(reach, seconds, names, tls)
    try:
        yield made
    finally:
        await made.close()


async def answered(behaviour: Behaviour, *, seconds: float = 1) -> Answer:
    async with receiving(answers=[behaviour]) as receiver, sender(seconds=seconds) as post:
        return await post.send(receiver.url(), {"webhook-id": "1"}, BODY)


@pytest.mark.parametrize("code", [200, 201, 202, 299])
async def test_any_2xx_is_a_success(code: int) -> None:
    answer = await answered(status(code, body="收到"))
    assert (answer.status, answer.accepted, answer.excerpt) == (code, True, "收到")


@pytest.mark.parametrize("code", [300, 302, 400, 404, 410, 429, 500, 503])
async def test_any_other_status_is_a_failure(code: int) -> None:
    answer = await answered(status(code, "Retry-After: 7"))
    assert (answer.status, answer.accepted, answer.retry_after) == (code, False, "7")


async def test_a_redirect_is_not_followed() -> None:
    async with receiving() as target, receiving() as receiver, sender() as post:
        receiver.answers = [status(307, f"Location: {target.url()}")]
        answer = await post.send(receiver.url(), {}, BODY)
        assert (answer.status, answer.accepted) == (307, False)
        assert (len(receiver.received), target.received) == (1, [])


@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [
        (silence, Fault.TIMED_OUT),
        (cut, Fault.ANSWER_UNREADABLE),
        (nonsense, Fault.ANSWER_UNREADABLE),
    ],
)
async def test_what_is_no_answer_is_a_fault(behaviour: Behaviour, fault: Fault) -> None:
    answer = await answered(behaviour, seconds=0.3)
    assert (answer.status, answer.fault, answer.accepted) == (None, fault, False)


@pytest.mark.parametrize("pause", [0, 0.05])
@pytest.mark.parametrize("code", [200, 500])
async def test_an_endless_body_is_cut_off_and_changes_nothing(code: int, pause: float) -> None:
    answer = await answered(endless(code, pause=pause), seconds=0.5)
    assert (answer.status, answer.fault) == (code, None)
    assert 0 < len(answer.excerpt) <= EXCERPT_LENGTH_MAX


async def test_what_is_kept_of_an_answer_can_be_stored() -> None:
    answer = await answered(status(500, body="错误\x00\r\n\x1b[31m" + "x" * 5_000))
    assert answer.excerpt.startswith("错误")
    assert answer.excerpt.isprintable()
    assert len(answer.excerpt) == EXCERPT_LENGTH_MAX


async def test_a_closed_port_is_a_fault() -> None:
    async with receiving() as receiver:
        url = receiver.url()
    async with sender() as post:
        assert (await post.send(url, {}, BODY)).fault is Fault.CONNECTION_FAILED


async def test_a_connection_is_used_again() -> None:
    async with receiving() as receiver, sender(Names(["127.0.0.1"])) as post:
        for _ in range(3):
            assert (await post.send(receiver.url(host="erp.example"), {}, BODY)).accepted
        names = post._resolve
        assert isinstance(names, Names)
        assert names.asked == ["erp.example"]
        assert {message.headers["host"] for message in receiver.received} == {
            f"erp.example:{receiver.port}"
        }


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.2"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.2"],
        ["64:ff9b::a00:1"],
        ["127.0.0.1", "10.0.0.1"],
        ["10.0.0.1", "127.0.0.1"],
    ],
)
async def test_a_name_that_leads_inside_is_refused_whole(addresses: list[str]) -> None:
    async with receiving() as receiver, sender(Names(addresses)) as post:
        answer = await post.send(receiver.url(host="erp.example"), {}, BODY)
        assert answer.fault is Fault.ADDRESS_REFUSED
        assert receiver.received == []


async def test_a_name_that_changes_its_address_is_asked_once_per_connection() -> None:
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with receiving() as receiver, sender(names) as post:
        receiver.usual = status(200, "Connection: close")
        assert (await post.send(receiver.url(host="erp.example"), {}, BODY)).accepted
        assert names.asked == ["erp.example"]  # what was looked at is what was connected to
        answer = await post.send(receiver.url(host="erp.example"), {}, BODY)
        assert answer.fault is Fault.ADDRESS_REFUSED
        assert len(receiver.received) == 1


async def test_an_address_in_place_of_a_name_is_looked_at_too() -> None:
    async with receiving() as receiver, sender(reach=Reach(http=True)) as post:
        answer = await post.send(receiver.url(), {}, BODY)
        assert (answer.fault, receiver.received) == (Fault.ADDRESS_REFUSED, [])


async def test_a_setting_that_became_stricter_holds_for_old_webhooks_too() -> None:
    reach = Reach(http=False, networks=LOOPBACK.networks)
    async with receiving() as receiver, sender(reach=reach) as post:
        answer = await post.send(receiver.url(), {}, BODY)
        assert (answer.fault, receiver.received) == (Fault.ADDRESS_REFUSED, [])


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    reach = Reach(http=True, networks=[ipaddress.ip_network("127.0.0.0/8")])
    names = Names(["127.0.0.3", "127.0.0.1"])
    async with receiving() as receiver, sender(names, reach=reach) as post:
        assert (await post.send(receiver.url(host="erp.example"), {}, BODY)).accepted


async def test_an_unknown_name_is_a_fault() -> None:
    async with sender(Names([])) as post:
        answer = await post.send("http://nowhere.example:8080/", {}, BODY)
        assert answer.fault is Fault.NAME_UNRESOLVED
    async with sender() as post:
        answer = await post.send("http://nowhere.invalid:8080/", {}, BODY)
        assert answer.fault in {Fault.NAME_UNRESOLVED, Fault.TIMED_OUT}


async def test_a_name_that_hangs_is_within_the_bound_of_time() -> None:
    async def hang(_: str, __: int) -> Sequence[Address]:
        await asyncio.sleep(3_600)
        return []

    post = Sender(LOOPBACK, 0.2, hang)
    assert (await post.send("http://slow.example:8080/", {}, BODY)).fault is Fault.TIMED_OUT
    await post.close()


def certificate(folder: Path, name: str) -> Path:
    """Make a certificate for a name, signed by itself; return it with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@pytest.mark.parametrize(
    ("host", "fault"), [("erp.example", None), ("other.example", Fault.TLS_FAILED)]
)
async def test_the_certificate_must_be_that_of_the_name_not_of_the_address(
    tmp_path: Path, host: str, fault: Fault | None
) -> None:
    file = certificate(tmp_path, "erp.example")
    there = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    there.load_cert_chain(file)
    indicated: list[str | None] = []
    there.sni_callback = lambda _, name, __: indicated.append(name)
    here = ssl.create_default_context(cafile=str(file))
    async with receiving(there) as receiver, sender(Names(["127.0.0.1"]), tls=here) as post:
        answer = await post.send(receiver.url(host=host), {}, BODY)
        assert (answer.fault, answer.accepted) == (fault, fault is None)
        assert indicated == [host]
