"""What can be asked of import jobs: to be made, fed, begun and cancelled."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.audit.model import Change
from shared.context import Context
from shared.db import Connection
from shared.errors import Conflict, Invalid, Refused, TooManyRequests
from shared.events import outbox
from shared.jobs import queries, store
from shared.jobs.model import Asker, Job, State, Wanted
from shared.jobs.queries import OperationNotFound

OPEN_MAX = 50


class TooManyImports(TooManyRequests):
    """One caller has so many jobs open that more would only fill the database."""

    en = "You have {open} imports that have not ended; wait for one, or cancel it."
    zh = "您有 {open} 个未结束的导入，请等待其完成或取消。"
    retry_after = 10


class UploadEnded(Conflict):
    """The file of a job is whole; no more of it is taken."""

    en = "The file of this import is complete ({state}). Make another import for another file."
    zh = "该导入的文件已完整（{state}），如需上传其他文件请新建导入。"


class ChunksMissing(Invalid):
    """Pieces of a file have not come."""

    en = "Of the file these chunks are missing: {missing}. Send them, then complete it again."
    zh = "文件缺少以下分块：{missing}。请补传后再次确认完成。"


class SizeDiffers(Invalid):
    """What has come is not as long as was said."""

    en = "{size} bytes have come, not {expected}. Send the chunks that differ again."
    zh = "已收到 {size} 字节，而非 {expected} 字节，请重新上传有差异的分块。"


class ImportReused(Invalid):
    """One key stands for one import."""

    en = "This Idempotency-Key was used for another import. Send a new key with a new file."
    zh = "该 Idempotency-Key 已用于另一导入；新的文件请使用新的键。"


class OperationEnded(Refused):
    """What has ended cannot be cancelled."""

    en = "The operation is {state} already; nothing is left to cancel."
    zh = "该操作已处于 {state} 状态，无法取消。"


async def make(conn: Connection, job_id: UUID, asker: Asker, wanted: Wanted, now: datetime) -> Job:
    """Make a job, or return the one that was made under this id before.

    Raises ImportReused when that one was asked for otherwise, and TooManyImports.
    """
    known = await store.lock(conn, job_id)
    if known is not None:
        if known.wanted != wanted:
            raise ImportReused
        return known
    if (unfinished := await queries.open_jobs(conn, asker.subject)) >= OPEN_MAX:
        raise TooManyImports(open=unfinished)
    await store.insert(conn, job_id, asker, wanted, now)
    return await _locked(conn, job_id, asker.subject)


async def put_chunk(conn: Connection, job_id: UUID, number: int, content: bytes) -> None:
    """Keep a piece of the file; raises UploadEnded."""
    if not await store.put_chunk(conn, job_id, number, content):
        job = await store.one(conn, job_id)
        raise UploadEnded(state="cancelled" if job is None else job.state.value)


async def begin(conn: Connection, job_id: UUID, *, size: int, chunks: int, digest: bytes) -> Job:
    """Let a job begin whose file has come whole; raises ImportReused, UploadEnded."""
    fresh = await store.uploaded(conn, job_id, size, chunks, digest)
    if not fresh and await queries.digest(conn, job_id) != digest:
        raise ImportReused
    return await _locked(conn, job_id, None)


async def complete(
    conn: Connection, *, job_id: UUID, subject: str | None, chunks: int, size: int
) -> Job:
    """Let a job begin whose chunks have come; raises ChunksMissing, SizeDiffers, UploadEnded."""
    job = await _locked(conn, job_id, subject)
    if job.state is not State.UPLOADING:
        if (job.chunks, job.size) == (chunks, size):
            return job
        raise UploadEnded(state=job.state.value)
    sizes = dict(await queries.received(conn, job_id))
    if missing := [n for n in range(chunks) if n not in sizes]:
        raise ChunksMissing(missing=missing[:20], pointer="/chunks")
    come = sum(sizes[n] for n in range(chunks))
    if come != size:
        raise SizeDiffers(size=come, expected=size, pointer="/size")
    await store.uploaded(conn, job_id, size, chunks, b"")
    return await _locked(conn, job_id, subject)


async def cancel(conn: Connection, ctx: Context, *, job_id: UUID, subject: str | None) -> Job:
    """End a job behind the batch that is under way; what was taken stays. Raises OperationEnded."""
    job = await _locked(conn, job_id, subject)
    ends = await store.end(conn, job_id, State.CANCELLED, None, ctx.now)
    if not ends and job.state is not State.CANCELLED:
        raise OperationEnded(state=job.state.value)
    if ends:
        was, now = {"state": job.state.value}, {"state": State.CANCELLED.value}
        await outbox.note(conn, ctx, Change("import", "cancelled", str(job_id), None, was, now))
    return await _locked(conn, job_id, subject)


async def _locked(conn: Connection, job_id: UUID, subject: str | None) -> Job:
    job = await store.lock(conn, job_id)
    if job is None or (subject is not None and job.asker.subject != subject):
        raise OperationNotFound(operation_id=job_id)
    return job


def missing_of(received: Sequence[tuple[int, int]], chunks: int) -> list[int]:
    """Return which chunks have not come, at most 100."""
    come = {number for number, _ in received}
    return [number for number in range(chunks) if number not in come][:100]
