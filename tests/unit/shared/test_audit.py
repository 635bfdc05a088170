"""The bytes of the audit trail: one form for one content, and the verifier works out the same."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.audit import arithmetic
from shared.audit.model import Change, Head, canonical, record, sealed, start_of
from shared.context import Asked, Context, Origin
from shared.contracts.pipeline import AccountSaved, DealStage
from shared.events import outbox
from shared.ids import External, derived_id
from shared.money import Money
from shared.personal import PERSONAL
from shared.ratio import Ratio

SUBJECT = derived_id("商机")
NOW = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
ASKED = Asked("crm", ("sales_ops", "admin"), "PATCH", "/v1/deals/{deal_id}", "客户更正了金额")
CTX = Context("王芳", NOW, derived_id("request"), traceparent=f"00-{'a' * 32}-{'b' * 16}-01")

json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
state = st.none() | st.dictionaries(st.text(), json, max_size=5)


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that commands change."""

    id: UUID
    external: External | None
    price: Money
    quantity: Decimal
    rate: Ratio
    stage: DealStage
    on: date
    parts: tuple[External, ...]
    owner_name: str = field(default="王芳", metadata=PERSONAL)


THING = Thing(
    id=SUBJECT,
    external=External("erp", "ERP-2025/0042"),
    price=Money.of("1200.5", "CNY"),
    quantity=Decimal("12.500000"),
    rate=Ratio("0.080"),
    stage=DealStage.WON,
    on=date(2026, 11, 2),
    parts=(External("crm", "甲"),),
)


def deal(before: object | None, after: object | None) -> Change:
    return Change("deal", "edited", str(SUBJECT), 2, before, after)


def row_of(content: bytes) -> dict[str, object]:
    """Return the columns that the database reads out of a row's content."""
    row = orjson.loads(content)
    for name in ("before", "after"):
        row[name] = None if row[name] is None else orjson.dumps(row[name]).decode()
    return {**row, "at": datetime.fromisoformat(row["at"])}


def test_a_value_of_the_domain_is_kept_whole_with_amounts_as_text_and_without_names() -> None:
    assert orjson.loads(canonical(THING)) == {
        "id": str(SUBJECT),
        "external": {"source": "erp", "id": "ERP-2025/0042"},
        "price": {"amount": "1200.50", "currency": "CNY"},
        "quantity": "12.5",
        "rate": "0.08",
        "stage": "won",
        "on": "2026-11-02",
        "parts": [{"source": "crm", "id": "甲"}],
    }


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ({"b": 1, "a": [True, None]}, {"a": [True, None], "b": 1}),
        ({"a": Decimal("1.50")}, {"a": Decimal("1.5")}),
        ({"a": Decimal("1E+3")}, {"a": Decimal(1000)}),
        ({"a": Decimal("-0.00")}, {"a": Decimal(0)}),
        ({"a": Money.of("7", "CNY")}, {"a": Money.of("7.000", "CNY")}),
        ({"é商": 1, "z": 2}, {"z": 2, "é商": 1}),
    ],
)
def test_one_content_has_one_form(one: object, same: object) -> None:
    assert canonical(one) == canonical(same)


def test_the_form_is_this_one() -> None:
    """A release that writes other bytes can no longer prove what an earlier one sealed."""
    found = record(CTX, ASKED, deal(None, {"名": "灯塔\n", "price": Decimal("9.90")}))
    assert found.content.decode() == (
        '{"action":"edited","actor":"王芳","after":{"price":"9.9","名":"灯塔\\n"},'
        '"at":"2026-11-02T08:30:00.000000+00:00","before":null,"client":"crm",'
        f'"correlation_id":"{CTX.correlation_id}","form":1,"method":"PATCH","noun":"deal",'
        '"origin":"live","reason":"客户更正了金额","roles":["admin","sales_ops"],'
        f'"route":"/v1/deals/{{deal_id}}","subject":"{SUBJECT}","trace_id":"{"a" * 32}",'
        '"version":2}'
    )
    block = sealed("pipeline", Head(0, 0, start_of("pipeline")), [found.digest], NOW)
    assert block.hash.hex() == HASH_OF_THE_FIRST_BLOCK
    assert (block.number, block.first, block.last) == (1, 1, 1)
    assert block.head == Head(1, 1, block.hash)


HASH_OF_THE_FIRST_BLOCK = "75ca5f7f767e5200f1618b0b9c7261f53f8e017f94e1bbb395ec1174340c8f11"


@pytest.mark.parametrize("value", [{1}, b"1", object(), Thing])
def test_what_has_no_one_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical({"value": [value]})


@given(before=state, after=state)
def test_the_verifier_works_out_the_same_digest(before: object, after: object) -> None:
    found = record(CTX, ASKED, deal(before, after))
    assert found.digest == hashlib.sha256(found.content).digest()
    assert arithmetic.pending_digest(found.content.decode()) == found.digest
    assert arithmetic.row_digest(row_of(found.content)) == found.digest


@given(
    digests=st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=5),
    at=st.datetimes(min_value=datetime(2000, 1, 1)),  # noqa: DTZ001 (made aware below)
    number=st.integers(0, 2**40),
)
def test_the_verifier_works_out_the_same_block(
    digests: list[bytes], at: datetime, number: int
) -> None:
    moment = at.replace(tzinfo=UTC)
    head = Head(number, number * 3, start_of("targets"))
    block = sealed("targets", head, digests, moment.astimezone(timezone(timedelta(hours=8))))
    row = {
        "number": block.number,
        "first": block.first,
        "last": block.last,
        "previous": block.previous,
        "sealed_at": moment,
    }
    header = arithmetic.block_header("targets", row)
    assert hashlib.sha256(header + b"".join(digests)).digest() == block.hash
    assert arithmetic.start_of("targets") == start_of("targets")


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, "a": 2}', '{"a": 1', "nothing", "[" * 100_000, '"\\ud800"', "1" * 5_000],
)
def test_what_cannot_have_been_written_is_not_read(text: str) -> None:
    with pytest.raises(arithmetic.Unreadable):
        arithmetic.pending_digest(text)


def test_a_number_written_in_another_way_is_another_content() -> None:
    known = arithmetic.pending_digest('{"version":1}')
    for other in ('{"version":1.0}', '{"version":1e0}', '{"version":"1"}', '{"version":true}'):
        assert arithmetic.pending_digest(other) != known


def test_events_name_noun_action_subject_and_version_of_a_change() -> None:
    event = AccountSaved(version=3, account_id=SUBJECT, name="上海灯塔")
    found = Change.told(None, event, event)
    assert (found.noun, found.action, found.subject) == ("account", "saved", str(SUBJECT))
    assert (found.version, found.events) == (3, (event,))


def test_an_event_in_the_name_of_who_asked_needs_a_change() -> None:
    event = AccountSaved(version=1, account_id=SUBJECT, name="上海灯塔")
    asking = replace(CTX, asked=ASKED)
    with pytest.raises(outbox.EventWithoutChange):
        outbox.rows([(asking, event)])
    told = orjson.loads(outbox.rows([(asking.following(), event)]))
    assert (len(told["events"]), told["audit"]) == (1, [])
    told = orjson.loads(outbox.changes(asking, [Change.told(None, event, event)]))
    assert (len(told["events"]), len(told["audit"])) == (1, 1)


def test_what_follows_by_itself_is_not_audited() -> None:
    event = AccountSaved(version=1, account_id=SUBJECT, name="上海灯塔")
    told = orjson.loads(outbox.changes(CTX, [Change.told(None, event, event)]))
    assert (len(told["events"]), told["audit"]) == (1, [])


def test_history_that_is_imported_is_audited_as_such() -> None:
    ctx = replace(CTX, origin=Origin.IMPORT)
    assert orjson.loads(record(ctx, ASKED, deal(None, {})).content)["origin"] == "import"
