"""What to send instead, for each fault that pydantic finds.

Several of pydantic's error types are one fault to the caller; the code is ours and stays when
pydantic renames. Only facts of the schema are quoted (bounds, choices), never what was sent.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from shared.errors import Language
from shared.field_words import FIELD_WORDS, Words

CHOICES_LENGTH_MAX: Final = 500

_WORDS: Final[Mapping[str, Words]] = MappingProxyType(
    {
        **FIELD_WORDS,
        "missing": Words("This is required. Add it.", "此项必填，请补充。"),
        "unknown_field": Words(
            "This field is not known here. Check its spelling or leave it out.",
            "此处没有这个字段，请检查拼写或将其删除。",
        ),
        "object_expected": Words("Send a JSON object here.", "此处请发送 JSON 对象。"),
        "list_expected": Words("Send a list here.", "此处请发送列表。"),
        "text_expected": Words("Send text in quotes here.", "此处请发送带引号的文本。"),
        "text_unreadable": Words(
            "Send text of whole Unicode characters; a lone surrogate is not one.",
            "请发送完整的 Unicode 字符；单独的代理项不是字符。",
        ),
        "text_too_short": Words(
            "Send at least {min_length} characters.", "至少需要 {min_length} 个字符。"
        ),
        "text_pattern": Words(
            "Send text of the form that the API description gives for this field.",
            "请按接口说明中此字段的格式发送文本。",
        ),
        "list_too_short": Words("Send at least {min_length} items.", "至少需要 {min_length} 项。"),
        "list_too_long": Words(
            "Send at most {max_length} items at a time.", "每次最多 {max_length} 项。"
        ),
        "integer_expected": Words(
            "Send a whole number without quotes, such as 3.",
            "请发送不带引号的整数，例如 3。",
        ),
        "integer_out_of_range": Words("Send a smaller whole number.", "请发送较小的整数。"),
        "boolean_expected": Words("Send true or false.", "请发送 true 或 false。"),
        "number_expected": Words("Send a finite number.", "请发送有限的数字。"),
        "not_above": Words("Send a value above {gt}.", "请发送大于 {gt} 的值。"),
        "below_minimum": Words("Send {ge} or more.", "请发送不小于 {ge} 的值。"),
        "not_below": Words("Send a value below {lt}.", "请发送小于 {lt} 的值。"),
        "above_maximum": Words("Send {le} or less.", "请发送不大于 {le} 的值。"),
        "not_a_multiple": Words(
            "Send a multiple of {multiple_of}.", "请发送 {multiple_of} 的倍数。"
        ),
        "choice_unknown": Words("Send one of: {choices}.", "请从以下值中选择：{choices}。"),
        "choice_missing": Words(
            "Say which one by the field {field}.", "请用字段 {field} 指明类型。"
        ),
        "date_not_past": Words("Send a date in the past.", "请发送过去的日期。"),
        "date_not_future": Words("Send a date in the future.", "请发送将来的日期。"),
        "time_invalid": Words('Send a time of day, such as "09:30".', '请发送时刻，例如 "09:30"。'),
        "duration_invalid": Words(
            'Send a duration in ISO 8601, such as "P1D".', '请发送 ISO 8601 时长，例如 "P1D"。'
        ),
        "url_invalid": Words(
            'Send a complete address, such as "https://example.com/hook".',
            '请发送完整的网址，例如 "https://example.com/hook"。',
        ),
        "null_expected": Words("Send null or leave it out.", "请发送 null 或省略此项。"),
        "json_invalid": Words(
            "The body is not valid JSON near character {position}.",
            "请求体在第 {position} 个字符附近不是有效的 JSON。",
        ),
        "not_json": Words(
            'Send JSON with the header "Content-Type: application/json".',
            '请发送 JSON，并带上请求头 "Content-Type: application/json"。',
        ),
        "value_invalid": Words(
            "Send a value that the API description allows here.",
            "请发送接口说明中此处允许的值。",
        ),
    }
)

# Our code ← the types of pydantic that mean it. A type that is missing here is value_invalid.
_TYPES: Final = {
    "missing": "missing missing_argument missing_keyword_only_argument",
    "unknown_field": "extra_forbidden unexpected_keyword_argument no_such_attribute",
    "object_expected": (
        "model_type model_attributes_type dict_type mapping_type dataclass_type arguments_type "
        "frozen_dict_type ordered_dict_type"
    ),
    "list_expected": (
        "list_type tuple_type set_type frozen_set_type iterable_type deque_type named_tuple_type"
    ),
    "text_expected": "string_type bytes_type json_type",
    "text_unreadable": "string_unicode string_not_ascii bytes_invalid_encoding",
    "text_too_short": "string_too_short bytes_too_short",
    "text_too_long": "string_too_long bytes_too_long url_too_long",
    "text_pattern": "string_pattern_mismatch",
    "list_too_short": "too_short",
    "list_too_long": "too_long",
    "integer_expected": "int_type int_parsing int_from_float",
    "integer_out_of_range": "int_parsing_size",
    "boolean_expected": "bool_type bool_parsing",
    "number_expected": "float_type float_parsing finite_number",
    "decimal_invalid": (
        "decimal_type decimal_parsing decimal_max_digits decimal_max_places decimal_whole_digits"
    ),
    "not_above": "greater_than",
    "below_minimum": "greater_than_equal",
    "not_below": "less_than",
    "above_maximum": "less_than_equal",
    "not_a_multiple": "multiple_of",
    "choice_unknown": "enum literal_error union_tag_invalid",
    "choice_missing": "union_tag_not_found",
    "date_invalid": (
        "date_type date_parsing date_from_datetime_parsing date_from_datetime_inexact"
    ),
    "date_not_past": "date_past datetime_past",
    "date_not_future": "date_future datetime_future",
    "instant_invalid": (
        "datetime_type datetime_parsing datetime_object_invalid datetime_from_date_parsing "
        "timezone_aware timezone_naive timezone_offset"
    ),
    "time_invalid": "time_type time_parsing",
    "duration_invalid": "time_delta_type time_delta_parsing",
    "id_invalid": "uuid_type uuid_parsing uuid_version",
    "url_invalid": "url_type url_parsing url_scheme url_syntax_violation",
    "null_expected": "none_required",
    "json_invalid": "json_invalid",
}
_CODE_OF_TYPE: Final = MappingProxyType(
    {kind: code for code, kinds in _TYPES.items() for kind in kinds.split()}
)
_QUOTED: Final = re.compile(r"'([^']*)'")


class Fault(NamedTuple):
    """A fault as the caller reads it."""

    code: str
    detail: str


def fault(error: Mapping[str, Any], language: Language) -> Fault:
    """The words for one entry of `ValidationError.errors()`."""
    facts = _facts(error)
    code = _code(str(error["type"]), facts)
    return Fault(code, _WORDS[code].text(language).format_map(facts))


def not_json(language: Language) -> Fault:
    """The words for a body that did not come as JSON."""
    return Fault("not_json", _WORDS["not_json"].text(language))


def _code(kind: str, facts: Mapping[str, object]) -> str:
    if kind in FIELD_WORDS:
        return kind
    code = _CODE_OF_TYPE.get(kind, "value_invalid")
    if code == "text_too_short" and facts.get("min_length") == 1:
        return "text_blank"
    return code


def _facts(error: Mapping[str, Any]) -> dict[str, object]:
    """What the words may quote: facts of the schema and the place of a syntax error."""
    context: Mapping[str, Any] = error.get("ctx") or {}
    facts = dict(context)
    for choices in context.keys() & {"expected", "expected_tags"}:
        facts["choices"] = _choices(str(context[choices]))
    if "discriminator" in context:
        facts["field"] = str(context["discriminator"]).strip("'")
    if error["type"] == "json_invalid":
        facts["position"] = error["loc"][-1] if error["loc"] else 0
    return facts


def _choices(expected: str) -> str:
    """What pydantic lists as "'a', 'b' or 'c'" without the English word, bounded in length."""
    listed = ", ".join(_QUOTED.findall(expected)) or expected.replace(" or ", ", ")
    if len(listed) <= CHOICES_LENGTH_MAX:
        return listed
    return listed[:CHOICES_LENGTH_MAX].rpartition(", ")[0] + ", …"
