"""What is frozen stays as it is, whoever asks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.integration.wallet.bulk_house import BulkHouse
from tests.integration.wallet.test_bulk.conftest import gifts


class TestWhatStays:
    """From the moment it is checked nothing of a batch changes, whoever tries."""

    @pytest.fixture
    def posted(self, house: BulkHouse) -> UUID:
        return house.posted([*gifts(house, 2), ("holder:nobody:vrij", 1, "x")], partial=True)

    def test_no_row_is_changed_deleted_or_emptied_by_the_service_the_owner_or_a_superuser(
        self, house: BulkHouse, posted: UUID, wallet_db: Any
    ) -> None:
        changes = {
            "bulk_line": "amount = amount + 1",
            "bulk_exception": "code = 'x'",
            "bulk_chunk": "lines = lines + 1",
            "bulk_batch": "total = total + 1",
        }
        for table, change in changes.items():
            for statement in (
                f"DELETE FROM ledger.{table}",
                f"TRUNCATE ledger.{table} CASCADE",
                f"UPDATE ledger.{table} SET {change}",
            ):
                frozen = table == "bulk_batch" and statement.startswith("UPDATE")
                service = refusal_of(wallet_db.service_url, statement)
                assert service == ("23001" if frozen else "42501"), statement
                assert refusal_of(wallet_db.owner_url, statement) == "23001", statement
                replica = f"SET session_replication_role = replica; {statement}"
                assert refusal_of(wallet_db.superuser_url, replica) == "23001", replica

    def test_no_row_is_added_to_a_batch_that_was_checked(self, house: BulkHouse, posted: UUID, wallet_db: Any) -> None:
        checked = house.checked([(f"{house.holder()}:vrij", 5, "later")])
        for batch_id in (posted, checked):
            line = f"INSERT INTO ledger.bulk_line VALUES ('{batch_id}', 99, 1, 'a', 'b', NULL, NULL)"
            exception = f"INSERT INTO ledger.bulk_exception VALUES ('{batch_id}', 99, 'x', 'x', 'checking')"
            for statement in (line, exception):
                for url in (wallet_db.service_url, wallet_db.owner_url, wallet_db.superuser_url):
                    assert refusal_of(url, statement) == "23001", statement
        nowhere = "INSERT INTO ledger.bulk_line VALUES (gen_random_uuid(), 99, 1, 'a', 'b', NULL, NULL)"
        assert refusal_of(wallet_db.service_url, nowhere) == "23001"

    def test_the_service_posts_no_chunk_by_itself(self, posted: UUID, wallet_db: Any) -> None:
        chunk = f"INSERT INTO ledger.bulk_chunk VALUES ('{posted}', 9, 0, 0, 0, 0, NULL, now())"
        assert refusal_of(wallet_db.service_url, chunk) == "42501"
        for function in ("except_duplicates", "lock_bulk", "bulk_chunks"):
            arguments = {"except_duplicates": f"'{posted}'", "lock_bulk": "'a', '{}'", "bulk_chunks": "NULL"}[function]
            assert refusal_of(wallet_db.service_url, f"SELECT ledger.{function}({arguments})") == "42501"

    def test_a_batch_takes_no_step_that_is_not_its_next(self, house: BulkHouse, wallet_db: Any) -> None:
        batch_id = house.checked(gifts(house, 1))
        steps = {
            # A hold of the total is missing; the lines are not posted; totals were changed; states were passed over.
            "state = 'submitted', partial = false, submitted_at = now()": None,
            "state = 'posting'": "23001",
            "state = 'loading'": "23001",
            "total = total + 1": "23001",
            "content_hash = sha256('x')": "23001",
            "source = 'fund:x'": "23001",
            "chunk_lines = 1": "23001",
        }
        for change, expected in steps.items():
            statement = f"UPDATE ledger.bulk_batch SET {change} WHERE id = '{batch_id}'"
            assert refusal_of(wallet_db.service_url, statement) == expected, change
        house.submit(batch_id)
        approve = "state = 'approved', approved_by = 'chuck', approved_at = now()"
        statement = f"UPDATE ledger.bulk_batch SET {approve} WHERE id = '{batch_id}'"
        assert refusal_of(wallet_db.service_url, statement) == "23001", "approved without its total being held"

    def test_a_batch_is_not_closed_on_other_totals_than_its_chunks(self, house: BulkHouse, wallet_db: Any) -> None:
        batch_id = house.approved(gifts(house, 3), chunk_lines=2)
        house.work_steps(1)
        close = (
            "UPDATE ledger.bulk_batch SET state = 'posted', posted_lines = {0}, posted_total = {1}, failed_lines = {2},"
            " failed_total = {3}, first_journal = 1, last_journal = 1, posted_at = now()"
        )
        assert refusal_of(wallet_db.service_url, close.format(3, 300, 0, 0)) == "23001"
        assert refusal_of(wallet_db.service_url, close.format(3, 300, 1, 0)) in ("23001", "23514")
        assert house.batch(batch_id).state == "posting"


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
