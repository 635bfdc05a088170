"""What the condition of a webhook can ask of an event, and which events it takes."""

from dataclasses import replace
from importlib import import_module
from uuid import UUID

import orjson
import pytest

from deploy.installation import SERVICES
from shared.contracts.contract import contracts
from shared.contracts.pipeline import AccountSaved, DealWon, ProductSaved
from shared.contracts.targets import AttainmentUpdated, MemberAssigned
from shared.errors import PharosError
from shared.events.envelope import Event
from shared.filters.kinds import Kind
from shared.webhooks.fields import ENVELOPE, fields_of, row_of
from shared.webhooks.matching import canonical, readable, told_of
from tests.unit.shared.webhooks.test_matching import EVENT, WEBHOOK

LI, WANG = "0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10", "0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c11"
AMOUNT = {"amount": "120000.50", "currency": "CNY"}
SUBJECT = UUID("0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c12")
DEAL = replace(
    EVENT,
    subject=SUBJECT,
    type=DealWon.TYPE,
    data=orjson.dumps(
        {
            "version": 3,
            "deal_id": str(SUBJECT),
            "name": "华东银行核心系统 Core",
            "stage": "won",
            "owner_id": LI,
            "account_id": None,
            "amount": AMOUNT,
            "quantity": "2.5",
            "shares": [
                {"member_id": LI, "share": "0.5", "amount": AMOUNT, "quantity": "1.25"},
                {"member_id": WANG, "share": "0.5", "amount": AMOUNT, "quantity": "1.25"},
            ],
            "lines": [],
            "opened_on": "2026-10-01",
            "closed_on": "2026-11-20",
        }
    ).decode(),
)


def asks(field: str, op: str, value: object) -> dict[str, object]:
    return {"field": field, "op": op, "value": value}


def taken(condition: object, *types: str, event: Event = DEAL) -> bool:
    """Tell whether a webhook of these types with this condition is told of the deal."""
    terms = replace(
        WEBHOOK.terms,
        types=types or ("pharos.pipeline.deal.*",),
        condition=orjson.dumps(condition).decode(),
    )
    kept = replace(terms, condition=canonical("pipeline", terms))
    assert canonical("pipeline", kept) == kept.condition
    return told_of(replace(WEBHOOK, terms=kept), event, None)


@pytest.mark.parametrize(
    ("field", "op", "yes", "no"),
    [
        ("amount.amount", "gte", "120000.5", "120000.51"),
        ("amount.amount", "eq", "120000.500", "120000.05"),
        ("amount.amount", "lt", "120000.500001", "120000.50"),
        ("amount.amount", "lt", "1000000", "13000"),  # as numbers, not as text
        ("amount.currency", "in", ["USD", "CNY"], ["cny"]),
        ("quantity", "gt", "2.49", "2.5"),
        ("name", "contains", "银行", "銀行"),
        ("name", "starts_with", "华东", "华北"),
        ("name", "contains", "CORE", "crm"),
        ("name", "eq", "华东银行核心系统 Core", "华东银行核心系统 core"),
        ("stage", "eq", "won", "lost"),
        ("version", "lte", 3, 2),
        ("owner_id", "eq", LI.upper(), WANG),
        ("shares.member_id", "has", WANG, str(SUBJECT)),
        ("shares.member_id", "has_any", [str(SUBJECT), LI], [str(SUBJECT)]),
        ("closed_on", "gte", "2026-11-20", "2026-11-21"),
        ("account_id", "is_null", True, False),
        ("closed_on", "is_null", False, True),
        ("type", "eq", DealWon.TYPE, "pharos.pipeline.deal.lost.v1"),
        ("subject", "eq", str(SUBJECT), LI),
        ("origin", "ne", "import", "live"),
        ("time", "lte", "2026-11-23T17:00:00+08:00", "2026-11-23T08:59:59Z"),
    ],
)
def test_an_event_is_told_if_it_meets_the_condition(
    field: str, op: str, yes: object, no: object
) -> None:
    assert taken(asks(field, op, yes))
    assert not taken(asks(field, op, no))
    assert taken({"or": [asks(field, op, no), {"and": [asks(field, op, yes)]}]})
    assert not taken({"and": [asks(field, op, yes), asks(field, op, no)]})


def test_a_field_of_another_type_is_missing() -> None:
    every = ("pharos.pipeline.*",)
    assert not taken(asks("code", "ne", "L-1"), *every)
    assert taken(asks("code", "is_null", value=True), *every)
    assert not taken(asks("account_id", "ne", LI))
    assert not taken(asks("lines.product_id", "has", LI))


def test_of_what_cannot_be_read_only_the_envelope_is_known() -> None:
    later = replace(DEAL, type="pharos.pipeline.deal.won.v9")
    assert not taken(asks("stage", "eq", "won"), event=later)
    assert taken(asks("type", "starts_with", "pharos.pipeline.deal."), event=later)
    assert not taken(asks("stage", "eq", "won"), event=replace(DEAL, data=None))
    assert row_of(replace(DEAL, data=None)).keys() == ENVELOPE.keys()


@pytest.mark.parametrize(
    ("condition", "code", "place"),
    [
        (asks("colour", "eq", "red"), "filter_field_unknown", ""),
        ({"and": [asks("stage", "eq", "won"), asks("code", "eq", "L-1")]},
         "filter_field_unknown", "/and/1"),
        (asks("amount", "gte", "1"), "filter_field_unknown", ""),
        (asks("amount.amount", "contains", "1"), "filter_op_unknown", ""),
        (asks("amount.amount", "gte", 1.5), "filter_value_invalid", "/value"),
        ({"or": [asks("stage", "eq", "sold")]}, "filter_value_invalid", "/or/0/value"),
        ({"and": []}, "filter_not_readable", "/and"),
        ("stage", "filter_not_readable", ""),
        ({"and": [asks("stage", "eq", "won")] * 20}, "filter_too_large", ""),
    ],
)  # fmt: skip
def test_a_condition_that_cannot_be_met_is_refused_at_its_place(
    condition: object, code: str, place: str
) -> None:
    with pytest.raises(PharosError) as refused:
        taken(condition)
    assert (refused.value.code, refused.value.pointer) == (code, f"/condition{place}")


def test_a_condition_is_kept_in_one_form() -> None:
    written = '{ "value" : "120000.50", "op":"gte", "field":"amount.amount" }'
    terms = replace(WEBHOOK.terms, types=(DealWon.TYPE,), condition=written)
    assert canonical("pipeline", terms) == (
        '{"field":"amount.amount","op":"gte","value":"120000.50"}'
    )
    assert canonical("pipeline", replace(terms, condition=None)) is None


def test_a_condition_of_a_later_release_is_noticed() -> None:
    later = '{"field": "margin", "op": "gte", "value": "0.1"}'
    assert not readable("pipeline", replace(WEBHOOK.terms, condition=later))
    assert readable("pipeline", WEBHOOK.terms)


def test_fields_have_the_kinds_of_their_contracts() -> None:
    product = fields_of([ProductSaved])
    assert product["list_price.amount"].kind is Kind.DECIMAL
    assert product["list_price.currency"].nullable
    assert fields_of([MemberAssigned])["leads"].kind is Kind.BOOLEAN
    assert fields_of([AttainmentUpdated])["attainment"].nullable
    both = fields_of([ProductSaved, AccountSaved])
    assert (both["name"].nullable, both["code"].nullable) == (False, True)


def test_each_name_is_one_thing_in_all_contracts_of_a_service() -> None:
    for service in SERVICES:
        import_module(f"services.{service}.service")
    seen: dict[tuple[str, str], object] = {}
    for kind, contract in contracts().items():
        assert ENVELOPE.keys().isdisjoint(contract.model_fields)
        for name, field in fields_of([contract]).items():
            thing = (field.kind, field.choices)
            assert seen.setdefault((kind.split(".")[1], name), thing) == thing
