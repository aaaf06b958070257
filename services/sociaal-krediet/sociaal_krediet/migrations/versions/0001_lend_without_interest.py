"""Applications, decisions, loans, the facts that happened to them, their schedules, and what is still to be done."""

from pathlib import Path

from alembic import op

from foundation.migrate import create_foundation_tables, run_file, service_role

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "0001_lending.sql"

GRANTS = """
GRANT USAGE ON SCHEMA sociaal_krediet TO {service};
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA sociaal_krediet TO {service};
GRANT USAGE ON SEQUENCE sociaal_krediet.loan_number TO {service};
GRANT UPDATE ON sociaal_krediet.person TO {service};
GRANT UPDATE (state) ON sociaal_krediet.application TO {service};
GRANT UPDATE (state, bank_reason, changed_on, iban_id) ON sociaal_krediet.creditor TO {service};
GRANT UPDATE (state, repaid, outstanding, remitted, written_off, early_mode, schedule_version, booked_on, problem_code,
    problem, last_message, settled_on) ON sociaal_krediet.loan TO {service};
GRANT UPDATE (booked_on, problem_code, problem) ON sociaal_krediet.gift TO {service};
GRANT UPDATE, DELETE ON sociaal_krediet.open_instalment TO {service};
GRANT UPDATE (state, decided_by, decided_at, rejection) ON sociaal_krediet.proposal TO {service};
GRANT UPDATE (state, done_by, done_on, done_at, outcome) ON sociaal_krediet.task TO {service};
GRANT UPDATE (read_at) ON sociaal_krediet.notice TO {service};
GRANT UPDATE (customer, session, payment_method, mandate, state, active_on, changed_at) ON sociaal_krediet.mandate TO {service};
GRANT UPDATE (session, payment_intent, state, failure, changed_at) ON sociaal_krediet.payment TO {service};
GRANT UPDATE (state, stripe_refund, failure, changed_at) ON sociaal_krediet.refund TO {service};
GRANT UPDATE (state, handled_at, payment_id, problem) ON sociaal_krediet.stripe_event TO {service};
"""


def upgrade() -> None:
    create_foundation_tables()
    run_file(SQL)
    owner = op.get_bind().exec_driver_sql("SELECT current_user").scalar_one()
    op.execute(GRANTS.format(service=service_role(owner)))
