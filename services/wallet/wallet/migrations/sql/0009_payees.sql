-- Who is owed and not a person: creditors of a loan, providers. They stand beside the persons, so that an IBAN of theirs
-- goes the same way as any other; what differs is the account that a line is paid from and who may pay it.

ALTER TABLE holders.holder
    ADD COLUMN kind text NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'payee')),
    ADD COLUMN reference text CHECK (reference <> '' AND length(reference) <= 140),
    ADD COLUMN scheme text CHECK (scheme ~ '^[a-z][a-z0-9-]{0,39}$'),
    ADD CONSTRAINT holder_of_kind UNIQUE (id, kind),
    ADD CONSTRAINT holder_reference_of_payee CHECK (kind = 'payee' OR num_nonnulls(reference, scheme) = 0),
    ADD CONSTRAINT holder_payee_is_no_person CHECK (kind = 'person' OR num_nonnulls(birth_date, bsn_index) = 0);
CREATE INDEX holder_payee ON holders.holder (id) WHERE kind = 'payee';

-- A line keeps what its payment carries: a reference that is mended later is not what two people approved.
ALTER TABLE payouts.line
    ADD COLUMN holder_kind text NOT NULL DEFAULT 'person',
    ADD COLUMN reference text,
    ADD CONSTRAINT line_holder_of_kind FOREIGN KEY (holder_id, holder_kind) REFERENCES holders.holder (id, kind),
    ADD CONSTRAINT line_reference_of_payee CHECK (holder_kind = 'payee' OR reference IS NULL);
CREATE INDEX line_of_payee ON payouts.line (holder_id, id) WHERE holder_kind = 'payee';

CREATE OR REPLACE FUNCTION payouts.move_line() RETURNS trigger LANGUAGE plpgsql
SET search_path = payouts, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'drafted' OR num_nonnulls(NEW.hold_id, NEW.sent_journal) > 0 THEN
            RAISE EXCEPTION 'line % must begin as drafted', NEW.id USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('drafted', 'held'), ('drafted', 'dropped'), ('drafted', 'withdrawn'), ('held', 'sent'), ('held', 'withdrawn'),
        ('sent', 'settled'), ('sent', 'rejected'), ('sent', 'returned'), ('settled', 'returned')) THEN
        RAISE EXCEPTION 'line % cannot go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.batch_id, NEW.holder_id, NEW.holder_kind, NEW.purse, NEW.asset, NEW.end_to_end_id) IS DISTINCT FROM
       (OLD.id, OLD.batch_id, OLD.holder_id, OLD.holder_kind, OLD.purse, OLD.asset, OLD.end_to_end_id)
       OR OLD.state <> 'drafted'
          AND (NEW.line_no, NEW.iban_id, NEW.creditor_name, NEW.reference, NEW.amount, NEW.hold_id) IS DISTINCT FROM
              (OLD.line_no, OLD.iban_id, OLD.creditor_name, OLD.reference, OLD.amount, OLD.hold_id)
       OR OLD.sent_journal IS NOT NULL AND NEW.sent_journal IS DISTINCT FROM OLD.sent_journal
       OR OLD.back_journal IS NOT NULL AND NEW.back_journal IS DISTINCT FROM OLD.back_journal
       OR OLD.cleared AND NOT NEW.cleared THEN
        RAISE EXCEPTION 'line % is frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

-- SK-6: who applies, decides and pays are three. Give a payee in this batch whose bank account this person entered or
-- confirmed, or null.
CREATE FUNCTION payouts.payee_entered_by(p_batch uuid, p_person text) RETURNS uuid
LANGUAGE sql STABLE SET search_path = payouts, pg_temp
AS $$
    SELECT l.holder_id
      FROM line l JOIN holders.iban i ON i.id = l.iban_id
     WHERE l.batch_id = p_batch AND l.holder_kind = 'payee' AND l.state NOT IN ('dropped', 'withdrawn')
       AND p_person IN (i.proposed_by, i.confirmed_by)
     ORDER BY l.holder_id LIMIT 1
$$;

CREATE FUNCTION payouts.refuse_own_payee() RETURNS trigger LANGUAGE plpgsql
SET search_path = payouts, pg_temp
AS $$
DECLARE
    v_batch uuid;
    v_person text;
    v_payee uuid;
BEGIN
    IF TG_TABLE_NAME = 'approval' THEN
        v_batch := NEW.batch_id;
        v_person := NEW.approver;
    ELSE
        v_batch := NEW.id;
        v_person := coalesce(NEW.sender, NEW.maker);
    END IF;
    v_payee := payee_entered_by(v_batch, v_person);
    IF v_payee IS NOT NULL THEN
        RAISE EXCEPTION '% entered or confirmed the account of payee % in batch %', v_person, v_payee, v_batch
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER own_payee BEFORE INSERT ON payouts.approval FOR EACH ROW EXECUTE FUNCTION payouts.refuse_own_payee();
CREATE TRIGGER own_payee BEFORE UPDATE ON payouts.batch FOR EACH ROW
    WHEN (NEW.state = 'submitted' AND OLD.state <> 'submitted' OR NEW.sender IS DISTINCT FROM OLD.sender)
    EXECUTE FUNCTION payouts.refuse_own_payee();
ALTER TABLE payouts.approval ENABLE ALWAYS TRIGGER own_payee;
ALTER TABLE payouts.batch ENABLE ALWAYS TRIGGER own_payee;

-- Tell the scheme of a payee what became of its payments, in the transaction in which it became so. `on` is the day that the
-- bank was asked to pay on, and for what came back the day on which it was booked.
CREATE FUNCTION payouts.announce_payments() RETURNS trigger LANGUAGE plpgsql
SET search_path = payouts, pg_temp
AS $$
BEGIN
    -- A difference of sets and no join of the two: how these are joined is planned once in a session, for as many rows as there
    -- happened to be, and a plan for one line is slow for ten thousand.
    INSERT INTO announcement (id, scheme, kind, content, announced_at)
    SELECT gen_random_uuid(), h.scheme, 'payment',
           jsonb_build_object(
               'payee', l.holder_id, 'line', l.id, 'batch', l.batch_id, 'amount', l.amount, 'asset', l.asset, 'purse', l.purse,
               'state', l.state, 'reason', l.reason, 'on', coalesce(j.value_date, b.execute_on)),
           clock_timestamp()
      FROM (SELECT c.id, c.state FROM changed c
             WHERE c.holder_kind = 'payee' AND c.state IN ('sent', 'settled', 'rejected', 'returned')
            EXCEPT
            SELECT f.id, f.state FROM former f) m
      JOIN line l ON l.id = m.id
      JOIN batch b ON b.id = l.batch_id
      JOIN holders.holder h ON h.id = l.holder_id
      LEFT JOIN ledger.journal j ON j.id = l.back_journal
     WHERE h.scheme IS NOT NULL
     ORDER BY l.line_no;
    RETURN NULL;
END
$$;
CREATE TRIGGER announced AFTER UPDATE ON payouts.line REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION payouts.announce_payments();
ALTER TABLE payouts.line ENABLE ALWAYS TRIGGER announced;

REVOKE ALL ON FUNCTION payouts.payee_entered_by(uuid, text), payouts.refuse_own_payee(), payouts.announce_payments() FROM PUBLIC;

DO $$
DECLARE
    v_service text := regexp_replace(current_user, '_owner$', '_service');
BEGIN
    -- The triggers call it with the rights of whoever changes a batch.
    EXECUTE format('GRANT EXECUTE ON FUNCTION payouts.payee_entered_by(uuid, text) TO %I', v_service);
END
$$;
