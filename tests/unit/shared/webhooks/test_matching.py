"""Which events a webhook is told of: types, rights, echo, history."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.context import Origin
from shared.contracts.pipeline import AccountSaved
from shared.contracts.wanted import selects
from shared.errors import PharosError
from shared.events.envelope import Event
from shared.ids import new_id
from shared.webhooks.matching import check_types, told_of
from shared.webhooks.model import Owner, State, Terms, Webhook

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ERP = Owner("erp", "erp", ("integration",))
WEBHOOK = Webhook(
    id=new_id(),
    version=1,
    terms=Terms("https://erp.example.com/", ("pharos.pipeline.*",), None, "接收交易", "erp"),
    state=State.ACTIVE,
    reason=None,
    secret=b"1" * 32,
    former_secret=None,
    former_until=None,
    owner=ERP,
    made_at=NOW,
    changed_at=NOW,
)
EVENT = Event(
    id=new_id(),
    source="pipeline",
    partition=0,
    number=1,
    previous_id=None,
    type=AccountSaved.TYPE,
    subject=new_id(),
    version=1,
    time=NOW,
    correlation_id=new_id(),
    causation_id=None,
    origin=Origin.LIVE,
    traceparent=None,
    data='{"name": "上海灯塔"}',
)


@pytest.mark.parametrize(
    "wanted",
    [
        "pharos.pipeline.account.saved.v1",
        "pharos.pipeline.account.*",
        "pharos.pipeline.*",
        "pharos.*",
    ],
)
def test_a_type_is_selected_by_its_name_or_its_beginning(wanted: str) -> None:
    assert selects(["pharos.pipeline.deal.won.v1", wanted], AccountSaved.TYPE)


@pytest.mark.parametrize(
    "other",
    [
        "pharos.pipeline.account.saved.v2",
        "pharos.pipeline.account",
        "pharos.pipeline.acc.*",
        "pharos.pipeline.deal.*",
    ],
)
def test_a_beginning_is_made_of_whole_words(other: str) -> None:
    assert not selects([other], AccountSaved.TYPE)


def test_an_event_that_is_asked_for_is_told() -> None:
    assert told_of(WEBHOOK, EVENT, "crm")
    assert told_of(WEBHOOK, EVENT, None)


def test_an_echo_is_not_told_unless_it_is_asked_for() -> None:
    assert not told_of(WEBHOOK, EVENT, "erp")
    every = replace(WEBHOOK, terms=replace(WEBHOOK.terms, skip_client=None))
    assert told_of(every, EVENT, "erp")


def test_history_is_not_told() -> None:
    assert not told_of(WEBHOOK, replace(EVENT, origin=Origin.IMPORT), "crm")


@pytest.mark.parametrize("kind", [AccountSaved.TYPE, "pharos.pipeline.account.saved.v9"])
def test_what_the_owner_may_not_read_is_not_told(kind: str) -> None:
    event = replace(EVENT, type=kind)
    assert told_of(WEBHOOK, event, None)
    assert not told_of(replace(WEBHOOK, owner=replace(ERP, roles=("rep",))), event, None)
    assert not told_of(replace(WEBHOOK, owner=replace(ERP, roles=("unknown",))), event, None)


def test_an_event_of_which_nothing_is_known_is_not_told() -> None:
    assert not told_of(WEBHOOK, replace(EVENT, type="pharos.pipeline.secret.told.v1"), None)


@pytest.mark.parametrize(
    ("types", "code", "pointer"),
    [
        (["pharos.pipeline.deal.sold.v1"], "event_type_unknown", "/types/0"),
        (["pharos.pipeline.*", "pharos.targets.*"], "event_type_unknown", "/types/1"),
        (["pharos.pipeline.account.*"], "event_type_not_readable", "/types/0"),
    ],
)
def test_types_that_could_never_be_sent_are_refused(
    types: list[str], code: str, pointer: str
) -> None:
    with pytest.raises(PharosError) as refused:
        check_types("pipeline", types, replace(ERP, roles=("rep",)))
    assert (refused.value.code, refused.value.pointer) == (code, pointer)


def test_a_beginning_of_which_some_may_be_read_is_taken() -> None:
    check_types("pipeline", ["pharos.pipeline.*"], replace(ERP, roles=("rep",)))
    check_types("pipeline", ["pharos.pipeline.*", AccountSaved.TYPE], ERP)


def test_the_former_secret_signs_until_its_end() -> None:
    rotated = replace(WEBHOOK, secret=b"2" * 32, former_secret=b"1" * 32, former_until=NOW)
    assert rotated.secrets(datetime(2026, 11, 23, 8, 59, tzinfo=UTC)) == [b"2" * 32, b"1" * 32]
    assert rotated.secrets(NOW) == [b"2" * 32]
