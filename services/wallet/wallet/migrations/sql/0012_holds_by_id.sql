-- Holds under an id that the asker chose: asking again gives what is there, without a key to remember.

DROP FUNCTION ledger.open_each_hold(uuid[], text[], bigint[], bigint[], text[], text[], timestamptz[], text[]);

-- Have a list of holds, each granted or refused by itself, one row for each in their order. Of each amount as much is set
-- apart as is available, and at least its minimum: less than that is refused. A hold that this actor opened before under that
-- id, on that account and for that purpose, is given as it is now, whatever it was then asked to be. The balance is locked while
-- this is decided, so two who ask at once never get the same money. A malformed one refuses all.
CREATE FUNCTION ledger.open_each_hold(
    p_ids uuid[], p_accounts text[], p_amounts bigint[], p_minimums bigint[], p_assets text[], p_purposes text[],
    p_expires_at timestamptz[], p_actors text[])
RETURNS TABLE (opened ledger.hold, refusal_code text, refusal_detail text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE
    v_count int := cardinality(p_amounts);
    v_account account;
    v_balance balance;
    v_granted bigint;
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
        SELECT h.* INTO opened FROM hold h WHERE h.id = p_ids[v_i];
        IF (opened.account_id, opened.purpose, opened.opened_by) = (v_account.id, p_purposes[v_i], p_actors[v_i]) THEN
            RETURN NEXT;
            CONTINUE;
        END IF;
        v_granted := least(p_amounts[v_i], v_balance.posted - v_balance.held - v_balance.floor);
        IF opened.id IS NULL AND v_granted >= p_minimums[v_i] AND v_balance.floor IS NOT NULL
           AND v_account.asset = p_assets[v_i] AND v_account.closed_at IS NULL THEN
            INSERT INTO hold AS h (id, account_id, amount, remaining, state, purpose, opened_at, expires_at, opened_by)
            VALUES (p_ids[v_i], v_account.id, v_granted, v_granted, 'open', p_purposes[v_i], clock_timestamp(),
                    p_expires_at[v_i], p_actors[v_i])
            RETURNING h.* INTO opened;
            INSERT INTO hold_event (hold_id, sequence, kind, amount, actor, recorded_at)
            VALUES (opened.id, 1, 'opened', v_granted, opened.opened_by, opened.opened_at);
            UPDATE balance b SET held = b.held + v_granted WHERE b.account_id = v_account.id;
        ELSE
            BEGIN
                IF opened.id IS NOT NULL THEN
                    PERFORM refuse('SB409', 'holdExists', format('Reservering %s bestaat al.', opened.id),
                                   jsonb_build_object('hold', opened.id, 'index', v_i - 1));
                END IF;
                -- What has no floor has all that is asked. All else is refused here, in the words of everybody.
                v_granted := CASE WHEN v_balance.floor IS NULL THEN p_amounts[v_i] ELSE p_minimums[v_i] END;
                PERFORM open_holds(p_ids[v_i:v_i], p_accounts[v_i:v_i], ARRAY[v_granted], p_assets[v_i:v_i], p_purposes[v_i],
                                   p_expires_at[v_i], p_actors[v_i]);
                SELECT h.* INTO opened FROM hold h WHERE h.id = p_ids[v_i];
            EXCEPTION WHEN SQLSTATE 'SB409' THEN
                GET STACKED DIAGNOSTICS refusal_code = MESSAGE_TEXT, refusal_detail = PG_EXCEPTION_DETAIL;
                opened := NULL;
            END;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION ledger.open_each_hold(uuid[], text[], bigint[], bigint[], text[], text[], timestamptz[], text[]) FROM PUBLIC;

DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION ledger.open_each_hold(uuid[], text[], bigint[], bigint[], text[], text[], timestamptz[], text[])'
                   ' TO %I', regexp_replace(current_user, '_owner$', '_service'));
END
$$;
