"""Types for hostile input: what is taken, what it becomes, what is refused and how it is shown."""

import json
import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from shared.field_words import FIELD_WORDS
from shared.fields import (
    Body,
    BusinessDate,
    Code,
    Count,
    CurrencyCode,
    DecimalText,
    Id,
    Instant,
    MoneyField,
    MoneyView,
    Name,
    Note,
    Quantity,
    RateText,
    Share,
    View,
)
from shared.money import Money

ID: Final = "0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10"
DECIMAL, QUANTITY = TypeAdapter(DecimalText), TypeAdapter(Quantity)
SHARE, RATE = TypeAdapter(Share), TypeAdapter(RateText)
DATE, INSTANT, IDENTITY = TypeAdapter(BusinessDate), TypeAdapter(Instant), TypeAdapter(Id)
COUNT, CURRENCY = TypeAdapter(Count), TypeAdapter(CurrencyCode)
MONEY = TypeAdapter(MoneyField)
Kind = TypeAdapter[Any]

# What JSON can hold in the wrong place, whatever the right place is.
STRAY: Final = [None, True, [], {}, ["1"], {"a": 1}, "", " ", "\x00", "null", "\ud800"]


def refusal(kind: Kind, value: object) -> str:
    """The one error type that the value is refused with."""
    with pytest.raises(ValidationError) as caught:
        kind.validate_python(value)
    (error,) = caught.value.errors()
    return error["type"]


class TestDecimals:
    @pytest.mark.parametrize(
        "sent", ["0", "-0", "1200.00", "-1", "007", "999999999999999.999999", "0.000001"]
    )
    def test_a_plain_decimal_in_quotes_is_taken(self, sent: str) -> None:
        assert DECIMAL.validate_python(sent) == Decimal(sent)

    @pytest.mark.parametrize(
        "sent",
        [
            *("1e5", "1E-2", "NaN", "Infinity", "-Infinity", "1,200", "1_000", "+1", "0x10"),
            *(".5", "5.", "--1", "1 ", " 1", "1\n", "1.0000001", "1234567890123456", "１２", "٣"),
            *("1/2", "壹", 1, 1200, 1.5, 10**30, Decimal("NaN"), Decimal("1e20"), b"1"),
            Decimal("0.0000001"),
            *STRAY,
        ],
    )
    def test_nothing_else_is_a_decimal(self, sent: object) -> None:
        assert refusal(DECIMAL, sent) == "decimal_invalid"

    @pytest.mark.parametrize("sent", ["1", "0.000001", "000.5", "00012", "999999999999999.999999"])
    def test_a_quantity_is_above_zero(self, sent: str) -> None:
        assert QUANTITY.validate_python(sent) == Decimal(sent)

    @pytest.mark.parametrize(
        "sent",
        ["0", "0.000000", "-1", "000", "1000000000000000", "0.0000001", 5, Decimal(0), *STRAY],
    )
    def test_no_other_quantity_is_taken(self, sent: object) -> None:
        assert refusal(QUANTITY, sent) == "quantity_invalid"

    @pytest.mark.parametrize("sent", ["1", "1.000000", "0.25", "0.000001", "0.999999", "0.10"])
    def test_a_share_is_above_zero_and_at_most_one(self, sent: str) -> None:
        assert SHARE.validate_python(sent) == Decimal(sent)

    @pytest.mark.parametrize(
        "sent",
        ["0", "0.0", "0.000000", "1.000001", "1.1", "2", "-0.5", "0.1234567", ".5", 0.5, 1, *STRAY],
    )
    def test_no_other_share_is_taken(self, sent: object) -> None:
        assert refusal(SHARE, sent) == "share_invalid"

    @pytest.mark.parametrize("sent", ["0", "0.08", "9.999999", "10", "10.000000"])
    def test_a_rate_is_between_zero_and_ten(self, sent: str) -> None:
        assert RATE.validate_python(sent) == Decimal(sent)

    @pytest.mark.parametrize(
        "sent", ["10.000001", "11", "-0.01", "0.0000001", "08", Decimal(11), *STRAY]
    )
    def test_no_other_rate_is_taken(self, sent: object) -> None:
        assert refusal(RATE, sent) == "rate_invalid"

    @given(
        value=st.decimals(0, 2, places=6, allow_nan=False),
        places=st.integers(0, 6),
    )
    def test_the_pattern_and_the_bounds_agree(self, value: Decimal, places: int) -> None:
        text = f"{value:.{places}f}"
        for kind, within in ((SHARE, 0 < Decimal(text) <= 1), (QUANTITY, Decimal(text) > 0)):
            for sent in (text, Decimal(text)):
                assert is_taken(kind, sent) == within

    @given(value=st.decimals(-(10**14), 10**14, places=6, allow_nan=False))
    def test_a_decimal_comes_back_as_it_was_sent(self, value: Decimal) -> None:
        assert DECIMAL.dump_json(DECIMAL.validate_python(f"{value:f}")) == f'"{value:f}"'.encode()

    def test_a_decimal_is_shown_without_exponent_or_negative_zero(self) -> None:
        assert DECIMAL.dump_json(Decimal("1E+3")) == b'"1000"'
        assert DECIMAL.dump_json(Decimal("-0.00")) == b'"0.00"'
        assert DECIMAL.dump_python(Decimal("1.50")) == Decimal("1.50")


def is_taken(kind: Kind, sent: object) -> bool:
    try:
        kind.validate_python(sent)
    except ValidationError:
        return False
    return True


class TestCounts:
    @pytest.mark.parametrize("sent", [0, 1, 2_147_483_647])
    def test_a_count_is_a_whole_number(self, sent: int) -> None:
        assert COUNT.validate_python(sent) == sent

    @pytest.mark.parametrize("sent", [-1, 2_147_483_648, 10**30, 1.0, "1", Decimal(1), *STRAY])
    def test_nothing_else_is_a_count(self, sent: object) -> None:
        assert not is_taken(COUNT, sent)


class TestMoney:
    @pytest.mark.parametrize(
        ("amount", "currency"),
        [("1200.00", "CNY"), ("1200", "CNY"), ("-0.01", "CNY"), ("100", "JPY"), ("1.234", "KWD")],
    )
    def test_an_amount_in_its_currency_is_money(self, amount: str, currency: str) -> None:
        sent = MoneyField.model_validate({"amount": amount, "currency": currency})
        assert sent.money() == Money.of(amount, currency)

    @pytest.mark.parametrize(
        ("amount", "currency"), [("0.001", "CNY"), ("1.0", "JPY"), ("1.2345", "KWD")]
    )
    def test_more_decimals_than_the_currency_has_are_refused(
        self, amount: str, currency: str
    ) -> None:
        assert refusal(MONEY, {"amount": amount, "currency": currency}) == "money_too_fine"

    @pytest.mark.parametrize("currency", ["cny", "XAU", "人民币", "CNY ", 156, *STRAY])
    def test_another_currency_is_refused(self, currency: object) -> None:
        assert refusal(CURRENCY, currency) == "currency_unknown"
        assert refusal(MONEY, {"amount": "1", "currency": currency}) == "currency_unknown"

    @pytest.mark.parametrize("amount", [1200, 12.5, "1e3", "1200.00元"])
    def test_an_amount_that_is_no_decimal_text_is_refused(self, amount: object) -> None:
        assert refusal(MONEY, {"amount": amount, "currency": "CNY"}) == "decimal_invalid"

    @pytest.mark.parametrize("sent", ["1200.00 CNY", 1200, ["1200.00", "CNY"], None])
    def test_money_is_an_object(self, sent: object) -> None:
        assert refusal(MONEY, sent) == "model_type"

    def test_an_answer_shows_all_decimals(self) -> None:
        shown = MoneyView.of(Money.of("1200.500000", "CNY"))
        assert shown.model_dump() == {"amount": "1200.50", "currency": "CNY"}


class TestTime:
    @pytest.mark.parametrize("sent", ["1900-01-01", "2024-02-29", "2199-12-31"])
    def test_a_date_is_iso_text(self, sent: str) -> None:
        assert DATE.validate_python(sent) == date.fromisoformat(sent)
        assert DATE.dump_json(date.fromisoformat(sent)) == f'"{sent}"'.encode()

    @pytest.mark.parametrize(
        "sent",
        [
            *("2025-02-29", "2025-13-01", "2025-1-1", "20250101", "2025-W01-1", "1899-12-31"),
            *("2200-01-01", "2025-01-01T00:00:00", "2025-01-01 ", "２０２３-01-01", "今天"),
            *(20250101, 1735689600, 1.5, datetime(2025, 1, 1, tzinfo=UTC), date(1800, 1, 1)),
            *STRAY,
        ],
    )
    def test_nothing_else_is_a_date(self, sent: object) -> None:
        assert refusal(DATE, sent) == "date_invalid"

    @pytest.mark.parametrize(
        ("sent", "moment"),
        [
            ("2025-03-31T09:30:00Z", datetime(2025, 3, 31, 9, 30, tzinfo=UTC)),
            ("2025-03-31T17:30:00+08:00", datetime(2025, 3, 31, 9, 30, tzinfo=UTC)),
            ("2025-03-31T09:30:00.123456Z", datetime(2025, 3, 31, 9, 30, 0, 123456, tzinfo=UTC)),
            ("1900-01-01T00:00:00Z", datetime(1900, 1, 1, tzinfo=UTC)),
            ("2199-12-31T23:59:59.999999Z", datetime(2199, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ],
    )
    def test_an_instant_becomes_utc(self, sent: str, moment: datetime) -> None:
        kept = INSTANT.validate_python(sent)
        assert kept == moment
        assert kept.tzinfo is UTC

    def test_a_ready_instant_becomes_utc_as_well(self) -> None:
        beijing = datetime(2025, 3, 31, 17, 30, tzinfo=timezone(timedelta(hours=8)))
        assert INSTANT.dump_json(INSTANT.validate_python(beijing)) == b'"2025-03-31T09:30:00Z"'

    @pytest.mark.parametrize(
        "sent",
        [
            *("2025-03-31T09:30:00", "2025-03-31", "2025-03-31 09:30:00Z", "2025-03-31T09:30Z"),
            *("2025-03-31T25:00:00Z", "2025-03-31T09:30:60Z", "2025-02-30T09:30:00Z"),
            *("1900-01-01T00:00:00+08:00", "2199-12-31T23:59:59-08:00", "1899-12-31T23:59:59Z"),
            *("2025-03-31T09:30:00.1234567Z", "2025-03-31T09:30:00+25:00", "0001-01-01T00:00:00Z"),
            *(1735689600, 1.5, date(2025, 1, 1), datetime(2025, 1, 1)),  # noqa: DTZ001 - naive
            *STRAY,
        ],
    )
    def test_nothing_else_is_an_instant(self, sent: object) -> None:
        assert refusal(INSTANT, sent) == "instant_invalid"

    @given(
        moment=st.datetimes(
            datetime(1900, 1, 2),  # noqa: DTZ001 - hypothesis wants naive bounds
            datetime(2199, 12, 30),  # noqa: DTZ001
            timezones=st.builds(timezone, st.builds(timedelta, minutes=st.integers(-1439, 1439))),
        )
    )
    def test_any_offset_names_the_same_moment(self, moment: datetime) -> None:
        kept = INSTANT.validate_python(moment.isoformat())
        assert kept == moment
        assert INSTANT.validate_json(INSTANT.dump_json(kept)) == moment


class TestIds:
    @pytest.mark.parametrize("sent", [ID, ID.upper(), UUID(ID)])
    def test_an_id_is_taken_in_its_canonical_form(self, sent: object) -> None:
        assert IDENTITY.validate_python(sent) == UUID(ID)
        assert IDENTITY.dump_json(UUID(ID)) == f'"{ID}"'.encode()

    @pytest.mark.parametrize(
        "sent",
        [ID.replace("-", ""), f"{{{ID}}}", f"urn:uuid:{ID}", ID + "0", ID[:-1], ID + "\n",
         "g" + ID[1:], 1, UUID(ID).bytes, *STRAY],
    )  # fmt: skip
    def test_no_other_form_is(self, sent: object) -> None:
        assert refusal(IDENTITY, sent) == "id_invalid"


class Order(Body):
    name: Name
    price: MoneyField
    note: Note | None = None
    share: Share | None = None
    rate: RateText | None = None
    quantity: Quantity | None = None
    count: Count | None = None
    closed_on: BusinessDate | None = None
    seen_at: Instant | None = None
    owner: Id | None = None
    code: Code | None = None


class OrderView(View):
    closed_on: BusinessDate
    seen_at: Instant
    owner: Id
    rate: RateText


SENT: Final[dict[str, Any]] = {
    "name": "华东大区",
    "price": {"amount": "1200.00", "currency": "CNY"},
    "note": "第一行\n第二行",
    "share": "0.25",
    "rate": "0.08",
    "quantity": "12",
    "count": 3,
    "closed_on": "2025-03-31",
    "seen_at": "2025-03-31T09:30:00Z",
    "owner": ID,
    "code": "ERP-1",
}


class TestBodies:
    def test_a_body_goes_round_through_json(self) -> None:
        order = Order.model_validate(SENT)
        assert json.loads(order.model_dump_json()) == SENT
        assert Order.model_validate_json(order.model_dump_json()) == order

    @pytest.mark.parametrize("field", ["name", "discount"])
    def test_a_body_knows_its_fields_and_does_not_change(self, field: str) -> None:
        with pytest.raises(ValidationError, match="extra_forbidden"):
            Order.model_validate({**SENT, "discount": "1"})
        with pytest.raises(ValidationError, match="frozen"):
            setattr(Order.model_validate(SENT), field, "华南大区")

    def test_an_error_never_repeats_the_input(self) -> None:
        with pytest.raises(ValidationError) as caught:
            Order.model_validate({**SENT, "share": "secret-share", "owner": "secret-owner"})
        assert "secret" not in str(caught.value)

    def test_an_answer_takes_the_values_themselves(self) -> None:
        shown = OrderView(
            closed_on=date(2025, 3, 31),
            seen_at=datetime(2025, 3, 31, 9, 30, tzinfo=UTC),
            owner=UUID(ID),
            rate=Decimal("0.080000"),
        )
        assert json.loads(shown.model_dump_json()) == {
            "closed_on": "2025-03-31",
            "seen_at": "2025-03-31T09:30:00Z",
            "owner": ID,
            "rate": "0.080000",
        }


class TestSchema:
    def test_every_field_shows_its_bounds_and_an_example(self) -> None:
        schema = Order.model_json_schema()
        Draft202012Validator.check_schema(schema)
        bounded = {**schema["properties"], **schema["$defs"]["MoneyField"]["properties"]}
        for name, shown in bounded.items():
            if "$ref" in shown or name == "count":
                continue
            (kind, *_) = shown.get("anyOf", [shown])
            assert kind["type"] == "string"
            assert kind["examples"]
            assert {"pattern", "enum"} & kind.keys(), name
        assert schema["additionalProperties"] is False

    def test_what_is_sent_fits_the_schema_and_so_does_the_answer(self) -> None:
        Draft202012Validator(Order.model_json_schema()).validate(SENT)
        shown = Order.model_json_schema(mode="serialization")
        Draft202012Validator(shown).validate(
            json.loads(Order.model_validate(SENT).model_dump_json())
        )

    @pytest.mark.parametrize("kind", [DECIMAL, QUANTITY, SHARE, RATE, DATE, INSTANT, IDENTITY])
    def test_the_example_is_valid(self, kind: Kind) -> None:
        (sample,) = kind.json_schema()["examples"]
        assert is_taken(kind, sample)

    @pytest.mark.parametrize("kind", [DECIMAL, QUANTITY, SHARE, RATE, IDENTITY])
    @given(data=st.data())
    def test_what_fits_the_pattern_is_taken(self, kind: Kind, data: st.DataObject) -> None:
        pattern = kind.json_schema()["pattern"]
        text = data.draw(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
        assert is_taken(kind, text.removesuffix("\n"))


@pytest.mark.parametrize("words", FIELD_WORDS.values(), ids=FIELD_WORDS)
def test_the_words_name_the_same_facts_in_both_languages(words: tuple[str, str]) -> None:
    english, chinese = (set(re.findall(r"{(\w+)}", text)) for text in words)
    assert english == chinese
