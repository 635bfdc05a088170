"""Pay: what a view says of somebody's pay is for those who may see it."""

from typing import Final, TypeVar

from pydantic import BaseModel

V = TypeVar("V", bound=BaseModel)

READ_PAY: Final = "pay:read"


class _Pay:
    """Marks a field of a view that says what somebody is paid; it can be null."""


PAY: Final = _Pay()


def without_pay(view: V) -> V:
    """Return a view with null where it would say what somebody is paid."""
    fields = type(view).model_fields
    marked = [name for name, field in fields.items() if PAY in field.metadata]
    return view.model_copy(update=dict.fromkeys(marked))
