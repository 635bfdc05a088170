"""Members whom the rows of a file name: the directory knows them, or the rows wait for it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias
from uuid import UUID

from shared.db import Connection
from shared.directory import queries as directory
from shared.errors import Invalid
from shared.jobs.importer import Copy, Refusal

COPY: Final = Copy(directory.CONSUMER, directory.SOURCE)

Mentions: TypeAlias = Mapping[str, UUID]
"""Whom a row names, by the pointer to the field."""


class MemberNotKnown(Invalid):
    """A row names a member who is not there."""

    en = "There is no member {member_id}. Import the members first, in the targets service."
    zh = "不存在成员 {member_id}，请先在目标服务中导入成员。"


async def unknown(conn: Connection, rows: Iterable[Mentions]) -> Sequence[Refusal | None]:
    """Return for each row the refusal of the first member who is not known, None when all are."""
    asked = list(rows)
    named = {member_id for mentions in asked for member_id in mentions.values()}
    known = await directory.known_members(conn, named) if named else set()
    return [_refusal(mentions, known) for mentions in asked]


def _refusal(mentions: Mentions, known: set[UUID]) -> Refusal | None:
    for pointer, member_id in mentions.items():
        if member_id not in known:
            return Refusal(MemberNotKnown(member_id=member_id, pointer=pointer), waits=True)
    return None
