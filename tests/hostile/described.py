"""What the four documents say, beside what schemathesis knows: a check of our own."""

from typing import Any, Final

import schemathesis
from schemathesis import Case, CheckContext, Response

BEYOND_SCHEMAS: Final = frozenset(
    {
        "code_not_printable",  # a category of characters, which patterns do not know
        "column_or_constant",  # one of two fields
        "integer_expected",  # to a schema 24.0 is an integer
        "money_too_fine",  # as the currency has it
        "replay_without_bounds",  # one of several fields
    }
)
"""Faults of single fields that no schema says."""


@schemathesis.check
def what_the_schema_admits_is_refused_by_a_rule_with_a_name(
    _ctx: CheckContext, response: Response, case: Case[Any]
) -> None:
    """A schema knows no other deal and no account: what it admits may be refused, but by name.

    The names are in the document, with the route. The one that stands for the schema itself is
    not among those that may follow from valid data.
    """
    meta = case.meta
    if meta is not None and meta.generation.mode.is_positive and response.status_code == 422:
        problem = response.json()
        # Headers are written by their pattern only when they are drawn, not when they are covered.
        wrong = [
            error
            for error in problem["errors"]
            if "header" not in error and error["code"] not in BEYOND_SCHEMAS
        ]
        assert problem["code"] != "invalid_request" or not wrong, wrong
