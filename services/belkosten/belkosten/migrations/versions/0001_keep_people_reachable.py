"""Participants and their products, credits, calls, and the provider's bill."""

from pathlib import Path

from alembic import op

from foundation.migrate import create_foundation_tables, run_file, service_role

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"
FILES = ("0001_people.sql", "0001_calls.sql", "0001_billing.sql", "0001_guards.sql")

GRANTS = """
GRANT USAGE ON SCHEMA belkosten TO {service};
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA belkosten TO {service};
GRANT USAGE ON SEQUENCE belkosten.participant_number TO {service};
GRANT UPDATE (neighbourhood) ON belkosten.participant TO {service};
GRANT UPDATE (ends_on, state, checked_by, checked_on, reason, returned, due_on) ON belkosten.participation TO {service};
GRANT UPDATE (message_id, booked_on) ON belkosten.credit TO {service};
GRANT UPDATE (amount, booked_on) ON belkosten.credit_return TO {service};
GRANT UPDATE (provider, message_id, booked_on) ON belkosten.sim_month TO {service};
GRANT UPDATE (state, transfer_id, problem_code, available) ON belkosten.purchase TO {service};
GRANT UPDATE (name, offers, payee_id, iban_id) ON belkosten.provider TO {service};
GRANT UPDATE (valid_until) ON belkosten.ground, belkosten.phone_place, belkosten.approved_number TO {service};
GRANT UPDATE (read_at) ON belkosten.notice TO {service};
GRANT UPDATE (state, from_hold, from_fund, message_id, settled_on) ON belkosten.call TO {service};
GRANT UPDATE (state, rows_done, attempts, accepted, known, refused, problem, lease_token, lease_until, finished_at)
    ON belkosten.file_import TO {service};
GRANT DELETE ON belkosten.file_import_row TO {service};
GRANT UPDATE (lines, matched, approved_total, message_id, booked_on, problem_code, problem) ON belkosten.invoice TO {service};
"""


def upgrade() -> None:
    create_foundation_tables()
    for name in FILES:
        run_file(SQL / name)
    owner = op.get_bind().exec_driver_sql("SELECT current_user").scalar_one()
    op.execute(GRANTS.format(service=service_role(owner)))
