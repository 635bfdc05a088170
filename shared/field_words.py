"""What to send instead, for each fault that the field types find, in both languages."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, LiteralString, NamedTuple, NoReturn

from pydantic_core import PydanticCustomError

from shared.errors import Language


class Words(NamedTuple):
    """What to send instead; may name facts of the error in braces."""

    en: LiteralString
    zh: LiteralString

    def text(self, language: Language) -> LiteralString:
        """The sentence in that language."""
        return self.zh if language == "zh" else self.en


# By error type; the type is also the stable code of the entry in a problem's `errors`.
FIELD_WORDS: Final[Mapping[LiteralString, Words]] = MappingProxyType(
    {
        "text_blank": Words(
            "Send text with at least one visible character.",
            "请填写至少一个可见字符。",
        ),
        "text_too_long": Words(
            "Send at most {max_length} characters.",
            "最多 {max_length} 个字符。",
        ),
        "text_control_character": Words(
            "Send text without control characters, and here without line breaks or tabs.",
            "文本不能包含控制字符，此处也不能包含换行或制表符。",
        ),
        "note_control_character": Words(
            "Send text without control characters; line breaks and tabs are fine.",
            "文本不能包含控制字符；换行和制表符可以。",
        ),
        "code_not_printable": Words(
            "Send a code of printable characters only.",
            "代码只能由可打印字符组成。",
        ),
        "decimal_invalid": Words(
            'Send a plain decimal number as text in quotes, such as "1200.00": at most 15 digits '
            "before the point and 6 after it.",
            '请用带引号的文本发送普通十进制数，例如 "1200.00"：小数点前最多 15 位，之后最多 6 位。',
        ),
        "share_invalid": Words(
            'Send a share of one as text in quotes, above 0 and at most 1, such as "0.25" for '
            "25 %, with at most 6 decimals.",
            '请用带引号的文本发送占比，大于 0 且不超过 1，例如 25% 写作 "0.25"，最多 6 位小数。',
        ),
        "rate_invalid": Words(
            'Send a rate as text in quotes, from 0 to 10, such as "0.08" for 8 %, with at most '
            "6 decimals.",
            '请用带引号的文本发送比率，范围 0 到 10，例如 8% 写作 "0.08"，最多 6 位小数。',
        ),
        "quantity_invalid": Words(
            'Send a quantity above 0 as text in quotes, such as "12" or "0.5": at most 15 digits '
            "before the point and 6 after it.",
            '请用带引号的文本发送大于 0 的数量，例如 "12" 或 "0.5"：小数点前最多 15 位，'
            "之后最多 6 位。",
        ),
        "currency_unknown": Words(
            "Send a currency code of ISO 4217 in capitals, such as CNY.",
            "请使用大写的 ISO 4217 货币代码，例如 CNY。",
        ),
        "money_too_fine": Words(
            "{currency} has {digits} decimals. Send no more than that.",
            "{currency} 只有 {digits} 位小数，请不要超过。",
        ),
        "date_invalid": Words(
            'Send a date as text, such as "2025-03-31", between 1900-01-01 and 2199-12-31.',
            '请用文本发送日期，例如 "2025-03-31"，介于 1900-01-01 与 2199-12-31 之间。',
        ),
        "instant_invalid": Words(
            'Send a time with its offset as text, such as "2025-03-31T09:30:00Z" or '
            '"2025-03-31T17:30:00+08:00", in the years 1900 to 2199.',
            '请用文本发送带时区的时间，例如 "2025-03-31T09:30:00Z" 或 '
            '"2025-03-31T17:30:00+08:00"，年份介于 1900 与 2199 之间。',
        ),
        "period_invalid": Words(
            'Send a fiscal period, such as "2026", "2026-H1", "2026-Q4" or "2026-M05".',
            '请填写财务期间，例如 "2026"、"2026-H1"、"2026-Q4" 或 "2026-M05"。',
        ),
        "null_refused": Words(
            "Send a value, or leave the field out to keep what it is.",
            "请填写值；如需保持不变，请省略该字段。",
        ),
        "replay_without_bounds": Words(
            "Say what to send once more: after or until, or both since and before.",
            "请说明要重新发送的范围：after 或 until，或同时填写 since 和 before。",
        ),
        "column_or_constant": Words(
            "Give either the column that the field comes from or a constant.",
            "请填写字段来源的列名或常量，二者只能填一个。",
        ),
        "id_or_external": Words(
            "Give the id, or the external id together with its source.",
            "请填写编号，或外部编号及其来源系统。",
        ),
        "id_invalid": Words(
            'Send an id as it was given, such as "0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10".',
            '请原样发送编号，例如 "0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10"。',
        ),
    }
)


def refuse(code: LiteralString, **facts: object) -> NoReturn:
    """Raise the validation error of that type; the facts fill its words."""
    raise PydanticCustomError(code, FIELD_WORDS[code].en, facts)
