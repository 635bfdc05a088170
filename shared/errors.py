"""The family of errors: the kind gives status and retry, the class the code, the text what to do.

A service declares its refusals as facts, each in two languages:

    class DealAlreadyClosed(Refused):
        en = "Deal {deal_id} is already {stage}. Reopen it first."
        zh = "商机 {deal_id} 已是 {stage} 状态，请先重新打开。"

    raise DealAlreadyClosed(deal_id=deal.id, stage=deal.stage, pointer="/deal_id")
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from string import Formatter
from typing import ClassVar, Final, Literal, Self

Language = Literal["en", "zh"]

FACT_LENGTH_MAX: Final = 200
_WORD_START: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Kind(Enum):
    """What sort of failure it is; decides the HTTP status and whether trying again can help."""

    INVALID = ("invalid", 422)
    FORBIDDEN = ("forbidden", 403)
    UNAUTHENTICATED = ("unauthenticated", 401)
    NOT_FOUND = ("not_found", 404)
    CONFLICT = ("conflict", 409)
    REFUSED = ("refused", 409)
    PRECONDITION_FAILED = ("precondition_failed", 412)
    PRECONDITION_REQUIRED = ("precondition_required", 428)
    GONE = ("gone", 410)
    TOO_LARGE = ("too_large", 413)
    TOO_MANY_REQUESTS = ("too_many_requests", 429)
    UNAVAILABLE = ("unavailable", 503)

    # The word comes first so that two kinds with one status stay two members, not an alias.
    def __init__(self, word: str, status: int) -> None:
        self.word = word
        self.status = status

    @property
    def retryable(self) -> bool:
        """True when the same request, sent again later, may succeed."""
        return self in (Kind.UNAVAILABLE, Kind.TOO_MANY_REQUESTS)


def _check_kind(cls: "type[PharosError]") -> None:
    if "kind" not in cls.__dict__:
        raise TypeError(f"{cls.__name__} states no kind; derive it from Invalid, Refused, …")


def _check_texts(cls: "type[PharosError]") -> None:
    own = {"en", "zh"} & cls.__dict__.keys()
    inherited = not own and hasattr(cls, "en")
    if len(own) != 2 and not inherited:
        raise TypeError(f"{cls.__name__} must state its text in both en and zh")
    english, chinese = _placeholders(cls, "en"), _placeholders(cls, "zh")
    if english != chinese:
        raise TypeError(f"{cls.__name__} fills {sorted(english)} in en, {sorted(chinese)} in zh")


def _placeholders(cls: "type[PharosError]", language: Language) -> frozenset[str]:
    """Names that the template fills; plain names only, so that a text can never reach inside."""
    template: str | None = getattr(cls, language, None)
    if template is None:
        raise TypeError(f"{cls.__name__} is a kind; raise a named error of that kind")
    names = set()
    for _, name, specification, conversion in Formatter().parse(template):
        if name is None:
            continue
        if specification or conversion or not name.isidentifier():
            raise TypeError(f"{cls.__name__}: {{{name}}} must be a plain name")
        names.add(name)
    return frozenset(names)


class PharosError(Exception):
    """Root of the family. `code` is the class name in snake_case unless the class states one.

    `pointer` names the input at fault: a JSON pointer into the body ("/lines/0/amount"), or
    "?limit" for a parameter of the address. `facts` fill the placeholders of both texts; facts
    that no text names are kept for the log.
    """

    kind: ClassVar[Kind]
    code: ClassVar[str]
    en: ClassVar[str]
    zh: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "code" not in cls.__dict__:
            cls.code = _WORD_START.sub("_", cls.__name__).lower()
        if cls.__bases__ == (PharosError,):
            _check_kind(cls)
        else:
            _check_texts(cls)

    def __init__(self, *, pointer: str | None = None, **facts: object) -> None:
        missing = _placeholders(type(self), "en") - facts.keys()
        if missing:
            raise TypeError(f"{type(self).__name__} needs the facts {sorted(missing)}")
        if pointer and pointer[0] not in "/?":
            raise TypeError(f"{pointer!r} is neither a JSON pointer nor a ?parameter")
        super().__init__()
        self.pointer = pointer
        self.facts: Mapping[str, object] = facts

    def text(self, language: Language) -> str:
        """What happened and what to do about it, in that language."""
        template = self.zh if language == "zh" else self.en
        return template.format_map({name: _shown(fact) for name, fact in self.facts.items()})

    def under(self, prefix: str) -> Self:
        """The same error where the input at fault lies deeper, such as below "/deals/3"."""
        return type(self)(pointer=f"{prefix}{self.pointer or ''}", **self.facts)

    def __str__(self) -> str:
        return self.text("en")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text('en')!r})"

    # Exceptions are rebuilt from positional arguments by default; ours has only named ones, and
    # they do travel between processes.
    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (type(self), self.pointer, dict(self.facts))


class Invalid(PharosError):
    """The request can be read but what it says cannot be right."""

    kind = Kind.INVALID


class Forbidden(PharosError):
    """The caller is known and may not do this."""

    kind = Kind.FORBIDDEN


class Unauthenticated(PharosError):
    """Nobody has proved who is calling."""

    kind = Kind.UNAUTHENTICATED


class NotFound(PharosError):
    """There is no such thing, or none that this caller may see."""

    kind = Kind.NOT_FOUND


class Conflict(PharosError):
    """Something else got there first: a duplicate, a request still running."""

    kind = Kind.CONFLICT


class Refused(PharosError):
    """A rule of the field forbids it in the present state."""

    kind = Kind.REFUSED


class PreconditionFailed(PharosError):
    """The version the caller worked from is no longer the current one."""

    kind = Kind.PRECONDITION_FAILED


class PreconditionRequired(PharosError):
    """The change must say which version it was made from."""

    kind = Kind.PRECONDITION_REQUIRED


class Gone(PharosError):
    """It was there and has been removed for good."""

    kind = Kind.GONE


class TooLarge(PharosError):
    """The request is bigger than what is accepted."""

    kind = Kind.TOO_LARGE


class TooManyRequests(PharosError):
    """The caller has used up its rate; try again after `retry_after` seconds."""

    kind = Kind.TOO_MANY_REQUESTS
    retry_after: ClassVar[int] = 1


class Unavailable(PharosError):
    """Something we need does not answer now; try again after `retry_after` seconds.

    The log tells of each, with its cause, unless it `is_news` no more.
    """

    kind = Kind.UNAVAILABLE
    retry_after: ClassVar[int] = 1
    is_news: ClassVar[bool] = True


def _shown(fact: object) -> str:
    """A fact as it reads in a sentence, bounded in length."""
    if isinstance(fact, Enum):
        fact = fact.value
    if isinstance(fact, Decimal):
        return format(fact, "f")
    if isinstance(fact, datetime):
        return fact.isoformat()
    if isinstance(fact, list | tuple | set | frozenset):
        parts = [_shown(part) for part in fact]
        fact = ", ".join(sorted(parts) if isinstance(fact, set | frozenset) else parts)
    text = str(fact)
    return text if len(text) <= FACT_LENGTH_MAX else text[: FACT_LENGTH_MAX - 1] + "…"


def _rebuilt(
    cls: type[PharosError], pointer: str | None, facts: Mapping[str, object]
) -> PharosError:
    return cls(pointer=pointer, **facts)
