-- Lending, and money that comes in: accounts of loans, the references under which people pay back, and what the schemes
-- are told of what the bank did.

-- What was lent under one loan: the loan's account can be debited for that once, and credited until nothing is owed.
CREATE TABLE ledger.loan (
    id         uuid PRIMARY KEY,
    account_id bigint NOT NULL UNIQUE REFERENCES ledger.account,
    principal  bigint NOT NULL CHECK (principal > 0)
);
CALL ledger.guard('ledger.loan');

ALTER TABLE ledger.account ADD CONSTRAINT account_loan CHECK ((kind = 'loan') = (address LIKE 'loan:%'));

-- A borrower never owes more than was lent and is never owed anything here: floor minus the principal, ceiling 0. Asked at
-- the commit, when the account, its balance and its loan are all there; the terms of a balance never change afterwards.
CREATE FUNCTION ledger.check_loan_terms() RETURNS trigger LANGUAGE plpgsql
SET search_path = ledger, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM loan l JOIN balance b ON b.account_id = l.account_id
                    WHERE l.account_id = NEW.id AND b.floor = -l.principal AND b.ceiling = 0 AND b.lock_rank = 10
                      AND NEW.asset = 'EUR' AND NEW.address = format('loan:%s:outstanding', l.id)) THEN
        RAISE EXCEPTION 'account % does not have the terms of a loan', NEW.address USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER loan_terms AFTER INSERT ON ledger.account DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.kind = 'loan') EXECUTE FUNCTION ledger.check_loan_terms();
ALTER TABLE ledger.account ENABLE ALWAYS TRIGGER loan_terms;

-- Open the account of a loan, and give its address. Again with the same principal: no change; with another: refused.
CREATE FUNCTION ledger.open_loan(p_loan uuid, p_principal bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_address text := format('loan:%s:outstanding', p_loan);
    v_id bigint;
BEGIN
    PERFORM check_shape(ARRAY[p_principal], ARRAY[1]);
    v_id := open_account(v_address, 'EUR', 'loan', -p_principal, 0, 10);
    INSERT INTO loan (id, account_id, principal) VALUES (p_loan, v_id, p_principal) ON CONFLICT DO NOTHING;
    RETURN v_address;
END
$$;
REVOKE ALL ON FUNCTION ledger.check_loan_terms(), ledger.open_loan(uuid, bigint) FROM PUBLIC;

-- What was lent out of the fund and is not yet paid back, what came in for a scheme and it has not placed yet, and the balance
-- at the payment provider, which may go below 0: it takes bounced debits and its costs from us whatever we have there.
SELECT ledger.open_account('lent:sociaal-krediet', 'EUR', 'system', 0, NULL, 10);
SELECT ledger.open_account('clearing:sociaal-krediet', 'EUR', 'system', 0, NULL, 10);
SELECT ledger.open_account('bank:stripe', 'EUR', 'bank', NULL, NULL, 20);

-- Under which reference (ISO 11649) a scheme expects money, and what the scheme itself calls it for.
CREATE TABLE payouts.payment_reference (
    reference     text COLLATE "C" PRIMARY KEY CHECK (reference ~ '^RF[0-9]{2}[A-Z0-9]{1,21}$'),
    scheme        text NOT NULL CHECK (scheme ~ '^[a-z][a-z0-9-]{0,39}$'),
    subject       text NOT NULL CHECK (subject <> '' AND length(subject) <= 200),
    registered_by text NOT NULL CHECK (registered_by <> ''),
    registered_at timestamptz NOT NULL
);
CALL ledger.guard('payouts.payment_reference');

-- The reference under which an entry of the bank was booked for a scheme, where it was.
ALTER TABLE payouts.bank_entry ADD COLUMN payment_reference text COLLATE "C"
    CONSTRAINT bank_entry_receipt CHECK (payment_reference IS NULL OR outcome = 'matched' AND journal_id IS NOT NULL);

-- What a scheme is told, until it says that it took it. Taken by id and never by a number up to which was read: a number
-- that was given out earlier may be committed later.
CREATE TABLE payouts.announcement (
    id           uuid PRIMARY KEY,
    number       bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    scheme       text NOT NULL CHECK (scheme ~ '^[a-z][a-z0-9-]{0,39}$'),
    kind         text NOT NULL CHECK (kind IN ('payment', 'receipt')),
    content      jsonb NOT NULL CHECK (jsonb_typeof(content) = 'object'),
    announced_at timestamptz NOT NULL,
    taken_at     timestamptz CHECK (taken_at >= announced_at)
);
CREATE INDEX announcement_waiting ON payouts.announcement (scheme, number) WHERE taken_at IS NULL;
CALL ledger.guard('payouts.announcement', true);

CREATE FUNCTION payouts.only_take_announcement() RETURNS trigger LANGUAGE plpgsql
SET search_path = payouts, pg_temp
AS $$
DECLARE
    v_expected announcement := OLD;
BEGIN
    v_expected.taken_at := NEW.taken_at;
    IF OLD.taken_at IS NOT NULL OR NEW.taken_at IS NULL OR NEW IS DISTINCT FROM v_expected THEN
        RAISE EXCEPTION 'announcement % may only be taken, once', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER only_take BEFORE UPDATE ON payouts.announcement FOR EACH ROW EXECUTE FUNCTION payouts.only_take_announcement();
ALTER TABLE payouts.announcement ENABLE ALWAYS TRIGGER only_take;
REVOKE ALL ON FUNCTION payouts.only_take_announcement() FROM PUBLIC;

DO $$
DECLARE
    v_service text := regexp_replace(current_user, '_owner$', '_service');
    v_auditor text := regexp_replace(current_user, '_owner$', '_auditor');
BEGIN
    EXECUTE format('GRANT SELECT ON ledger.loan TO %I', v_service);
    EXECUTE format('GRANT EXECUTE ON FUNCTION ledger.open_loan(uuid, bigint) TO %I', v_service);
    EXECUTE format('GRANT SELECT, INSERT ON payouts.payment_reference, payouts.announcement TO %I', v_service);
    EXECUTE format('GRANT UPDATE (taken_at) ON payouts.announcement TO %I', v_service);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = v_auditor) THEN
        EXECUTE format('GRANT SELECT ON ledger.loan TO %I', v_auditor);
    END IF;
END
$$;
