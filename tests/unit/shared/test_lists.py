"""Cursors: what is given out is taken back, and nothing else is."""

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.ids import new_id
from shared.lists.asked import Asked, CursorInvalid, Order, at, cursor, filtered

BY_NAME = Asked(order=(Order("name"),))
KINDS = (Kind.TEXT, Kind.ID)
KEY = new_id()


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.none())
def test_a_cursor_leads_back_to_its_place_whatever_the_name(name: str | None) -> None:
    given_out = cursor(BY_NAME, (name, KEY))
    assert at(BY_NAME, given_out, KINDS).place == (name, KEY)


@pytest.mark.parametrize(
    "place", [["a\0", str(KEY)], [7, str(KEY)], ["a", "7"], ["a", None], ["a"], ["a", str(KEY), 1]]
)
def test_a_place_that_no_row_can_have_is_refused(place: list[object]) -> None:
    mark = orjson.loads(base64.urlsafe_b64decode(cursor(BY_NAME, ("a", KEY)) + "=="))[0]
    forged = base64.urlsafe_b64encode(orjson.dumps([mark, *place])).decode()
    with pytest.raises(CursorInvalid):
        at(BY_NAME, forged, KINDS)


def test_a_cursor_is_of_one_filter_and_one_order() -> None:
    given_out = cursor(BY_NAME, ("华东", KEY))
    fields = {"name": Field(Kind.TEXT, "u.name")}
    asked = filtered('{"not": {"field": "name", "op": "eq", "value": "华南"}}', fields)
    others = (
        Asked(order=BY_NAME.order, filter=asked),
        Asked(order=(Order("name", descending=True),)),
        BY_NAME.narrowed(kind="region"),
    )
    for other in others:
        with pytest.raises(CursorInvalid):
            at(other, given_out, KINDS)
