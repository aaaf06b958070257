-- Append-only, also for the owner: the triggers fire ALWAYS, replication role or not. Who switches a trigger off
-- as owner or superuser leaves the seals broken, which is what the seals are for.

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = ledger, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: the books are only added to', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', HINT = 'Correct with a transfer that names what it reverses.';
END
$$;

-- Make one table append-only, or (p_updates) let its rows change but never leave.
CREATE PROCEDURE ledger.guard(p_table regclass, p_updates boolean DEFAULT false) LANGUAGE plpgsql
SET search_path = ledger, pg_temp
AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER no_change BEFORE %s ON %s FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change()',
        CASE WHEN p_updates THEN 'DELETE' ELSE 'UPDATE OR DELETE' END, p_table);
    EXECUTE format(
        'CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()',
        p_table);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER no_change', p_table);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER no_truncate', p_table);
END
$$;

CALL ledger.guard('ledger.asset');
CALL ledger.guard('ledger.purse');
CALL ledger.guard('ledger.owner');
CALL ledger.guard('ledger.journal');
CALL ledger.guard('ledger.entry');
CALL ledger.guard('ledger.hold_event');
CALL ledger.guard('ledger.fund');
CALL ledger.guard('ledger.proposal');
CALL ledger.guard('ledger.proposal_decision');
CALL ledger.guard('ledger.account', true);
CALL ledger.guard('ledger.balance', true);
CALL ledger.guard('ledger.hold', true);

CREATE FUNCTION ledger.only_close_account() RETURNS trigger LANGUAGE plpgsql
SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_expected ledger.account := OLD;
BEGIN
    v_expected.closed_at := NEW.closed_at;
    IF OLD.closed_at IS NOT NULL OR NEW.closed_at IS NULL OR NEW IS DISTINCT FROM v_expected THEN
        RAISE EXCEPTION 'account % may only be closed, once', OLD.address USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER only_close BEFORE UPDATE ON ledger.account FOR EACH ROW EXECUTE FUNCTION ledger.only_close_account();
ALTER TABLE ledger.account ENABLE ALWAYS TRIGGER only_close;

-- A balance keeps its terms, and its version moves with its entries only.
CREATE FUNCTION ledger.keep_terms() RETURNS trigger LANGUAGE plpgsql
SET search_path = ledger, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'the terms of account % are fixed', OLD.account_id USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER keep_terms BEFORE UPDATE ON ledger.balance FOR EACH ROW
    WHEN (NEW.account_id <> OLD.account_id OR NEW.lock_rank <> OLD.lock_rank OR NEW.version < OLD.version
          OR NEW.floor IS DISTINCT FROM OLD.floor OR NEW.ceiling IS DISTINCT FROM OLD.ceiling)
    EXECUTE FUNCTION ledger.keep_terms();
ALTER TABLE ledger.balance ENABLE ALWAYS TRIGGER keep_terms;

-- A hold keeps what it is for, is only used up, and is closed once.
CREATE FUNCTION ledger.only_use_up_hold() RETURNS trigger LANGUAGE plpgsql
SET search_path = ledger, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'hold % may only be used up and closed, once', OLD.id USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER only_use_up BEFORE UPDATE ON ledger.hold FOR EACH ROW
    WHEN (NEW.id <> OLD.id OR NEW.account_id <> OLD.account_id OR NEW.amount <> OLD.amount OR NEW.purpose <> OLD.purpose
          OR NEW.opened_at <> OLD.opened_at OR NEW.opened_by <> OLD.opened_by
          OR NEW.expires_at IS DISTINCT FROM OLD.expires_at OR OLD.state <> 'open' OR NEW.remaining >= OLD.remaining)
    EXECUTE FUNCTION ledger.only_use_up_hold();
ALTER TABLE ledger.hold ENABLE ALWAYS TRIGGER only_use_up;

-- Once per insert statement, over its new rows: every account exists, and every journal adds up to 0 in each asset.
CREATE FUNCTION ledger.check_entries() RETURNS trigger LANGUAGE plpgsql
SET search_path = ledger, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_nestloop = off
SET enable_mergejoin = off
SET enable_seqscan = off
AS $$
DECLARE
    v_journal bigint;
BEGIN
    SELECT e.journal_id INTO v_journal
      FROM added e
      LEFT JOIN (SELECT id, asset FROM account WHERE id = ANY (ARRAY(SELECT account_id FROM added))) a ON a.id = e.account_id
     GROUP BY e.journal_id, a.asset
    HAVING sum(e.amount) <> 0 OR a.asset IS NULL
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal % does not add up to 0, or has an entry on no account', v_journal
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER adds_up AFTER INSERT ON ledger.entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_entries();
ALTER TABLE ledger.entry ENABLE ALWAYS TRIGGER adds_up;
