"""Problem types: every failure that a service answers with, found in the code that raises it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.errors import Kind, PharosError
from shared.field_words import Words
from shared.http.documents.advice import ADVICE
from shared.http.status_words import (
    ANY_FAILURE,
    ANY_REFUSAL,
    INVALID_REQUEST,
    INVALID_REQUEST_CODE,
    STATUS_WORDS,
    TITLES,
    StatusWords,
)


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A stable code and what is always the same about it; ``text`` has braces for the facts."""

    code: str
    status: int
    retryable: bool
    title: Words
    text: Words
    advice: Words


def problem_types(service: str) -> Mapping[str, ProblemType]:
    """Return what a service can answer, by code in order: its own, the chassis', bare statuses."""
    found: dict[str, ProblemType] = {}
    for error in error_classes(service):  # of classes with one code the widest comes first
        found.setdefault(error.code, of_error(error))
    for known in _of_statuses():
        found.setdefault(known.code, known)
    return dict(sorted(found.items()))


def error_classes(service: str) -> Iterator[type[PharosError]]:
    """Yield the errors that a service's own modules and the chassis declare."""
    places = ("shared.", f"services.{service}.")
    for error in _below(PharosError):
        if error.__module__.startswith(places) and hasattr(error, "en"):
            yield error


def of_error(error: type[PharosError]) -> ProblemType:
    """Return the type that an error class stands for."""
    return ProblemType(
        code=error.code,
        status=error.kind.status,
        retryable=error.kind.retryable,
        title=TITLES[error.kind],
        text=_template(error),
        advice=ADVICE[error.kind],
    )


def _below(error: type[PharosError]) -> Iterator[type[PharosError]]:
    for narrower in error.__subclasses__():
        yield narrower
        yield from _below(narrower)


def _template(error: type[PharosError]) -> Words:
    return Words(error.en, error.zh)


def _of_statuses() -> Iterator[ProblemType]:
    invalid = StatusWords(INVALID_REQUEST_CODE, TITLES[Kind.INVALID], INVALID_REQUEST)
    of_status = {**STATUS_WORDS, 400: STATUS_WORDS[400], 422: invalid, 500: ANY_FAILURE}
    kinds = {kind.status: kind for kind in Kind}
    for status, words in sorted(of_status.items()):
        kind = kinds.get(status)
        advice = words.detail if kind is None else ADVICE[kind]
        yield _of_words(status, words, advice, retryable=kind is not None and kind.retryable)
    yield _of_words(400, ANY_REFUSAL, ANY_REFUSAL.detail, retryable=False)


def _of_words(status: int, words: StatusWords, advice: Words, *, retryable: bool) -> ProblemType:
    return ProblemType(
        code=words.code,
        status=status,
        retryable=retryable,
        title=words.title,
        text=words.detail,
        advice=advice,
    )
