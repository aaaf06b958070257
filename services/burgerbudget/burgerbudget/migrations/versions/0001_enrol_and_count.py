"""Organisations, participants, their hours, the decisions taken on them, and the notices of these."""

from alembic import op

from foundation.migrate import create_foundation_tables, service_role

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE SCHEMA burgerbudget;

CREATE TABLE burgerbudget.organisation (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    rsin text NOT NULL,
    status text NOT NULL,
    recognised_from date NOT NULL,
    recognised_until date,
    pays_allowance boolean NOT NULL,
    registered_by text NOT NULL,
    registered_at timestamptz NOT NULL,
    CONSTRAINT organisation_status_known CHECK (status IN ('anbi', 'sbbi')),
    CONSTRAINT organisation_rsin_has_nine_digits CHECK (rsin ~ '^[0-9]{9}$'),
    CONSTRAINT organisation_recognised_forwards CHECK (recognised_until >= recognised_from)
);

-- One row: which quarter was closed last and which is being closed. Whoever enrols shares its lock, whoever
-- starts or ends a closing takes it alone, so that no enrolment slips behind a judgement.
CREATE TABLE burgerbudget.calendar (
    only_row boolean PRIMARY KEY DEFAULT true,
    last_closed text,
    closing text,
    CONSTRAINT calendar_has_one_row CHECK (only_row),
    CONSTRAINT calendar_closes_forwards CHECK (closing > last_closed)
);
INSERT INTO burgerbudget.calendar DEFAULT VALUES;

CREATE TABLE burgerbudget.participant (
    number text PRIMARY KEY,
    holder_id text NOT NULL UNIQUE,
    regeling text NOT NULL,
    enrolled_on date NOT NULL,
    start_quarter text NOT NULL,
    receives_bijstand boolean NOT NULL,
    status text NOT NULL,
    insufficient_quarters smallint NOT NULL,
    started boolean NOT NULL,
    granted bigint NOT NULL,
    used bigint NOT NULL,
    last_message uuid,
    enrolled_by text NOT NULL,
    enrolled_at timestamptz NOT NULL,
    CONSTRAINT participant_regeling_known CHECK (regeling IN ('burgerbudget', 'burgerbaan')),
    CONSTRAINT participant_status_known CHECK (status IN ('active', 'stopped')),
    CONSTRAINT participant_counter_in_range CHECK (insufficient_quarters BETWEEN 0 AND 4),
    CONSTRAINT participant_start_is_a_quarter CHECK (start_quarter ~ '^[0-9]{4}-Q[1-4]$'),
    CONSTRAINT participant_granted_only_after_start CHECK (started OR granted = 0),
    CONSTRAINT participant_never_uses_more_than_granted CHECK (used BETWEEN 0 AND granted),
    CONSTRAINT participant_budget_below_ceiling CHECK (granted - used <= 100000)
) WITH (fillfactor = 70);
CREATE INDEX participant_not_started ON burgerbudget.participant (start_quarter) WHERE NOT started;

CREATE TABLE burgerbudget.participation_gap (
    participant_number text NOT NULL,
    stopped_after text NOT NULL,
    restarted_from text,
    recorded_by text,
    PRIMARY KEY (participant_number, stopped_after),
    CONSTRAINT gap_goes_forwards CHECK (restarted_from > stopped_after)
);

CREATE TABLE burgerbudget.hours_import (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL,
    inbox_id uuid NOT NULL,
    media_type text NOT NULL,
    dry_run boolean NOT NULL,
    partial boolean NOT NULL,
    state text NOT NULL,
    rows_done bigint NOT NULL,
    attempts smallint NOT NULL,
    accepted bigint NOT NULL,
    known bigint NOT NULL,
    refused bigint NOT NULL,
    problem text,
    lease_token uuid,
    lease_until timestamptz,
    received_by text NOT NULL,
    received_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT import_state_known CHECK (state IN ('processing', 'imported', 'refused'))
);
CREATE INDEX hours_import_unfinished ON burgerbudget.hours_import (received_at) WHERE state = 'processing';

CREATE TABLE burgerbudget.hours_import_row (
    import_id uuid NOT NULL,
    row bigint NOT NULL,
    outcome text NOT NULL,
    code text,
    message text,
    PRIMARY KEY (import_id, row),
    CONSTRAINT import_row_outcome_known CHECK (outcome IN ('known', 'refused')),
    CONSTRAINT import_row_refused_for_a_reason CHECK ((outcome = 'refused') = (code IS NOT NULL))
);

CREATE TABLE burgerbudget.hour (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL,
    external_id text NOT NULL,
    participant_number text NOT NULL,
    worked_on date NOT NULL,
    hours integer NOT NULL,
    activity text NOT NULL,
    import_id uuid,
    corrects_id uuid,
    reason text,
    received_by text NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT hour_in_range CHECK (hours BETWEEN 0 AND 96 AND (hours > 0 OR corrects_id IS NOT NULL)),
    CONSTRAINT hour_correction_has_a_reason CHECK ((corrects_id IS NULL) = (reason IS NULL))
);
CREATE UNIQUE INDEX hour_external_id ON burgerbudget.hour (organisation_id, external_id) WHERE corrects_id IS NULL;
CREATE UNIQUE INDEX hour_corrected_once ON burgerbudget.hour (corrects_id) WHERE corrects_id IS NOT NULL;
CREATE INDEX hour_of_participant ON burgerbudget.hour (participant_number, id);

-- What a participant's day holds over all organisations together: the constraint behind dayFull.
CREATE TABLE burgerbudget.participant_day (
    participant_number text NOT NULL,
    day date NOT NULL,
    hours integer NOT NULL,
    PRIMARY KEY (participant_number, day),
    CONSTRAINT day_has_24_hours CHECK (hours BETWEEN 0 AND 96)
) WITH (fillfactor = 80);

CREATE TABLE burgerbudget.participant_quarter (
    participant_number text NOT NULL,
    quarter text NOT NULL,
    hours integer NOT NULL,
    mark integer NOT NULL,
    used bigint NOT NULL,
    topped_up bigint NOT NULL,
    judgement text NOT NULL,
    PRIMARY KEY (participant_number, quarter),
    CONSTRAINT quarter_well_formed CHECK (quarter ~ '^[0-9]{4}-Q[1-4]$'),
    CONSTRAINT quarter_hours_not_negative CHECK (hours >= 0 AND mark >= 0),
    CONSTRAINT quarter_amounts_not_negative CHECK (used >= 0 AND topped_up BETWEEN 0 AND 100000),
    CONSTRAINT quarter_judgement_known CHECK (judgement IN ('open', 'sufficient', 'insufficient')),
    CONSTRAINT quarter_topped_up_when_sufficient CHECK (topped_up = 0 OR judgement = 'sufficient')
) WITH (fillfactor = 70);

-- Accepted hours on which no use was decided yet, in order of receipt.
CREATE TABLE burgerbudget.waiting_use (
    sequence bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    participant_number text NOT NULL,
    quarter text NOT NULL,
    source_id uuid NOT NULL,
    source_kind text NOT NULL,
    hours integer NOT NULL,
    PRIMARY KEY (participant_number, quarter, source_id),
    CONSTRAINT waiting_source_known CHECK (source_kind IN ('import', 'hour'))
);

CREATE TABLE burgerbudget.closing (
    quarter text PRIMARY KEY,
    phase text NOT NULL,
    cursor text NOT NULL,
    participants bigint NOT NULL,
    sufficient bigint NOT NULL,
    insufficient bigint NOT NULL,
    stopped bigint NOT NULL,
    topped_up bigint NOT NULL,
    hold_id text,
    problem_code text,
    problem text,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT closing_phase_known CHECK (phase IN ('judging', 'reserving', 'posting', 'confirming', 'closed')),
    CONSTRAINT closing_quarter_well_formed CHECK (quarter ~ '^[0-9]{4}-Q[1-4]$'),
    CONSTRAINT closing_counts_add_up CHECK (participants = sufficient + insufficient),
    CONSTRAINT closing_ends_when_closed CHECK ((phase = 'closed') = (closed_at IS NOT NULL))
);

CREATE TABLE burgerbudget.decision (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    participant_number text NOT NULL,
    quarter text NOT NULL,
    amount bigint NOT NULL,
    hours integer NOT NULL,
    wage bigint,
    budget_before bigint NOT NULL,
    source_kind text,
    source_id uuid,
    grant_key text UNIQUE,
    message_id uuid,
    decided_on date NOT NULL,
    decided_at timestamptz NOT NULL,
    CONSTRAINT decision_kind_known CHECK (
        kind IN ('start', 'use', 'top-up', 'insufficient', 'stop', 'reopening', 'restart')),
    CONSTRAINT decision_amount_not_negative CHECK (amount >= 0),
    CONSTRAINT decision_that_pays_has_a_key CHECK ((kind IN ('start', 'use', 'top-up')) = (grant_key IS NOT NULL)),
    CONSTRAINT decision_without_a_key_pays_nothing CHECK (grant_key IS NOT NULL OR amount = 0)
) WITH (fillfactor = 80);
CREATE INDEX decision_of_participant ON burgerbudget.decision (participant_number, id);
-- What moves money is taken once by its grant key; this is the same for what moves none.
CREATE UNIQUE INDEX decision_taken_once ON burgerbudget.decision (participant_number, quarter, kind)
    WHERE grant_key IS NULL;
-- Top-ups judged but not yet on their way: what a closing still has to post.
CREATE INDEX decision_to_post ON burgerbudget.decision (quarter, participant_number)
    WHERE kind = 'top-up' AND message_id IS NULL AND amount > 0;

-- Tells a participant of a decision (bekendmaking). It holds no words: they are made when it is read, from the decision.
CREATE TABLE burgerbudget.notice (
    participant_number text NOT NULL,
    decision_id uuid NOT NULL,
    made_on date NOT NULL,
    object_until date NOT NULL,
    read_at timestamptz,
    -- With the check below, which lets a decision's own participant be named only, this is once for each decision.
    PRIMARY KEY (participant_number, decision_id),
    CONSTRAINT notice_leaves_time_to_object CHECK (object_until > made_on)
);

-- A foreign key in two columns, for a whole statement at once: row by row it took a tenth of the time of a close.
CREATE FUNCTION burgerbudget.check_notices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM added a LEFT JOIN burgerbudget.decision d ON d.id = a.decision_id
        WHERE d.participant_number IS DISTINCT FROM a.participant_number
    ) THEN
        RAISE EXCEPTION 'a notice is of a decision about its own participant' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER notice_is_of_a_decision AFTER INSERT ON burgerbudget.notice REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION burgerbudget.check_notices();

-- What was decided and what was reported stays as it was; a correction is a new row.
CREATE FUNCTION burgerbudget.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: its rows are never changed', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME;
END $$;
CREATE TRIGGER hour_stays BEFORE UPDATE OR DELETE ON burgerbudget.hour
    FOR EACH ROW EXECUTE FUNCTION burgerbudget.refuse_change();
CREATE TRIGGER hour_is_never_emptied BEFORE TRUNCATE ON burgerbudget.hour
    FOR EACH STATEMENT EXECUTE FUNCTION burgerbudget.refuse_change();
ALTER TABLE burgerbudget.hour ENABLE ALWAYS TRIGGER hour_stays;
ALTER TABLE burgerbudget.hour ENABLE ALWAYS TRIGGER hour_is_never_emptied;

CREATE TRIGGER decision_stays BEFORE DELETE OR UPDATE OF id, kind, participant_number, quarter, amount, hours, wage,
    budget_before, source_kind, source_id, grant_key, decided_on, decided_at ON burgerbudget.decision
    FOR EACH ROW EXECUTE FUNCTION burgerbudget.refuse_change();
CREATE TRIGGER decision_is_never_emptied BEFORE TRUNCATE ON burgerbudget.decision
    FOR EACH STATEMENT EXECUTE FUNCTION burgerbudget.refuse_change();
CREATE TRIGGER notice_stays BEFORE DELETE OR UPDATE OF participant_number, decision_id, made_on, object_until
    ON burgerbudget.notice FOR EACH ROW EXECUTE FUNCTION burgerbudget.refuse_change();
CREATE TRIGGER notice_is_read_once BEFORE UPDATE OF read_at ON burgerbudget.notice
    FOR EACH ROW WHEN (OLD.read_at IS NOT NULL) EXECUTE FUNCTION burgerbudget.refuse_change();
CREATE TRIGGER notice_is_never_emptied BEFORE TRUNCATE ON burgerbudget.notice
    FOR EACH STATEMENT EXECUTE FUNCTION burgerbudget.refuse_change();
ALTER TABLE burgerbudget.decision ENABLE ALWAYS TRIGGER decision_stays;
ALTER TABLE burgerbudget.decision ENABLE ALWAYS TRIGGER decision_is_never_emptied;
ALTER TABLE burgerbudget.notice ENABLE ALWAYS TRIGGER notice_is_of_a_decision;
ALTER TABLE burgerbudget.notice ENABLE ALWAYS TRIGGER notice_stays;
ALTER TABLE burgerbudget.notice ENABLE ALWAYS TRIGGER notice_is_read_once;
ALTER TABLE burgerbudget.notice ENABLE ALWAYS TRIGGER notice_is_never_emptied;
"""

GRANTS = """
GRANT USAGE ON SCHEMA burgerbudget TO {service};
GRANT SELECT, INSERT ON burgerbudget.organisation, burgerbudget.hour TO {service};
GRANT SELECT, UPDATE ON burgerbudget.calendar TO {service};
GRANT SELECT, INSERT, UPDATE ON burgerbudget.participant, burgerbudget.participation_gap, burgerbudget.participant_day,
    burgerbudget.participant_quarter, burgerbudget.closing, burgerbudget.hours_import TO {service};
GRANT SELECT, INSERT, DELETE ON burgerbudget.hours_import_row TO {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON burgerbudget.waiting_use TO {service};
GRANT DELETE ON burgerbudget.participation_gap TO {service};
GRANT SELECT, INSERT ON burgerbudget.decision TO {service};
GRANT UPDATE (message_id) ON burgerbudget.decision TO {service};
GRANT SELECT, INSERT ON burgerbudget.notice TO {service};
GRANT UPDATE (read_at) ON burgerbudget.notice TO {service};
"""


def upgrade() -> None:
    create_foundation_tables()
    op.execute(TABLES)
    owner = op.get_bind().exec_driver_sql("SELECT current_user").scalar_one()
    op.execute(GRANTS.format(service=service_role(owner)))
