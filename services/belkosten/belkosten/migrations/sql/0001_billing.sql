-- The provider's monthly bill, held line by line against the calls.

CREATE TABLE belkosten.invoice (
    id uuid PRIMARY KEY REFERENCES belkosten.file_import,
    provider text NOT NULL,
    sha256 bytea NOT NULL,
    lines bigint NOT NULL,
    matched bigint NOT NULL,
    approved_total bigint NOT NULL,
    message_id uuid,
    booked_on date,
    problem_code text,
    problem text,
    received_on date NOT NULL,
    CONSTRAINT invoice_counts CHECK (matched BETWEEN 0 AND lines AND approved_total >= 0)
);
CREATE INDEX invoice_of_provider ON belkosten.invoice (provider, id);
-- What is approved and still has to be owed: its calls are not settled yet, or its provider is not registered.
CREATE INDEX invoice_unsent ON belkosten.invoice (id) WHERE message_id IS NULL AND approved_total > 0;

-- `participant_number` is empty where the bill names what cannot be one of ours: that may be a telephone number.
-- `difference` is what the bill asks more (above 0) or less than what is right: the whole amount where nothing is owed.
CREATE TABLE belkosten.invoice_line (
    invoice_id uuid NOT NULL REFERENCES belkosten.invoice,
    row bigint NOT NULL,
    call_id text NOT NULL,
    participant_number text NOT NULL,
    started_at timestamptz NOT NULL,
    seconds integer NOT NULL,
    amount bigint NOT NULL,
    call uuid REFERENCES belkosten.call,
    code text NOT NULL,
    difference bigint NOT NULL,
    PRIMARY KEY (invoice_id, row),
    CONSTRAINT invoice_line_amounts CHECK (seconds >= 0 AND amount >= 0),
    CONSTRAINT invoice_line_code_known CHECK (code IN ('billedTwice', 'notInOurRecords', 'notRegistered', 'numberNotApproved',
        'priceDiffers', 'matched')),
    CONSTRAINT invoice_line_matched_is_a_call CHECK (code <> 'matched' OR (call IS NOT NULL AND difference = 0))
);
-- A call is approved for payment once, whatever is billed.
CREATE UNIQUE INDEX invoice_line_pays_a_call_once ON belkosten.invoice_line (call) WHERE code = 'matched';
CREATE INDEX invoice_line_of_call_id ON belkosten.invoice_line (invoice_id, call_id);
CREATE INDEX invoice_line_of_call ON belkosten.invoice_line (call) WHERE call IS NOT NULL;
CREATE INDEX invoice_line_differs ON belkosten.invoice_line (invoice_id, row) WHERE code <> 'matched';

-- A matched line asks exactly what its call cost, whatever the code did. Looked at once for all lines of a statement.
CREATE FUNCTION belkosten.guard_matched_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_line record;
BEGIN
    SELECT a.row, a.invoice_id INTO v_line FROM added a LEFT JOIN belkosten.call c ON c.id = a.call
     WHERE a.code = 'matched' AND (c.outcome = 'rated' AND c.cost = a.amount) IS NOT TRUE LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'line % of invoice % is not what its call cost', v_line.row, v_line.invoice_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'matched_line_costs_what_its_call_cost';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER matched_exactly AFTER INSERT ON belkosten.invoice_line
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION belkosten.guard_matched_lines();
ALTER TABLE belkosten.invoice_line ENABLE ALWAYS TRIGGER matched_exactly;

-- What is owed for a bill is what its matched lines come to, and stays so.
CREATE FUNCTION belkosten.guard_approved_total() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.message_id IS NOT NULL AND (NEW.message_id IS DISTINCT FROM OLD.message_id
        OR NEW.approved_total <> OLD.approved_total) THEN
        RAISE EXCEPTION 'what is owed for invoice % was sent already', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_is_owed_once';
    END IF;
    IF OLD.message_id IS NULL AND NEW.message_id IS NOT NULL AND NEW.approved_total <> (
        SELECT coalesce(sum(l.amount), 0) FROM belkosten.invoice_line l
         WHERE l.invoice_id = NEW.id AND l.code = 'matched') THEN
        RAISE EXCEPTION 'the matched lines of invoice % are not its approved total', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_owes_its_matched_lines';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER owes_what_matched BEFORE UPDATE ON belkosten.invoice
    FOR EACH ROW EXECUTE FUNCTION belkosten.guard_approved_total();
ALTER TABLE belkosten.invoice ENABLE ALWAYS TRIGGER owes_what_matched;
