"""What every event is made of: a frozen payload with a type, a subject and a version."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PlainSerializer

from shared.errors import Invalid
from shared.money import Money, figure
from shared.ratio import plain

C = TypeVar("C", bound="type[Contract]")
_BY_TYPE: dict[str, "type[Contract]"] = {}

Exact = Annotated[Decimal, PlainSerializer(lambda value: figure(value, ""), return_type=str)]
"""A decimal that travels as a plain string: a JSON number would go through binary floats."""
AmountText = Annotated[Decimal, PlainSerializer(plain, return_type=str)]
"""An amount of money, which keeps the decimals of its currency."""


class UnknownContract(Invalid):
    """An event type that this release cannot read."""

    en = "No contract is known for events of type {type}. Upgrade this service, then replay."
    zh = "没有类型为 {type} 的事件契约，请先升级本服务，再重放该事件。"


class Concerned(NamedTuple):
    """Whom an event is about: who reaches one of them may read it."""

    members: frozenset[UUID] = frozenset()
    units: frozenset[UUID] = frozenset()


class Contract(BaseModel):
    """A payload. Fields are only ever added; readers ignore what they do not know.

    ``TYPE`` is the CloudEvents type with its version, ``READ`` the permission that the feed asks
    for, ``SUBJECT`` the field that names the aggregate. ``version`` is the aggregate's.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    TYPE: ClassVar[str]
    READ: ClassVar[str]
    SUBJECT: ClassVar[str]

    version: int

    @property
    def subject(self) -> UUID:
        """Return the id of the aggregate that the event is about."""
        subject: UUID = getattr(self, self.SUBJECT)
        return subject

    def concerns(self) -> Concerned:
        """Return whom it is about. Nobody: only who reaches everybody may read it."""
        return Concerned()


class Part(BaseModel):
    """A value inside a payload."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class MoneyValue(Part):
    """Money on the wire: a plain decimal string and an ISO 4217 code."""

    amount: AmountText
    currency: str

    @classmethod
    def of(cls, money: Money) -> "MoneyValue":
        """Return the wire form of an amount."""
        return cls(amount=Decimal(money.text), currency=money.currency)

    def money(self) -> Money:
        """Return the amount as the type that calculates."""
        return Money(self.amount, self.currency)


def published(kind: str, *, read: str, subject: str) -> Callable[[C], C]:
    """Register a contract under its type ``pharos.<service>.<noun>.<past tense>.v<n>``."""

    def register(contract: C) -> C:
        contract.TYPE, contract.READ, contract.SUBJECT = kind, read, subject
        _BY_TYPE[kind] = contract
        return contract

    return register


def contracts() -> dict[str, type[Contract]]:
    """Return every contract by its type."""
    return dict(_BY_TYPE)


def contract_of(kind: str) -> type[Contract] | None:
    """Return the contract of a type, None when this release has none."""
    return _BY_TYPE.get(kind)


def family(kind: str) -> str:
    """Return a type without its version: the thing that a reader says it handles."""
    return kind.rpartition(".v")[0]


def permission_of(kind: str) -> str | None:
    """Return the permission to read events of a type, None when nothing is known of it.

    A version that this release does not know is as secret as those that it knows.
    """
    known = _BY_TYPE.get(kind) or next(
        (contract for name, contract in _BY_TYPE.items() if family(name) == family(kind)), None
    )
    return None if known is None else known.READ


def decode(kind: str, payload: bytes | str) -> Contract:
    """Parse a payload; raises UnknownContract or pydantic's ValidationError."""
    contract = _BY_TYPE.get(kind)
    if contract is None:
        raise UnknownContract(type=kind)
    return contract.model_validate_json(payload)


def schema(contract: type[Contract]) -> dict[str, Any]:
    """Return the JSON schema that is held by a snapshot."""
    return contract.model_json_schema(mode="serialization")
