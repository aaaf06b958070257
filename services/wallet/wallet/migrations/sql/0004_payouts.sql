-- Payout batches: drafted by one person, frozen and hashed, approved by another, sent, and settled by the bank's messages.
-- Whatever the code does, this schema holds: a maker never approves, a frozen batch never changes, a line moves one way.

CREATE SCHEMA payouts;

CREATE TABLE payouts.batch (
    id                    uuid PRIMARY KEY,
    number                bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    purse                 text NOT NULL REFERENCES ledger.purse,
    asset                 text NOT NULL,
    execute_on            date NOT NULL,
    state                 text NOT NULL CHECK (state IN ('draft', 'submitted', 'approved', 'sent', 'settled', 'withdrawn')),
    maker                 text NOT NULL CHECK (maker <> ''),
    drafted_on            date NOT NULL,
    drafted_at            timestamptz NOT NULL,
    lines                 int NOT NULL DEFAULT 0 CHECK (lines >= 0),
    total                 bigint NOT NULL DEFAULT 0 CHECK (total >= 0),
    debtor_name           text,
    debtor_iban           text,
    content_hash          bytea CHECK (octet_length(content_hash) = 32),
    content_version       smallint,
    approvals_needed      smallint CHECK (approvals_needed BETWEEN 1 AND 2),
    submitted_at          timestamptz,
    checker               text,
    approved_at           timestamptz,
    sender                text,
    channel               text CHECK (channel IN ('sepa')),
    sending_on            date,
    sending_at            timestamptz,
    file_sha256           bytea CHECK (octet_length(file_sha256) = 32),
    file_bytes            bigint CHECK (file_bytes > 0),
    sent_at               timestamptz,
    bank_status           text,
    settled_at            timestamptz,
    withdrawer            text,
    withdrawal_started_at timestamptz,
    withdrawn_at          timestamptz,
    CONSTRAINT batch_purse UNIQUE (id, purse),
    CONSTRAINT batch_content UNIQUE (id, maker, content_hash),
    CONSTRAINT batch_checked_by_another CHECK (checker <> maker),
    CONSTRAINT batch_frozen_whole CHECK (
        num_nonnulls(content_hash, content_version, approvals_needed, submitted_at, debtor_name, debtor_iban) IN (0, 6)
        AND (content_hash IS NOT NULL OR state IN ('draft', 'withdrawn'))
        AND (content_hash IS NULL OR (state <> 'draft' AND lines > 0))),
    CONSTRAINT batch_approved_whole CHECK (
        num_nonnulls(checker, approved_at) IN (0, 2) AND (checker IS NOT NULL OR state IN ('draft', 'submitted', 'withdrawn'))),
    CONSTRAINT batch_sending_whole CHECK (num_nonnulls(sender, channel, sending_on, sending_at) IN (0, 4)),
    CONSTRAINT batch_sent_whole CHECK (
        num_nonnulls(file_sha256, file_bytes, sent_at) = CASE WHEN state IN ('sent', 'settled') THEN 3 ELSE 0 END
        AND (sender IS NOT NULL OR state NOT IN ('sent', 'settled'))),
    CONSTRAINT batch_sent_or_withdrawn CHECK (sending_at IS NULL OR withdrawal_started_at IS NULL),
    CONSTRAINT batch_withdrawn_whole CHECK (
        (withdrawn_at IS NOT NULL) = (state = 'withdrawn') AND num_nonnulls(withdrawer, withdrawal_started_at) IN (0, 2)
        AND (withdrawer IS NOT NULL OR state <> 'withdrawn')),
    CONSTRAINT batch_settled_whole CHECK ((settled_at IS NOT NULL) = (state = 'settled'))
);

-- `purse` stands here again for the index that keeps a purse in one live batch; the foreign key keeps both the same.
-- A line's hold and the id that the bank sees are the line's own id, so both are unique without an index of their own:
-- every index here is written three times in the life of a line.
CREATE TABLE payouts.line (
    id            uuid PRIMARY KEY,
    batch_id      uuid NOT NULL,
    line_no       int CHECK (line_no > 0),
    holder_id     uuid NOT NULL,
    purse         text NOT NULL,
    asset         text NOT NULL,
    iban_id       uuid NOT NULL,
    creditor_name text,
    amount        bigint NOT NULL CHECK (amount > 0),
    hold_id       uuid CHECK (hold_id = id),
    end_to_end_id text NOT NULL CHECK (end_to_end_id = replace(id::text, '-', '')),
    state         text NOT NULL CHECK (state IN
                      ('drafted', 'dropped', 'held', 'withdrawn', 'sent', 'settled', 'rejected', 'returned')),
    reason        text,
    bank_status   text,
    cleared       boolean NOT NULL DEFAULT false,
    sent_journal  bigint,
    back_journal  bigint,
    CONSTRAINT line_once_in_batch UNIQUE (batch_id, holder_id, purse),
    CONSTRAINT line_number UNIQUE (batch_id, line_no),
    CONSTRAINT line_in_batch FOREIGN KEY (batch_id, purse) REFERENCES payouts.batch (id, purse),
    CONSTRAINT line_iban_of_holder FOREIGN KEY (iban_id, holder_id) REFERENCES holders.iban (id, holder_id),
    CONSTRAINT line_frozen_whole CHECK (
        num_nonnulls(hold_id, line_no, creditor_name) IN (0, 3) AND (hold_id IS NOT NULL OR state IN ('drafted', 'dropped', 'withdrawn'))),
    CONSTRAINT line_sent_whole CHECK ((sent_journal IS NOT NULL) = (state IN ('sent', 'settled', 'rejected', 'returned'))),
    CONSTRAINT line_back_whole CHECK ((back_journal IS NOT NULL) = (state IN ('rejected', 'returned'))),
    CONSTRAINT line_cleared_when_settled CHECK (cleared = (state = 'settled') OR state = 'returned')
) WITH (fillfactor = 70);
-- PO-3: at any time a holder's purse is in at most one batch that has not been sent.
CREATE UNIQUE INDEX line_one_live_batch ON payouts.line (holder_id, purse) WHERE state IN ('drafted', 'held');
-- What the bank still has to book, per batch.
CREATE INDEX line_uncleared ON payouts.line (batch_id) WHERE state IN ('sent', 'returned') AND NOT cleared;

-- Who was looked at for a batch and is not in it.
CREATE TABLE payouts.exclusion (
    batch_id  uuid NOT NULL REFERENCES payouts.batch,
    holder_id uuid NOT NULL,
    reason    text NOT NULL CHECK (reason IN ('blocked', 'inOtherBatch', 'nothingAvailable', 'coolingOff', 'noConfirmedIban')),
    PRIMARY KEY (batch_id, holder_id)
);

-- An approval is of one content by one person who did not make it; the foreign key ties it to both.
CREATE TABLE payouts.approval (
    batch_id     uuid NOT NULL,
    approver     text NOT NULL CHECK (approver <> ''),
    maker        text NOT NULL,
    content_hash bytea NOT NULL,
    approved_at  timestamptz NOT NULL,
    PRIMARY KEY (batch_id, approver),
    CONSTRAINT approval_by_another CHECK (approver <> maker),
    CONSTRAINT approval_of_content FOREIGN KEY (batch_id, maker, content_hash) REFERENCES payouts.batch (id, maker, content_hash)
);

CREATE TABLE payouts.batch_event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id    uuid NOT NULL REFERENCES payouts.batch,
    kind        text NOT NULL CHECK (kind <> ''),
    actor       text NOT NULL CHECK (actor <> ''),
    details     jsonb NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX batch_event_batch ON payouts.batch_event (batch_id);

-- The bytes hold names and accounts of people, so they are kept as the vault keeps an IBAN.
CREATE TABLE payouts.bank_message (
    id             uuid PRIMARY KEY,
    kind           text NOT NULL CHECK (kind IN ('pain.002', 'camt.053')),
    identification text NOT NULL,
    sha256         bytea NOT NULL CHECK (octet_length(sha256) = 32),
    length         bigint NOT NULL CHECK (length > 0),
    ciphertext     bytea,
    nonce          bytea CHECK (octet_length(nonce) = 12),
    key_id         text,
    same_as        uuid REFERENCES payouts.bank_message,
    matched        int NOT NULL CHECK (matched >= 0),
    returned       int NOT NULL CHECK (returned >= 0),
    unknown        int NOT NULL CHECK (unknown >= 0),
    repeated       int NOT NULL CHECK (repeated >= 0),
    received_by    text NOT NULL CHECK (received_by <> ''),
    received_on    date NOT NULL,
    received_at    timestamptz NOT NULL,
    CONSTRAINT bank_message_kept_once CHECK (num_nonnulls(ciphertext, nonce, key_id) = CASE WHEN same_as IS NULL THEN 3 ELSE 0 END)
);
CREATE UNIQUE INDEX bank_message_bytes_once ON payouts.bank_message (sha256) WHERE same_as IS NULL;

CREATE TABLE payouts.bank_entry (
    message_id    uuid NOT NULL REFERENCES payouts.bank_message,
    number        int NOT NULL CHECK (number > 0),
    entry_key     bytea NOT NULL CHECK (octet_length(entry_key) = 32),
    level         text NOT NULL CHECK (level IN ('group', 'batch', 'transaction')),
    direction     text NOT NULL CHECK (direction IN ('debit', 'credit', 'none')),
    amount        bigint,
    currency      text,
    status        text,
    reason        text,
    account       text,
    statement     text,
    reference     text,
    end_to_end_id text,
    batch_name    text,
    booked_on     date,
    outcome       text NOT NULL CHECK (outcome IN ('matched', 'returned', 'unknown', 'repeated')),
    note          text,
    batch_id      uuid REFERENCES payouts.batch,
    line_id       uuid REFERENCES payouts.line,
    journal_id    bigint,
    PRIMARY KEY (message_id, number),
    CONSTRAINT bank_entry_explained CHECK (outcome <> 'unknown' OR note <> '')
);
-- PO-5: an entry does something once, in whatever file and however often it is read.
CREATE UNIQUE INDEX bank_entry_handled_once ON payouts.bank_entry (entry_key) WHERE outcome IN ('matched', 'returned');
CREATE INDEX bank_entry_key ON payouts.bank_entry (entry_key);
CREATE INDEX bank_entry_reference ON payouts.bank_entry (reference) WHERE outcome IN ('matched', 'returned');
CREATE INDEX bank_entry_unknown ON payouts.bank_entry (message_id) WHERE outcome = 'unknown';
CREATE INDEX bank_entry_line ON payouts.bank_entry (line_id) WHERE line_id IS NOT NULL;

CALL ledger.guard('payouts.batch', true);
CALL ledger.guard('payouts.line', true);
CALL ledger.guard('payouts.exclusion');
CALL ledger.guard('payouts.approval');
CALL ledger.guard('payouts.batch_event');
CALL ledger.guard('payouts.bank_message');
CALL ledger.guard('payouts.bank_entry');

-- A batch begins as a draft and moves one way; what two people put their names under stays as it was.
CREATE FUNCTION payouts.move_batch() RETURNS trigger LANGUAGE plpgsql
SET search_path = payouts, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' OR num_nonnulls(NEW.content_hash, NEW.checker, NEW.sender, NEW.withdrawer) > 0 THEN
            RAISE EXCEPTION 'batch % must begin as a draft', NEW.id USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('draft', 'submitted'), ('draft', 'withdrawn'), ('submitted', 'approved'), ('submitted', 'withdrawn'),
        ('approved', 'sent'), ('approved', 'withdrawn'), ('sent', 'settled')) THEN
        RAISE EXCEPTION 'batch % cannot go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.number, NEW.purse, NEW.asset, NEW.execute_on, NEW.maker) IS DISTINCT FROM
       (OLD.id, OLD.number, OLD.purse, OLD.asset, OLD.execute_on, OLD.maker)
       OR OLD.state <> 'draft' AND (NEW.lines, NEW.total, NEW.debtor_name, NEW.debtor_iban, NEW.content_hash, NEW.content_version,
                                    NEW.approvals_needed) IS DISTINCT FROM
          (OLD.lines, OLD.total, OLD.debtor_name, OLD.debtor_iban, OLD.content_hash, OLD.content_version, OLD.approvals_needed)
       OR OLD.checker IS NOT NULL AND NEW.checker IS DISTINCT FROM OLD.checker
       OR OLD.sending_at IS NOT NULL AND (NEW.sender, NEW.channel, NEW.sending_on, NEW.sending_at) IS DISTINCT FROM
          (OLD.sender, OLD.channel, OLD.sending_on, OLD.sending_at)
       OR OLD.file_sha256 IS NOT NULL AND NEW.file_sha256 IS DISTINCT FROM OLD.file_sha256 THEN
        RAISE EXCEPTION 'batch % is frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.sending_at IS NOT NULL AND OLD.sending_at IS NULL AND OLD.state <> 'approved' THEN
        RAISE EXCEPTION 'batch % is not approved', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'approved' AND OLD.state <> 'approved'
       AND (SELECT count(*) FROM approval a
             WHERE a.batch_id = NEW.id AND a.content_hash = NEW.content_hash AND a.approver <> NEW.maker) < NEW.approvals_needed THEN
        RAISE EXCEPTION 'batch % needs % approvals by others than its maker', NEW.id, NEW.approvals_needed
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'sent' AND OLD.state <> 'sent'
       AND (SELECT (count(*), coalesce(sum(l.amount), 0)) IS DISTINCT FROM (NEW.lines::bigint, NEW.total::numeric)
              FROM line l WHERE l.batch_id = NEW.id AND l.state = 'sent') THEN
        RAISE EXCEPTION 'batch % is not sent as a whole', NEW.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER move BEFORE INSERT OR UPDATE ON payouts.batch FOR EACH ROW EXECUTE FUNCTION payouts.move_batch();
ALTER TABLE payouts.batch ENABLE ALWAYS TRIGGER move;

CREATE FUNCTION payouts.move_line() RETURNS trigger LANGUAGE plpgsql
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
    IF (NEW.id, NEW.batch_id, NEW.holder_id, NEW.purse, NEW.asset, NEW.end_to_end_id) IS DISTINCT FROM
       (OLD.id, OLD.batch_id, OLD.holder_id, OLD.purse, OLD.asset, OLD.end_to_end_id)
       OR OLD.state <> 'drafted' AND (NEW.line_no, NEW.iban_id, NEW.creditor_name, NEW.amount, NEW.hold_id) IS DISTINCT FROM
          (OLD.line_no, OLD.iban_id, OLD.creditor_name, OLD.amount, OLD.hold_id)
       OR OLD.sent_journal IS NOT NULL AND NEW.sent_journal IS DISTINCT FROM OLD.sent_journal
       OR OLD.back_journal IS NOT NULL AND NEW.back_journal IS DISTINCT FROM OLD.back_journal
       OR OLD.cleared AND NOT NEW.cleared THEN
        RAISE EXCEPTION 'line % is frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER move BEFORE INSERT OR UPDATE ON payouts.line FOR EACH ROW EXECUTE FUNCTION payouts.move_line();
ALTER TABLE payouts.line ENABLE ALWAYS TRIGGER move;

-- Once per statement: lines are added and held in a draft only, and sent only from a batch that others approved.
CREATE FUNCTION payouts.check_lines() RETURNS trigger LANGUAGE plpgsql
SET search_path = payouts, pg_temp
AS $$
DECLARE
    v_batch uuid;
BEGIN
    SELECT b.id INTO v_batch
      FROM (SELECT DISTINCT c.batch_id, c.state FROM changed c) c
      JOIN batch b ON b.id = c.batch_id
     WHERE c.state = 'drafted' AND b.state <> 'draft'
        OR c.state = 'held' AND b.state NOT IN ('draft', 'submitted', 'approved')
        OR c.state = 'sent' AND (b.state NOT IN ('approved', 'sent', 'settled') OR b.sending_at IS NULL)
        OR c.state IN ('settled', 'rejected', 'returned') AND b.state NOT IN ('sent', 'settled')
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'batch % is not in the state that its lines are moved to', v_batch USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER added AFTER INSERT ON payouts.line REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION payouts.check_lines();
CREATE TRIGGER moved AFTER UPDATE ON payouts.line REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION payouts.check_lines();
ALTER TABLE payouts.line ENABLE ALWAYS TRIGGER added;
ALTER TABLE payouts.line ENABLE ALWAYS TRIGGER moved;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA payouts FROM PUBLIC;

DO $$
DECLARE
    v_service text := regexp_replace(current_user, '_owner$', '_service');
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA payouts TO %I', v_service);
    EXECUTE format('GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA payouts TO %I', v_service);
    EXECUTE format('GRANT UPDATE ON payouts.batch, payouts.line TO %I', v_service);
END
$$;
