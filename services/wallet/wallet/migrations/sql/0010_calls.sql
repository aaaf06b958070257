-- Hold for calls: holds that take what there is, many askers in one transaction, and postings that let go of holds.

-- Calls that are rated, and that their provider did not bill yet.
SELECT ledger.open_account('clearing:belkosten', 'EUR', 'system', 0, NULL, 10);

-- Open a list of holds, each granted or refused by itself, one row for each in their order. Of each amount as much is set
-- apart as is available, and at least its minimum: less than that is refused. The balance is locked while this is decided, so
-- two who ask at once never get the same money. A malformed one refuses all.
CREATE FUNCTION ledger.open_each_hold(
    p_ids uuid[], p_accounts text[], p_amounts bigint[], p_minimums bigint[], p_assets text[], p_purposes text[],
    p_expires_at timestamptz[], p_actors text[])
RETURNS TABLE (granted bigint, granted_at timestamptz, refusal_code text, refusal_detail text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE
    v_count int := cardinality(p_amounts);
    v_account account;
    v_balance balance;
BEGIN
    PERFORM check_shape(p_amounts, array[
        cardinality(p_ids), cardinality(p_accounts), cardinality(p_minimums), cardinality(p_assets), cardinality(p_purposes),
        coalesce(cardinality(p_expires_at), v_count), cardinality(p_actors)]);
    FOR v_i IN 1..v_count LOOP
        IF (p_minimums[v_i] BETWEEN 1 AND p_amounts[v_i]) IS NOT TRUE THEN
            PERFORM refuse('SB400', 'amountOutOfRange',
                format('Het minste van een reservering ligt tussen 1 en %s, en is niet %s.', p_amounts[v_i], coalesce(p_minimums[v_i]::text, 'leeg')),
                jsonb_build_object('index', v_i - 1, 'asked', p_minimums[v_i]));
        END IF;
    END LOOP;
    IF v_count > 1 THEN
        -- One by one the locks would be taken in the order of the askers, and two such calls could wait for each other.
        PERFORM FROM balance
          WHERE account_id = ANY (ARRAY(SELECT a.id FROM account a WHERE a.address = ANY (p_accounts)))
          ORDER BY lock_rank, account_id FOR UPDATE;
    END IF;
    FOR v_i IN 1..v_count LOOP
        refusal_code := NULL;
        refusal_detail := NULL;
        v_balance := NULL;
        SELECT b.* INTO v_balance FROM balance b
         WHERE b.account_id = (SELECT a.id FROM account a WHERE a.address = p_accounts[v_i] COLLATE "C") FOR UPDATE;
        -- Read after the lock, by a statement of its own: its snapshot has the close of everybody who had the lock before.
        SELECT a.* INTO v_account FROM account a WHERE a.id = v_balance.account_id;
        granted := least(p_amounts[v_i], v_balance.posted - v_balance.held - v_balance.floor);
        IF granted >= p_minimums[v_i] AND v_balance.floor IS NOT NULL AND v_account.asset = p_assets[v_i] AND v_account.closed_at IS NULL THEN
            granted_at := clock_timestamp();
            INSERT INTO hold (id, account_id, amount, remaining, state, purpose, opened_at, expires_at, opened_by)
            VALUES (p_ids[v_i], v_account.id, granted, granted, 'open', p_purposes[v_i], granted_at, p_expires_at[v_i], p_actors[v_i]);
            INSERT INTO hold_event (hold_id, sequence, kind, amount, actor, recorded_at)
            VALUES (p_ids[v_i], 1, 'opened', granted, p_actors[v_i], granted_at);
            UPDATE balance b SET held = b.held + granted WHERE b.account_id = v_account.id;
        ELSE
            -- What has no floor has all that is asked. All else is refused here, in the words of everybody.
            granted := CASE WHEN v_balance.floor IS NULL THEN p_amounts[v_i] ELSE p_minimums[v_i] END;
            BEGIN
                PERFORM open_holds(p_ids[v_i:v_i], p_accounts[v_i:v_i], ARRAY[granted], p_assets[v_i:v_i], p_purposes[v_i],
                                   p_expires_at[v_i], p_actors[v_i]);
                granted_at := (SELECT h.opened_at FROM hold h WHERE h.id = p_ids[v_i]);
            EXCEPTION WHEN SQLSTATE 'SB409' THEN
                GET STACKED DIAGNOSTICS refusal_code = MESSAGE_TEXT, refusal_detail = PG_EXCEPTION_DETAIL;
                granted := NULL;
                granted_at := NULL;
            END;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Open the purses that a posting may open, and lock all balances that it moves and those of the holds that are released after
-- it, in the order of everybody: posting first and locking for the release afterwards could wait in a ring with others.
CREATE FUNCTION ledger.lock_posting(p_sources text[], p_destinations text[], p_holds uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
BEGIN
    PERFORM open_purses(ARRAY(
        SELECT DISTINCT u.address COLLATE "C" FROM unnest(p_destinations) u(address)
        EXCEPT
        SELECT a.address FROM account a WHERE a.address = ANY (p_destinations)));
    PERFORM FROM balance
      WHERE account_id = ANY (ARRAY(
            SELECT a.id FROM account a WHERE a.address = ANY (p_sources || p_destinations)
            UNION
            SELECT h.account_id FROM hold h WHERE h.id = ANY (p_holds)))
      ORDER BY lock_rank, account_id FOR UPDATE;
END
$$;

REVOKE ALL ON FUNCTION ledger.open_each_hold(uuid[], text[], bigint[], bigint[], text[], text[], timestamptz[], text[]),
                       ledger.lock_posting(text[], text[], uuid[]) FROM PUBLIC;

DO $$
DECLARE
    v_service text := regexp_replace(current_user, '_owner$', '_service');
    v_function text;
BEGIN
    FOREACH v_function IN ARRAY ARRAY['open_each_hold', 'lock_posting'] LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION ledger.%I TO %I', v_function, v_service);
    END LOOP;
END
$$;
