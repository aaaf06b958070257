-- Calls: which numbers may be called, what was asked before a call and what the provider told afterwards. A number that was
-- dialled is nowhere here: only the approved number, organisation and category, that it was.

CREATE TABLE belkosten.approved_number (
    id uuid PRIMARY KEY,
    number text NOT NULL,
    organisation text NOT NULL,
    category text NOT NULL,
    valid_from date NOT NULL,
    valid_until date,
    registered_by text NOT NULL,
    registered_at timestamptz NOT NULL,
    CONSTRAINT approved_number_is_e164 CHECK (number ~ '^\+[1-9][0-9]{6,14}$'),
    CONSTRAINT approved_number_category_known CHECK (category IN ('hulpverlening', 'overheid', 'woningcorporatie', 'incasso',
        'zorg', 'kredietbank', 'telecom', 'energie')),
    CONSTRAINT approved_number_period CHECK (valid_until >= valid_from)
);
CREATE INDEX approved_number_by_number ON belkosten.approved_number (number, valid_from);

-- One organisation for a number at one time.
CREATE FUNCTION belkosten.guard_one_organisation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.number, 0));
    IF EXISTS (
        SELECT FROM belkosten.approved_number n
         WHERE n.number = NEW.number AND n.id <> NEW.id
           AND daterange(n.valid_from, n.valid_until, '[]') && daterange(NEW.valid_from, NEW.valid_until, '[]')) THEN
        RAISE EXCEPTION 'the number is approved in that time already'
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'one_organisation_for_a_number';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER one_organisation BEFORE INSERT OR UPDATE ON belkosten.approved_number
    FOR EACH ROW EXECUTE FUNCTION belkosten.guard_one_organisation();
ALTER TABLE belkosten.approved_number ENABLE ALWAYS TRIGGER one_organisation;

-- The answer to a provider that asked before a call, and what was set apart for it in the wallet.
CREATE TABLE belkosten.authorisation (
    provider text NOT NULL,
    call_id text NOT NULL,
    participant_number text NOT NULL,
    approved_number_id uuid REFERENCES belkosten.approved_number,
    allowed boolean NOT NULL,
    reason text,
    max_seconds integer NOT NULL,
    tariff integer,
    hold_id text,
    hold_account text,
    held bigint NOT NULL,
    asked_on date NOT NULL,
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (provider, call_id),
    CONSTRAINT authorisation_reason_when_refused CHECK (allowed = (reason IS NULL)),
    CONSTRAINT authorisation_allowed_is_held CHECK (allowed = (hold_id IS NOT NULL) AND allowed = (hold_account IS NOT NULL)
        AND allowed = (tariff IS NOT NULL) AND (NOT allowed OR approved_number_id IS NOT NULL)),
    CONSTRAINT authorisation_seconds CHECK (max_seconds >= 0 AND held >= 0 AND (allowed OR (max_seconds = 0 AND held = 0)))
);

CREATE TABLE belkosten.file_import (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    sender text NOT NULL,
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
    CONSTRAINT file_import_kind_known CHECK (kind IN ('callRecords', 'numbers', 'invoice')),
    CONSTRAINT file_import_state_known CHECK (state IN ('processing', 'imported', 'refused'))
);
CREATE INDEX file_import_unfinished ON belkosten.file_import (received_at) WHERE state = 'processing';

CREATE TABLE belkosten.file_import_row (
    import_id uuid NOT NULL,
    row bigint NOT NULL,
    outcome text NOT NULL,
    code text,
    message text,
    PRIMARY KEY (import_id, row),
    CONSTRAINT file_import_row_outcome_known CHECK (outcome IN ('known', 'refused')),
    CONSTRAINT file_import_row_refused_with_code CHECK ((outcome = 'refused') = (code IS NOT NULL))
);

-- One call as its record tells it, rated when it came in. What it costs is taken from the hold made for it, from what the
-- caller has, or from the fund: together exactly the cost.
CREATE TABLE belkosten.call (
    id uuid PRIMARY KEY,
    provider text NOT NULL,
    call_id text NOT NULL,
    participant_number text NOT NULL,
    started_at timestamptz NOT NULL,
    called_on date NOT NULL,
    seconds integer NOT NULL,
    outcome text NOT NULL,
    approved_number_id uuid REFERENCES belkosten.approved_number,
    tariff integer,
    billable_seconds integer NOT NULL,
    cost bigint NOT NULL,
    state text NOT NULL,
    from_hold bigint,
    from_fund bigint,
    message_id uuid,
    settled_on date,
    import_id uuid NOT NULL REFERENCES belkosten.file_import,
    rated_on date NOT NULL,
    rated_at timestamptz NOT NULL,
    CONSTRAINT call_once UNIQUE (provider, call_id),
    CONSTRAINT call_seconds CHECK (seconds >= 0 AND billable_seconds BETWEEN 0 AND seconds),
    CONSTRAINT call_outcome_known CHECK (outcome IN ('rated', 'notRegistered', 'numberNotApproved')),
    CONSTRAINT call_rated_has_tariff CHECK ((outcome = 'rated') = (tariff IS NOT NULL)
        AND (outcome = 'rated') = (approved_number_id IS NOT NULL)),
    -- Half-up cents of seconds times the tariff per minute, once more.
    CONSTRAINT call_cost_exact CHECK (cost = CASE WHEN outcome = 'rated'
        THEN (2 * billable_seconds::bigint * tariff + 6000) / 12000 ELSE 0 END),
    CONSTRAINT call_state_known CHECK (state IN ('waiting', 'settled')),
    CONSTRAINT call_settled_exactly CHECK (CASE state WHEN 'settled' THEN from_hold >= 0 AND from_fund >= 0
        AND from_hold + from_fund = cost ELSE from_hold IS NULL AND from_fund IS NULL END)
);
CREATE INDEX call_of_month ON belkosten.call (called_on);
CREATE INDEX call_of_participant ON belkosten.call (participant_number, called_on);
CREATE INDEX call_waiting ON belkosten.call (rated_at) WHERE state = 'waiting';

-- What was settled stays as it was settled.
CREATE FUNCTION belkosten.guard_settled_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'settled' THEN
        RAISE EXCEPTION 'call % is settled', OLD.id USING ERRCODE = 'check_violation', CONSTRAINT = 'call_settled_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER settled_once BEFORE UPDATE ON belkosten.call FOR EACH ROW EXECUTE FUNCTION belkosten.guard_settled_call();
ALTER TABLE belkosten.call ENABLE ALWAYS TRIGGER settled_once;
