"""What the verifier has to say: findings, and how much was looked at to come to them."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

NOTHING = "—"
"""What stands where a row or a value is missing, in every language."""


class Kind(StrEnum):
    """Whether something cannot be right, or has only not come to its end."""

    WRONG = "wrong"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where what is stored is not what it must be, or not yet.

    ``check`` is a stable code, ``where`` names service, table and key.
    """

    check: str
    where: str
    says: str
    should_say: str
    kind: Kind

    def __str__(self) -> str:
        return f"{self.kind} {self.check}: {self.where}: {self.says} -> {self.should_say}"


@dataclass(slots=True)
class Report:
    """Findings as they are made, and how many of which things were checked."""

    findings: list[Finding] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)

    def wrong(self, check: str, where: str, says: object, should_say: object) -> None:
        """Note something that cannot be right."""
        self.findings.append(Finding(check, where, shown(says), shown(should_say), Kind.WRONG))

    def open(self, check: str, where: str, says: object, should_say: object) -> None:
        """Note something that has not come to its end: not yet followed, put off, put aside."""
        self.findings.append(Finding(check, where, shown(says), shown(should_say), Kind.OPEN))

    def equal(
        self, check: str, where: str, says: object, should_say: object, *, waits: bool = False
    ) -> None:
        """Note it where two things differ that must be one; as open where work on it waits."""
        if says != should_say:
            note = self.open if waits else self.wrong
            note(check, where, says, should_say)

    def holds(self, check: str, where: str, says: object, rule: str, *, true: bool) -> None:
        """Note it where something breaks a rule."""
        if not true:
            self.wrong(check, where, says, rule)

    def of_kind(self, kind: Kind) -> list[Finding]:
        """Return the findings of a kind."""
        return [finding for finding in self.findings if finding.kind is kind]


def shown(value: object) -> str:
    """Return a value as people read it; numbers in full, without exponent and idle zeros."""
    match value:
        case None:
            text = NOTHING
        case Decimal():
            text = format(value, "f")
            text = text.rstrip("0").rstrip(".") if "." in text else text
        case datetime() | date():
            text = value.isoformat()
        case dict():
            text = ", ".join(f"{shown(key)}: {shown(held)}" for key, held in value.items())
        case list() | tuple() | set() | frozenset():
            text = ", ".join(shown(part) for part in value)
        case _:
            text = str(value)
    return text or NOTHING
