-- The auditor reads the books and nothing else: no function of ours, no person, no bank account, no message.
--
-- Table by table, so that a new one is read by nobody until its migration says so and docs/privileges.md has its row.
-- A server that was not made by the local house may do without the role; who makes it later runs this again.

DO $$
DECLARE
    v_auditor text := regexp_replace(current_user, '_owner$', '_auditor');
    v_table text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_auditor) THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA ledger TO %I', v_auditor);
    FOREACH v_table IN ARRAY ARRAY[
        'asset', 'purse', 'owner', 'account', 'balance', 'journal', 'entry', 'hold', 'hold_event', 'unsealed', 'fund', 'proposal',
        'proposal_decision', 'block', 'block_journal', 'period_close', 'period_balance', 'bulk_batch', 'bulk_line',
        'bulk_exception', 'bulk_chunk'] LOOP
        EXECUTE format('GRANT SELECT ON ledger.%I TO %I', v_table, v_auditor);
    END LOOP;
END
$$;
