"""A file that comes in one request: kept piece by piece, never as a whole in memory."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from starlette.requests import ClientDisconnect

from shared import clock
from shared.db import Database
from shared.errors import Invalid
from shared.jobs import commands, store
from shared.jobs.model import Job, State

PIECE = 1_048_576


class UploadBrokenOff(Invalid):
    """The sender went away in the middle of the file."""

    en = "The upload broke off. Send the file again, or in chunks."
    zh = "上传中断，请重新发送文件，或分块上传。"


async def receive(database: Database, job: Job, stream: AsyncIterator[bytes]) -> Job:
    """Keep the whole of a stream as the file of a job and let the job begin.

    The same file again under the same key keeps nothing and changes nothing; raises ImportReused
    for another one.
    """
    hashed = hashlib.sha256()
    size = number = 0
    fresh = job.state is State.UPLOADING
    async for piece in _pieces(stream):
        hashed.update(piece)
        size += len(piece)
        if fresh:
            await _keep(database, job.id, number, piece)
        number += 1
    digest, chunks = hashed.digest(), number
    return await database.transact(
        lambda conn: commands.begin(conn, job.id, size=size, chunks=chunks, digest=digest)
    )


@asynccontextmanager
async def dropped_unless_whole(database: Database, job: Job, *, keep: bool) -> AsyncIterator[None]:
    """Drop the job of a file that broke off or was too large; with ``keep`` it is sent again."""
    whole = False
    try:
        yield
        whole = True
    except ClientDisconnect as error:
        raise UploadBrokenOff from error
    finally:
        if not whole and not keep:
            await database.transact(
                lambda conn: store.end(conn, job.id, State.CANCELLED, None, clock.now())
            )


async def _keep(database: Database, job_id: UUID, number: int, piece: bytes) -> None:
    await database.transact(lambda conn: commands.put_chunk(conn, job_id, number, piece))


async def _pieces(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the stream in pieces of one size; the last may be shorter."""
    gathered = bytearray()
    async for part in stream:
        gathered += part
        while len(gathered) >= PIECE:
            yield bytes(gathered[:PIECE])
            del gathered[:PIECE]
    if gathered:
        yield bytes(gathered)
