"""The database: a pool of our own settings, and transactions that are retried as a whole."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias, TypeVar

import asyncpg

from shared.clock import pause
from shared.errors import Conflict, Unavailable
from shared.pulse import Pulse
from shared.settings import ServiceSettings

T = TypeVar("T")
Row: TypeAlias = asyncpg.Record
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Work: TypeAlias = Callable[[Connection], Awaitable[T]]

ATTEMPTS = 3
STATEMENTS_LONG = 6
"""How many times as long as a statement a transaction may take."""
CLOSE_SECONDS = 5
RETRYABLE = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,
    # Two requests made the same thing at once; the second try finds what the first one made.
    asyncpg.UniqueViolationError,
)
FAULT = asyncpg.PostgresError
"""Whatever the database refuses; a caller that goes on without it catches this by name."""
UNAVAILABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the protocol broke off in the middle
    asyncpg.InsufficientResourcesError,  # disk, memory, connections
    asyncpg.OperatorInterventionError,  # shutdown, crash, recovery, cancelled, timed out
    asyncpg.PostgresSystemError,  # input and output
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # the server has become a standby
    asyncpg.LockNotAvailableError,
)
"""What is no fault of the statement or its data: later the same will do. By whole classes, since
whatever is missing here parks an event and sets a payee aside."""


tells_of_events: ContextVar[bool] = ContextVar("tells_of_events", default=False)
"""Whether the transaction under way has events for the relay; the outbox sets it."""


class DatabaseUnavailable(Unavailable):
    """The database did not answer, or not in time; whether something was written is unknown."""

    en = "The database did not answer in time. Send it again under the same Idempotency-Key."
    zh = "数据库未能及时响应，请以同一 Idempotency-Key 重新发送。"


class DatabaseSilent(DatabaseUnavailable):
    """The database gives no sign of life, which the log has told once; nothing was tried."""

    code = "database_unavailable"
    is_news = False


class MadeAtOnce(Conflict):
    """The same thing was made elsewhere at the same moment, time and again."""

    en = "Somebody else made the same thing at the same moment. Look, then send it again."
    zh = "他人在同一时刻建立了相同的数据，请查看后重新发送。"


class Sessions:
    """Opens sessions with limits that older servers do not know, where the server knows them.

    asyncpg sends a new statement first and its parameters when the server has described it. A
    process that hangs in between keeps its locks: for the server the statement is under way, but
    its timeout is not looked at while the server reads. Only ``transaction_timeout``, which came
    with PostgreSQL 17, ends that.
    """

    def __init__(self, limits: Mapping[str, str]) -> None:
        self._limits = limits

    async def __call__(self, *args: Any, **kwargs: Any) -> "asyncpg.Connection[asyncpg.Record]":
        """Connect as ``asyncpg.connect`` does."""
        asked = kwargs.pop("server_settings")
        try:
            return await asyncpg.connect(*args, server_settings={**asked, **self._limits}, **kwargs)
        except asyncpg.UndefinedObjectError:
            self._limits = {}
            return await asyncpg.connect(*args, server_settings=asked, **kwargs)


class Database:
    """A service's own database: short-lived connections from a fair pool, and transactions.

    ``committed`` is called after a transaction that put events into the outbox, so that a relay in
    this process wakes at once.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        size: int,
        pulse: Pulse,
        acquire_seconds: float,
    ) -> None:
        self._pool = pool
        self._pulse = pulse
        self._acquire_seconds = acquire_seconds
        # asyncpg's pool is unfair; a FIFO semaphore before it takes the tail off the waits.
        self._slots = asyncio.Semaphore(size)
        self.committed: Callable[[], None] = lambda: None

    @classmethod
    async def connect(cls, settings: ServiceSettings, schema: str) -> "Database":
        """Open the pool on ``schema``; connections come as they are needed."""
        limit = str(STATEMENTS_LONG * settings.statement_timeout_ms)
        pool = await asyncpg.create_pool(
            settings.database_url,
            connect=Sessions({"transaction_timeout": limit}),
            min_size=0,
            max_size=settings.pool_size,
            command_timeout=settings.statement_timeout_ms / 1000 + 1,
            timeout=5,
            reset=_keep_as_is,
            server_settings={
                "application_name": f"pharos-{schema}",
                "search_path": schema,
                "timezone": "UTC",
                "jit": "off",
                "statement_timeout": str(settings.statement_timeout_ms),
                "lock_timeout": str(settings.lock_timeout_ms),
                "idle_in_transaction_session_timeout": str(settings.statement_timeout_ms),
                # A host that vanished holds its locks until the server asks whether it is there.
                "tcp_keepalives_idle": "10",
                "tcp_keepalives_interval": "5",
                "tcp_keepalives_count": "3",
            },
        )
        pulse = Pulse(lambda: _sign_of_life(settings.database_url))
        return cls(pool, settings.pool_size, pulse, settings.acquire_timeout_ms / 1000)

    async def close(self) -> None:
        """Close the pool, by force when a connection does not come back in time."""
        await self._pulse.stop()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """Lend a connection; each statement on it is a transaction of its own.

        Raises DatabaseUnavailable while the database gives no sign of life, and what is in
        UNAVAILABLE when there is no connection in time or the lent one is lost.
        """
        if self._pulse.lost:
            raise DatabaseSilent
        with self._pulse.waiting() as waiting:
            async with asyncio.timeout(self._acquire_seconds) as coming:
                waiting.comes(coming)
                await self._slots.acquire()
                try:
                    conn = await self._connection()
                except BaseException:
                    self._slots.release()
                    raise
            waiting.holds(conn)
            try:
                yield conn
            finally:
                try:
                    await self._pool.release(conn)
                finally:
                    self._slots.release()

    async def _connection(self) -> Connection:
        if self._pulse.lost:  # while we waited for our turn
            raise DatabaseSilent
        return await self._pool.acquire()

    async def read(self, query: Work[T]) -> T:
        """Run queries on a connection; raises DatabaseUnavailable when the database is away."""
        try:
            async with self.acquire() as conn:
                return await query(conn)
        except UNAVAILABLE as error:
            raise _unavailable(error) from error

    async def transact(self, work: Work[T]) -> T:
        """Run ``work`` in one READ COMMITTED transaction, again from its start when it may.

        Raises DatabaseUnavailable when the database is away, slow or keeps refusing; whatever
        ``work`` raises passes through after the rollback.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                tells_of_events.set(False)
                async with self.acquire() as conn:
                    result = await _in_transaction(conn, work)
            except RETRYABLE as error:
                if attempt == ATTEMPTS:
                    made = isinstance(error, asyncpg.UniqueViolationError)
                    raise (MadeAtOnce if made else DatabaseUnavailable) from error
                await pause(0.02 * attempt)
            except UNAVAILABLE as error:
                raise _unavailable(error) from error
            else:
                if tells_of_events.get():
                    self.committed()
                return result
        raise DatabaseUnavailable


def _unavailable(error: Exception) -> Exception:
    """Return what to raise: a bad argument is an asyncpg.InterfaceError too, but our own fault."""
    return error if isinstance(error, ValueError) else DatabaseUnavailable()


def is_passing(error: Exception) -> bool:
    """Tell whether an error may be gone at the next try: a lock, a lost connection, a slow disk."""
    return not isinstance(error, ValueError) and isinstance(error, (*RETRYABLE, *UNAVAILABLE))


async def _sign_of_life(url: str) -> None:
    """Open a session, for which the server starts a process; a refusal is a sign of life too."""
    try:
        conn = await asyncpg.connect(url)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        return
    conn.terminate()


async def _in_transaction(conn: Connection, work: Work[T]) -> T:
    transaction = conn.transaction()
    await transaction.start()
    try:
        result = await work(conn)
    except BaseException:
        if not conn.is_closed():
            await _to_its_end(transaction.rollback())
        raise
    await _to_its_end(transaction.commit())
    return result


async def _to_its_end(ending: Awaitable[None]) -> None:
    """Await a commit or rollback to its end even when the caller is cancelled meanwhile."""
    task = asyncio.ensure_future(ending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _keep_as_is(_: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Leave a returned connection as it is: our sessions hold no state that needs a reset."""


def columns(rows: Sequence[Sequence[object]], width: int) -> tuple[list[object], ...]:
    """Return rows as the arrays of an unnest, one per column."""
    return tuple([row[place] for row in rows] for place in range(width))
