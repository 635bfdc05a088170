"""What a filter may be, and what is said of one that is not."""

from typing import Any

import orjson
import pytest

from shared.errors import PharosError
from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.filters.predicate import to_predicate
from shared.filters.tree import NODES_MAX, VALUES_MAX, Place, parse
from shared.sql import anything

FIELDS = {
    "name": Field(Kind.TEXT, "d.name"),
    "stage": Field(Kind.CHOICE, "d.stage", choices=("open", "won")),
    "amount": Field(Kind.DECIMAL, "d.amount"),
    "closed_on": Field(Kind.DATE, "d.closed_on", nullable=True),
    "owner_id": Field(Kind.ID, "d.owner_id", below=lambda *_: anything),
}
WON = {"field": "stage", "op": "eq", "value": "won"}


def refusal(sent: object) -> PharosError:
    """Return how a filter is refused."""
    text = sent if isinstance(sent, str) else orjson.dumps(sent)
    with pytest.raises(PharosError) as caught:
        parse(text, FIELDS, "?filter")
    return caught.value


@pytest.mark.parametrize(
    ("sent", "code", "word"),
    [
        ("{", "filter_not_readable", "/"),
        ("[]", "filter_not_readable", "/"),
        ({"and": []}, "filter_not_readable", "/and"),
        ({"and": [WON], "or": [WON]}, "filter_not_readable", "/"),
        ({"or": [WON, {"field": "stage"}]}, "filter_not_readable", "/or/1"),
        ({"not": [WON]}, "filter_not_readable", "/not"),
        ({"not": {"and": []}}, "filter_not_readable", "/not/and"),
        ({**WON, "field": ["stage"]}, "filter_not_readable", "/"),
        ({**WON, "op": {"__proto__": {}}}, "filter_not_readable", "/"),
        ({**WON, "field": "salary"}, "filter_field_unknown", "salary"),
        ({**WON, "op": "like"}, "filter_op_unknown", "like"),
        ({**WON, "value": "赢单"}, "filter_value_invalid", "open, won"),
        ({**WON, "value": ["won"]}, "filter_value_invalid", "/value"),
        ({"field": "amount", "op": "gt", "value": 1.5}, "filter_value_invalid", "decimal"),
        ({"field": "amount", "op": "gt", "value": "NaN"}, "filter_value_invalid", "decimal"),
        ({"field": "closed_on", "op": "in", "value": []}, "filter_value_invalid", "date"),
        ({"field": "closed_on", "op": "is_null", "value": "no"}, "filter_value_invalid", "date"),
        ({"field": "owner_id", "op": "under", "value": "x"}, "filter_value_invalid", "id"),
        ({"field": "name", "op": "eq", "value": "a\x00"}, "filter_value_invalid", "text"),
    ],
)
def test_what_is_no_filter_is_refused_with_its_place(sent: object, code: str, word: str) -> None:
    error = refusal(sent)
    assert (error.code, error.pointer) == (code, "?filter")
    assert word in error.text("en")
    assert word in error.text("zh")


@pytest.mark.parametrize(
    "sent",
    [
        {"and": [WON] * NODES_MAX},
        {"field": "amount", "op": "in", "value": ["1"] * (VALUES_MAX + 1)},
        '{"and":[' * 9 + orjson.dumps(WON).decode() + "]}" * 9,
        '{"not":' * 9 + orjson.dumps(WON).decode() + "}" * 9,
    ],
)
def test_a_filter_is_bounded_in_nodes_values_and_depth(sent: object) -> None:
    assert refusal(sent).code == "filter_too_large"


@pytest.mark.parametrize(
    ("asked", "row", "taken"),
    [
        ({"field": "closed_on", "op": "ne", "value": "2025-03-31"}, {}, False),
        ({"field": "closed_on", "op": "is_null", "value": True}, {}, True),
        ({"not": {"field": "closed_on", "op": "eq", "value": "2025-03-31"}}, {}, True),
        ({"field": "name", "op": "contains", "value": "PHAROS"}, {"name": "灯塔 Pharos"}, True),
        ({"field": "name", "op": "contains", "value": "É"}, {"name": "é"}, False),
    ],
)
def test_a_missing_value_fits_no_comparison_and_only_ascii_letters_are_folded(
    asked: dict[str, Any], row: dict[str, object], *, taken: bool
) -> None:
    assert to_predicate(parse(orjson.dumps(asked), FIELDS, "?filter"))(row) is taken


def test_what_lies_under_what_is_asked_on_a_day() -> None:
    lead = "0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10"
    asked = {"field": "owner_id", "op": "under", "value": {"id": lead, "on": "2025-03-31"}}
    tree = parse(orjson.dumps(asked), FIELDS, "?filter")
    seen: list[object] = []

    def under(*question: object) -> bool:
        seen.append(question)
        return True

    assert to_predicate(tree, under)({"owner_id": "张伟"})
    place = tree.value  # type: ignore[union-attr]
    assert isinstance(place, Place)
    assert seen == [("owner_id", "张伟", place.id, place.on)]
