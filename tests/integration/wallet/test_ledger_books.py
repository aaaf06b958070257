"""The books themselves: only added to, and only by the functions."""

from __future__ import annotations

from uuid import uuid4

import alembic.autogenerate
import psycopg
import pytest
import sqlalchemy
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

import wallet.ledger.models
from foundation.database import Database
from tests.integration.wallet.ledger_books import FUND, Books
from wallet.ledger.actions import HoldRequest, Transfer, release_holds

APPEND_ONLY = (
    "asset",
    "purse",
    "owner",
    "journal",
    "entry",
    "hold_event",
    "fund",
    "proposal",
    "proposal_decision",
)
NEVER_DELETED = (*APPEND_ONLY, "account", "balance", "hold")


@pytest.fixture
def books(wallet_database: Database) -> Books:
    books = Books(wallet_database)
    owner = books.holder()
    books.post(Transfer(FUND, f"{owner}:vrij", 100))
    books.hold(HoldRequest(uuid4(), f"{owner}:vrij", 10))
    return books


def refusal_of(url: str, statement: str) -> str | None:
    """Give the SQLSTATE with which a statement is refused, or None."""
    with psycopg.connect(url) as connection:
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            return error.sqlstate
        finally:
            connection.rollback()
    return None


def test_neither_the_service_nor_the_owner_changes_deletes_or_empties_what_was_written(
    books: Books, wallet_owner_url: str, wallet_superuser_url: str
) -> None:
    service_url = books.database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    for table in NEVER_DELETED:
        statements = [f"DELETE FROM ledger.{table}", f"TRUNCATE ledger.{table} CASCADE"]
        if table in APPEND_ONLY:
            column = "code" if table in ("asset", "purse", "fund") else "owner" if table == "owner" else "reason"
            column = {"entry": "reference", "hold_event": "kind", "journal": "kind"}.get(table, column)
            statements.append(f"UPDATE ledger.{table} SET {column} = 'x'")
        for statement in statements:
            filled = table not in ("proposal", "proposal_decision") or statement.startswith("TRUNCATE")
            assert refusal_of(service_url, statement) == "42501", statement
            for role_url in (wallet_owner_url, wallet_superuser_url):
                assert refusal_of(role_url, statement) == ("23001" if filled else None), statement
            replica = f"SET session_replication_role = replica; {statement}"
            assert refusal_of(wallet_superuser_url, replica) == ("23001" if filled else None), replica


def test_the_service_writes_no_row_of_money_by_itself(books: Books) -> None:
    service_url = books.database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    for statement in (
        "UPDATE ledger.balance SET posted = 1",
        "UPDATE ledger.hold SET remaining = 1",
        "UPDATE ledger.account SET closed_at = now()",
        "INSERT INTO ledger.hold SELECT * FROM ledger.hold",
        "INSERT INTO ledger.hold_event SELECT * FROM ledger.hold_event",
        "INSERT INTO ledger.unsealed VALUES (99)",
        "DELETE FROM ledger.unsealed",
        "INSERT INTO ledger.owner (owner) VALUES ('holder:x')",
        "INSERT INTO ledger.journal (kind, value_date, recorded_at, actor) SELECT 'x', now(), now(), 'x'",
        "SELECT ledger.open_purses(ARRAY['holder:x:vrij'])",
        "SELECT ledger.close_holds(ARRAY[]::uuid[], 'expired', 'x')",
        "CREATE TABLE ledger.mine (x int)",
    ):
        assert refusal_of(service_url, statement) == "42501", statement


def test_the_owner_may_only_close_an_account_and_keeps_the_terms_of_a_balance(
    books: Books, wallet_owner_url: str
) -> None:
    for statement in (
        "UPDATE ledger.account SET address = 'fund:other' WHERE address = 'fund:burgerbudget'",
        "UPDATE ledger.account SET closed_at = now(), asset = 'POINT'",
        "UPDATE ledger.balance SET floor = NULL",
        "UPDATE ledger.balance SET ceiling = 1",
        "UPDATE ledger.balance SET version = version - 1",
    ):
        assert refusal_of(wallet_owner_url, statement) == "23001", statement
    assert refusal_of(wallet_owner_url, "UPDATE ledger.account SET closed_at = now()") is None


HOLD_CHANGES = (
    "id = gen_random_uuid()",
    "account_id = 1",
    "amount = 11",
    "purpose = 'iets anders'",
    "opened_at = opened_at - interval '1 day'",
    "opened_by = 'x'",
    "expires_at = now()",
    "remaining = remaining + 1, amount = amount + 1",
    "remaining = remaining",
)


@pytest.mark.parametrize("change", HOLD_CHANGES)
def test_a_hold_keeps_what_it_is_for_whoever_changes_it(
    books: Books, wallet_owner_url: str, wallet_superuser_url: str, change: str
) -> None:
    service_url = books.database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    statement = f"UPDATE ledger.hold SET {change}"
    assert refusal_of(service_url, statement) == "42501"
    for url in (wallet_owner_url, wallet_superuser_url):
        assert refusal_of(url, statement) == "23001"
    assert refusal_of(wallet_superuser_url, f"SET session_replication_role = replica; {statement}") == "23001"


def test_a_hold_is_only_used_up_and_closed_once(books: Books, wallet_owner_url: str) -> None:
    with books.database.transaction() as db:
        [hold] = db.execute(sqlalchemy.text("SELECT id FROM ledger.hold")).scalars()
        release_holds(db, [hold], "tester")
    for change in ("remaining = 10, state = 'open', closed_at = NULL", "state = 'captured'", "closed_at = now()"):
        assert refusal_of(wallet_owner_url, f"UPDATE ledger.hold SET {change}") == "23001", change


@pytest.mark.parametrize("accounts", [(1, 2, 100, 99), (1, 2, 100, 101), (1, 999_999, 100, 100)])
def test_entries_that_do_not_add_up_or_have_no_account_are_refused_even_from_the_owner(
    books: Books, wallet_owner_url: str, accounts: tuple[int, int, int, int]
) -> None:
    one, other, debit, credit = accounts
    insert = (
        "INSERT INTO ledger.entry (account_id, version, journal_id, line, amount, balance_after, nonce) VALUES"
        f" ({one}, 1000, 999, 1, -{debit}, 0, ''), ({other}, 1000, 999, 2, {credit}, 0, '')"
    )
    assert refusal_of(wallet_owner_url, insert) == "23000"


def test_the_models_say_what_the_migration_made(books: Books, wallet_owner_url: str) -> None:
    ours = {
        f"ledger.{model.__tablename__}" for model in vars(wallet.ledger.models).values() if hasattr(model, "__table__")
    }
    metadata = sqlalchemy.MetaData()
    for name in ours:
        SQLModel.metadata.tables[name].to_metadata(metadata)
    engine = sqlalchemy.create_engine(wallet_owner_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_object": lambda item, name, kind, *_: kind != "table" or f"{item.schema}.{name}" in ours,
            },
        )
        differences = alembic.autogenerate.compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []
