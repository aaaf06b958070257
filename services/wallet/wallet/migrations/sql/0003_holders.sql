-- Who has purses, and the vault with their BSN and IBAN. Everything else in this database, and every other service,
-- knows a person by `holder.id` only.

CREATE SCHEMA holders;

CREATE TABLE holders.holder (
    id               uuid PRIMARY KEY,
    display_name     text NOT NULL CHECK (display_name <> '' AND length(display_name) <= 140),
    birth_date       date,
    bsn_ciphertext   bytea,
    bsn_nonce        bytea CHECK (octet_length(bsn_nonce) = 12),
    bsn_key_id       text,
    bsn_index        bytea CHECK (octet_length(bsn_index) = 32),
    bsn_index_key_id text,
    blocked          boolean NOT NULL DEFAULT false,
    registered_by    text NOT NULL CHECK (registered_by <> ''),
    registered_on    date NOT NULL,
    registered_at    timestamptz NOT NULL,
    CONSTRAINT holder_bsn_once UNIQUE (bsn_index),
    CONSTRAINT holder_bsn_whole
        CHECK (num_nonnulls(bsn_ciphertext, bsn_nonce, bsn_key_id, bsn_index, bsn_index_key_id) IN (0, 5))
);

-- The content of an IBAN never changes: a change is a new row, so that a frozen payout line keeps what was approved.
CREATE TABLE holders.iban (
    id           uuid PRIMARY KEY,
    holder_id    uuid NOT NULL REFERENCES holders.holder,
    ciphertext   bytea NOT NULL,
    nonce        bytea NOT NULL CHECK (octet_length(nonce) = 12),
    key_id       text NOT NULL,
    iban_index   bytea NOT NULL CHECK (octet_length(iban_index) = 32),
    index_key_id text NOT NULL,
    state        text NOT NULL CHECK (state IN ('proposed', 'confirmed', 'refused')),
    proposed_by  text NOT NULL CHECK (proposed_by <> ''),
    proposed_on  date NOT NULL,
    proposed_at  timestamptz NOT NULL,
    confirmed_by text CHECK (confirmed_by <> ''),
    confirmed_on date,
    confirmed_at timestamptz,
    usable_from  date,
    refused_by   text CHECK (refused_by <> ''),
    refused_at   timestamptz,
    refusal      text,
    CONSTRAINT iban_of_holder UNIQUE (id, holder_id),
    CONSTRAINT iban_confirmed_by_another CHECK (confirmed_by <> proposed_by),
    CONSTRAINT iban_confirmed_whole CHECK (
        num_nonnulls(confirmed_by, confirmed_on, confirmed_at, usable_from) = CASE state WHEN 'confirmed' THEN 4 ELSE 0 END),
    CONSTRAINT iban_usable_after_confirmation CHECK (usable_from >= confirmed_on),
    CONSTRAINT iban_refused_whole CHECK (num_nonnulls(refused_by, refused_at, refusal) = CASE state WHEN 'refused' THEN 3 ELSE 0 END)
);
CREATE INDEX iban_holder ON holders.iban (holder_id, usable_from);
CREATE INDEX iban_index ON holders.iban (iban_index);

CREATE TABLE holders.block_event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    holder_id   uuid NOT NULL REFERENCES holders.holder,
    kind        text NOT NULL CHECK (kind IN ('blocked', 'unblocked')),
    reason      text NOT NULL CHECK (reason <> ''),
    actor       text NOT NULL CHECK (actor <> ''),
    recorded_at timestamptz NOT NULL
);
CREATE INDEX block_event_holder ON holders.block_event (holder_id);

CALL ledger.guard('holders.holder', true);
CALL ledger.guard('holders.iban', true);
CALL ledger.guard('holders.block_event');

-- One decision per IBAN, for ever.
CREATE FUNCTION holders.decide_once() RETURNS trigger LANGUAGE plpgsql
SET search_path = holders, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'iban % is decided already', OLD.id USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER decide_once BEFORE UPDATE ON holders.iban FOR EACH ROW
    WHEN (OLD.state <> 'proposed') EXECUTE FUNCTION holders.decide_once();
ALTER TABLE holders.iban ENABLE ALWAYS TRIGGER decide_once;
CREATE FUNCTION holders.start_proposed() RETURNS trigger LANGUAGE plpgsql
SET search_path = holders, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'iban % must begin as proposed', NEW.id USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER start_proposed BEFORE INSERT ON holders.iban FOR EACH ROW
    WHEN (NEW.state <> 'proposed') EXECUTE FUNCTION holders.start_proposed();
ALTER TABLE holders.iban ENABLE ALWAYS TRIGGER start_proposed;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA holders FROM PUBLIC;

DO $$
DECLARE
    v_service text := regexp_replace(current_user, '_owner$', '_service');
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA holders TO %I', v_service);
    EXECUTE format('GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA holders TO %I', v_service);
    EXECUTE format('GRANT UPDATE (blocked) ON holders.holder TO %I', v_service);
    EXECUTE format('GRANT UPDATE (state, confirmed_by, confirmed_on, confirmed_at, usable_from, refused_by, refused_at, refusal)'
                   ' ON holders.iban TO %I', v_service);
END
$$;
