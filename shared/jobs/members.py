"""Members whom the rows of a file name: the directory knows them, or the rows wait for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from shared.db import Connection
from shared.directory import queries as directory
from shared.errors import Invalid
from shared.field_words import refuse
from shared.ids import External
from shared.jobs.importer import Copy, Refusal

COPY: Final = Copy(directory.CONSUMER, directory.SOURCE)

Named: TypeAlias = UUID | External
Mentions: TypeAlias = Mapping[str, Named | None]
"""Whom a row names, by the pointer to the field; None: nobody."""


class MemberNotKnown(Invalid):
    """A row names a member who is not there."""

    en = "There is no member {member_id}. Import the members first, in the targets service."
    zh = "不存在成员 {member_id}，请先在目标服务中导入成员。"


class ExternalMemberNotKnown(Invalid):
    """A row names a member as another system does, and none of ours has that name."""

    en = "There is no member {external_id} of {source}. Import the members of {source} first."
    zh = "不存在来源 {source} 的成员 {external_id}，请先在目标服务中导入该来源的成员。"


@dataclass(frozen=True, slots=True)
class Found:
    """Which members whom rows name are known."""

    ids: Mapping[Named, UUID]

    def refusal(self, mentions: Mentions) -> Refusal | None:
        """Return why a row must wait, for the first member who is not known; None when all are."""
        for pointer, named in mentions.items():
            if named is not None and named not in self.ids:
                return Refusal(_unknown(named, pointer), waits=True)
        return None


def named(member_id: UUID | None, source: str | None, external_id: str | None) -> Named | None:
    """Return whom an id, or else an external id with its source, names; None: nobody."""
    if member_id is not None or source is None or external_id is None:
        return member_id
    return External(source, external_id)


def surely_named(member_id: UUID | None, source: str | None, external_id: str | None) -> Named:
    """Return whom a row names; refuses a row that names nobody."""
    found = named(member_id, source, external_id)
    if found is None:
        refuse("id_or_external")
    return found


async def find(conn: Connection, rows: Iterable[Mentions]) -> Found:
    """Look up all whom the rows name."""
    all_named = {one for mentions in rows for one in mentions.values() if one is not None}
    own = {one for one in all_named if isinstance(one, UUID)}
    elsewhere = {one for one in all_named if isinstance(one, External)}
    known = await directory.known_members(conn, own) if own else set()
    ids = await directory.members_of(conn, elsewhere) if elsewhere else {}
    return Found({**{one: one for one in known}, **{one: ids[one] for one in ids}})


def _unknown(named: Named, pointer: str) -> Invalid:
    if isinstance(named, UUID):
        return MemberNotKnown(member_id=named, pointer=pointer)
    pointer = pointer.removesuffix("_id") + "_external_id"
    return ExternalMemberNotKnown(external_id=named.id, source=named.source, pointer=pointer)
