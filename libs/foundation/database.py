"""The only place that commits: one request or one task is one transaction.

Sessions given to routes commit before the answer leaves (`scope="function"`): a client is never told
that something was done whose commit failed afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Annotated, Any, TypeVar

import psycopg.errors
import stamina
from fastapi import Depends, Request
from psycopg.rows import namedtuple_row
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from foundation.settings import ServiceSettings

T = TypeVar("T")

# A unique violation is the loser of a race between looking and inserting: the next try sees the row that came first,
# and says so in words.
RETRIED = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.UniqueViolation,
)
_AFTER_COMMIT = "foundation.after_commit"

# 60 s ends a statement that would outlive its worker's hard time limit; 5 s of waiting for a lock is
# longer than any honest holder keeps one.
_CONNECTION_OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "statement_timeout": "60s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "60s",
        "timezone": "UTC",
        "jit": "off",
    }.items()
)


class Database:
    """One service's database, seen with that service's role."""

    def __init__(self, url: str, *, pool_size: int = 10, application_name: str = "stadsbeurs") -> None:
        self._url, self._pool_size, self._name = url, pool_size, application_name
        self.engine = self._make_engine(pool_pre_ping=True)

    def _make_engine(self, more: str = "", **options: Any) -> Engine:
        return create_engine(
            make_url(self._url).set(drivername="postgresql+psycopg"),
            pool_size=self._pool_size,
            max_overflow=0,
            pool_timeout=5,
            # The values of a statement that failed would go along into the log, and may be about a person.
            hide_parameters=True,
            connect_args={
                "options": f"{_CONNECTION_OPTIONS} {more}",
                "application_name": self._name,
                "connect_timeout": 5,
            },
            **options,
        )

    @classmethod
    def of(cls, settings: ServiceSettings, application_name: str, *, pool_size: int | None = None) -> Database:
        """Make the database that a service's settings name."""
        url = settings.database_url.get_secret_value()
        return cls(url, pool_size=pool_size or settings.database_pool_size, application_name=application_name)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session that commits at the end, or rolls back when the block raises."""
        with Session(self.engine, expire_on_commit=False) as session:
            try:
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                raise
            hooks: list[Callable[[], None]] = session.info.get(_AFTER_COMMIT, [])
        for hook in hooks:
            hook()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session for reading one consistent picture; nothing in it can be written."""
        with Session(self.engine, expire_on_commit=False) as session:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            session.execute(text("SET TRANSACTION READ ONLY"))
            try:
                yield session
            finally:
                session.rollback()

    def alone(self, act: Callable[[psycopg.Cursor[Any]], T]) -> T:
        """Run one statement as a transaction of its own, with nothing beside it: for where each millisecond counts.

        Past SQLAlchemy, which costs more than such a statement, and without a round trip before or after it. `act` gets a
        psycopg cursor whose rows have names. The statement must be one that may be done twice: on a connection that turns out
        to be gone it is done again on a new one, and so it is after a race or a deadlock. It looks rows up by their keys; one
        that reads much of a table has no place here.
        """
        tries = 3
        while True:
            tries -= 1
            connection = self._without_transactions.raw_connection()
            try:
                with connection.driver_connection.cursor(row_factory=namedtuple_row) as cursor:  # type: ignore[union-attr]
                    return act(cursor)
            except psycopg.Error as error:
                if is_unavailable(error):
                    # What it lost, the others that are kept lost too.
                    connection.invalidate()
                    self._without_transactions.dispose()
                if not tries or not (is_unavailable(error) or is_retried(error)):
                    raise
            finally:
                connection.close()

    @cached_property
    def _without_transactions(self) -> Engine:
        # The check of a connection before its use, the begin and the rollback after it are eight round trips; a plan made
        # anew each time takes longer than the statement. A plan is kept from a day on which its tables may have been
        # empty, and nothing was cheaper than to read them whole: so it is to look up by key whatever their size.
        return self._make_engine(
            "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off",
            pool_pre_ping=False,
            pool_reset_on_return=None,
            isolation_level="AUTOCOMMIT",
        )

    def run(self, act: Callable[[Session], T]) -> T:
        """Run `act` in one transaction; a race, a deadlock or a serialization failure is tried again, five times in all."""
        for attempt in stamina.retry_context(
            on=is_retried, attempts=5, timeout=15, wait_initial=0.02, wait_max=0.5, wait_jitter=0.1
        ):
            with attempt, self.transaction() as session:
                return act(session)
        raise AssertionError("the retries either return or raise")

    def answers(self) -> bool:
        """Tell whether the database can be reached and answers."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except (DBAPIError, OSError):
            return False
        return True

    def close(self) -> None:
        self.engine.dispose()
        if "_without_transactions" in vars(self):
            self._without_transactions.dispose()


def after_commit(session: Session, hook: Callable[[], None]) -> None:
    """Have `hook` called once this session's transaction is committed; it must not raise."""
    session.info.setdefault(_AFTER_COMMIT, []).append(hook)


def is_retried(error: BaseException) -> bool:
    """Tell whether the database asks to try the same transaction again."""
    return isinstance(_cause(error), RETRIED)


def is_lock_timeout(error: BaseException) -> bool:
    """Tell whether the wait for a lock was given up."""
    return isinstance(_cause(error), psycopg.errors.LockNotAvailable)


def is_unavailable(error: BaseException) -> bool:
    """Tell whether the database itself was away, so that the same request may succeed later."""
    cause = _cause(error)
    return isinstance(cause, psycopg.OperationalError) and not isinstance(cause, psycopg.errors.QueryCanceled)


def _cause(error: BaseException) -> BaseException | None:
    """Give psycopg's own error: SQLAlchemy wraps it, but not what a COPY through `cursor_of` raises."""
    return error.orig if isinstance(error, DBAPIError) else error


_SEPARATOR = "\x1f"


def packed(values: Iterable[object]) -> str:
    """Write a column of numbers, dates, identifiers or codes as one text; `unpacked` is its other side.

    An array parameter is escaped element by element in Python, which took a quarter of the time of a close. Values
    may not be empty texts (an empty element is NULL), nor hold the separator, a control character.
    """
    return _SEPARATOR.join(["" if value is None else str(value) for value in values])


def unpacked(**columns: str) -> str:
    """Give the SQL that turns packed parameters into rows: `f"FROM {unpacked(numbers='text')}"`."""
    arrays = ", ".join(
        f"CAST(string_to_array(:{name}, '{_SEPARATOR}', '') AS {sql_type}[])" for name, sql_type in columns.items()
    )
    return f"unnest({arrays})"


def cursor_of(session: Session) -> psycopg.Cursor[Any]:
    """Give a psycopg cursor inside this session's transaction: for COPY and server-side cursors."""
    connection: psycopg.Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]
    return connection.cursor()


def database_of(request: Request) -> Database:
    """Give the database of the API that this request came to."""
    database: Database = request.app.state.database
    return database


def _read(request: Request) -> Iterator[Session]:
    with database_of(request).reading() as session:
        yield session


def _write(request: Request) -> Iterator[Session]:
    with database_of(request).transaction() as session:
        yield session


ReadSession = Annotated[Session, Depends(_read, scope="function")]
WriteSession = Annotated[Session, Depends(_write, scope="function")]
