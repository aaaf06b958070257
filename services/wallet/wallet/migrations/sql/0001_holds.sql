-- Holds: money that stays where it is and can be spent for one purpose only. Opening moves `held` alone; capturing
-- happens in ledger.post; releasing gives back what remains. Everybody locks the balance before the hold.

-- Take from open holds what the transfers of one posting capture. The balances of the sources are locked.
CREATE FUNCTION ledger.capture_holds(p_holds uuid[], p_sources bigint[], p_amounts bigint[], p_journal bigint, p_actor text) RETURNS void
LANGUAGE plpgsql SET search_path = ledger, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE
    v_wrong record;
BEGIN
    SELECT c.hold_id, c.i, c.asked, h.remaining, h.state, h.account_id = c.source AS own INTO v_wrong
      FROM (SELECT u.hold_id, u.source, u.i, sum(u.amount) OVER (PARTITION BY u.hold_id ORDER BY u.i) AS asked
              FROM unnest(p_holds, p_sources, p_amounts) WITH ORDINALITY u(hold_id, source, amount, i)
             WHERE u.hold_id IS NOT NULL) c
      LEFT JOIN hold h ON h.id = c.hold_id
     WHERE h.id IS NULL OR h.state <> 'open' OR h.account_id <> c.source OR c.asked > h.remaining
     ORDER BY c.i LIMIT 1;
    IF FOUND THEN
        IF v_wrong.state IS DISTINCT FROM 'open' THEN
            PERFORM refuse('SB409', 'holdNotOpen',
                format('Reservering %s is niet open.', v_wrong.hold_id),
                jsonb_build_object('hold', v_wrong.hold_id, 'index', v_wrong.i - 1, 'asked', v_wrong.asked));
        ELSIF NOT v_wrong.own THEN
            PERFORM refuse('SB409', 'holdOnOtherAccount',
                format('Reservering %s staat op een andere rekening.', v_wrong.hold_id),
                jsonb_build_object('hold', v_wrong.hold_id, 'index', v_wrong.i - 1, 'asked', v_wrong.asked));
        END IF;
        PERFORM refuse('SB409', 'holdTooSmall',
            format('Van reservering %s is nog %s over; gevraagd is %s.', v_wrong.hold_id, v_wrong.remaining, v_wrong.asked),
            jsonb_build_object('hold', v_wrong.hold_id, 'index', v_wrong.i - 1, 'available', v_wrong.remaining, 'asked', v_wrong.asked));
    END IF;
    -- One event for each hold and journal: what each transfer took stands on its entry.
    INSERT INTO hold_event (hold_id, sequence, kind, amount, journal_id, actor, recorded_at)
    SELECT c.hold_id, (SELECT max(e.sequence) FROM hold_event e WHERE e.hold_id = c.hold_id) + 1,
           'captured', c.amount, p_journal, p_actor, clock_timestamp()
      FROM (SELECT u.hold_id, total(u.amount) AS amount
              FROM unnest(p_holds, p_amounts) u(hold_id, amount)
             WHERE u.hold_id IS NOT NULL GROUP BY u.hold_id) c;
    UPDATE hold h
       SET remaining = h.remaining - c.amount,
           state = CASE WHEN h.remaining = c.amount THEN 'captured' ELSE 'open' END,
           closed_at = CASE WHEN h.remaining = c.amount THEN clock_timestamp() END
      FROM (SELECT u.hold_id, sum(u.amount)::bigint AS amount
              FROM unnest(p_holds, p_amounts) u(hold_id, amount)
             WHERE u.hold_id IS NOT NULL GROUP BY u.hold_id) c
     WHERE h.id = c.hold_id;
END
$$;

-- Hold back amounts on accounts, all or nothing.
CREATE FUNCTION ledger.open_holds(
    p_ids uuid[], p_accounts text[], p_amounts bigint[], p_assets text[], p_purpose text, p_expires_at timestamptz,
    p_actor text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE
    v_count int := cardinality(p_amounts);
    v_accounts bigint[];
    v_locked bigint[];
    v_posted bigint[];
    v_held bigint[];
    v_floors bigint[];
    v_wrong record;
BEGIN
    PERFORM check_shape(p_amounts, array[cardinality(p_ids), cardinality(p_accounts), cardinality(p_assets)]);
    v_accounts := (find_accounts(p_accounts, NULL, p_assets)).o_sources;
    SELECT array_agg(b.account_id), array_agg(b.posted), array_agg(b.held), array_agg(b.floor)
      INTO v_locked, v_posted, v_held, v_floors
      FROM (SELECT * FROM balance WHERE account_id = ANY (v_accounts) ORDER BY lock_rank, account_id FOR UPDATE) b;
    PERFORM refuse_closed(v_accounts, v_count);
    -- numeric, so that no sum of amounts can be too large to be refused
    SELECT c.i, c.amount, a.address, c.asset, s.posted::numeric - s.held - c.asked + c.amount AS before, s.floor INTO v_wrong
      FROM (SELECT u.*, sum(u.amount) OVER (PARTITION BY u.account_id ORDER BY u.i) AS asked
              FROM unnest(v_accounts, p_amounts, p_assets) WITH ORDINALITY u(account_id, amount, asset, i)) c
      JOIN unnest(v_locked, v_posted, v_held, v_floors) s(account_id, posted, held, floor) ON s.account_id = c.account_id
      JOIN account a ON a.id = c.account_id
     WHERE s.posted - s.held - c.asked < s.floor OR s.held + c.asked > 9223372036854775807
           OR abs(s.posted - s.held - c.asked) > 9223372036854775807
     ORDER BY c.i LIMIT 1;
    IF FOUND THEN
        IF v_wrong.floor IS NULL THEN
            PERFORM refuse('SB409', 'amountOutOfRange', 'Dit is meer dan het grootboek kan tellen.',
                jsonb_build_object('account', v_wrong.address, 'index', v_wrong.i - 1, 'asked', v_wrong.amount));
        END IF;
        PERFORM refuse('SB409', 'tooLittle',
            format('Op rekening %s is %s beschikbaar; gevraagd is %s (%s).', v_wrong.address, v_wrong.before - v_wrong.floor, v_wrong.amount, v_wrong.asset),
            jsonb_build_object('account', v_wrong.address, 'index', v_wrong.i - 1, 'available', v_wrong.before - v_wrong.floor, 'asked', v_wrong.amount));
    END IF;
    BEGIN
        INSERT INTO hold (id, account_id, amount, remaining, state, purpose, opened_at, expires_at, opened_by)
        SELECT u.id, u.account_id, u.amount, u.amount, 'open', p_purpose, clock_timestamp(), p_expires_at, p_actor
          FROM unnest(p_ids, v_accounts, p_amounts) u(id, account_id, amount);
    EXCEPTION WHEN unique_violation THEN
        SELECT u.id, u.i INTO v_wrong
          FROM unnest(p_ids) WITH ORDINALITY u(id, i)
         WHERE u.i > 1 AND u.id = ANY (p_ids[:u.i - 1]) OR EXISTS (SELECT FROM hold h WHERE h.id = u.id)
         ORDER BY u.i LIMIT 1;
        PERFORM refuse('SB409', 'holdExists', format('Reservering %s bestaat al.', v_wrong.id),
                       jsonb_build_object('hold', v_wrong.id, 'index', v_wrong.i - 1));
    END;
    INSERT INTO hold_event (hold_id, sequence, kind, amount, actor, recorded_at)
    SELECT u.id, 1, 'opened', u.amount, p_actor, clock_timestamp() FROM unnest(p_ids, p_amounts) u(id, amount);
    UPDATE balance b SET held = b.held + c.amount
      FROM (SELECT u.account_id, sum(u.amount)::bigint AS amount
              FROM unnest(v_accounts, p_amounts) u(account_id, amount) GROUP BY u.account_id) c
     WHERE b.account_id = c.account_id;
END
$$;

-- Close open holds and give back what remains of them; those closed already are left as they are.
CREATE FUNCTION ledger.close_holds(p_ids uuid[], p_kind text, p_actor text) RETURNS int
LANGUAGE plpgsql SET search_path = ledger, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE
    v_unknown uuid;
    v_closed int;
BEGIN
    SELECT u.id INTO v_unknown
      FROM unnest(p_ids) u(id) WHERE NOT EXISTS (SELECT FROM hold h WHERE h.id = u.id) LIMIT 1;
    IF FOUND THEN
        PERFORM refuse('SB409', 'unknownHold', format('Reservering %s bestaat niet.', v_unknown), jsonb_build_object('hold', v_unknown));
    END IF;
    PERFORM FROM balance
      WHERE account_id = ANY (ARRAY(SELECT h.account_id FROM hold h WHERE h.id = ANY (p_ids)))
      ORDER BY lock_rank, account_id FOR UPDATE;
    WITH closing AS MATERIALIZED (
        SELECT h.id, h.account_id, h.remaining FROM hold h WHERE h.id = ANY (p_ids) AND h.state = 'open'
    ), written AS (
        INSERT INTO hold_event (hold_id, sequence, kind, amount, actor, recorded_at)
        SELECT c.id, (SELECT max(e.sequence) FROM hold_event e WHERE e.hold_id = c.id) + 1, p_kind, c.remaining, p_actor, clock_timestamp()
          FROM closing c
    ), closed AS (
        UPDATE hold h SET remaining = 0, state = p_kind, closed_at = clock_timestamp()
          FROM closing c WHERE h.id = c.id
    ), freed AS (
        UPDATE balance b SET held = b.held - f.amount
          FROM (SELECT c.account_id, sum(c.remaining)::bigint AS amount FROM closing c GROUP BY c.account_id) f
         WHERE b.account_id = f.account_id
    )
    SELECT count(*) INTO v_closed FROM closing;
    RETURN v_closed;
END
$$;

CREATE FUNCTION ledger.release_holds(p_ids uuid[], p_actor text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
    SELECT close_holds(p_ids, 'released', p_actor)
$$;

-- Close holds whose time is past, the oldest first; gives how many. A hold stays open until this is written.
CREATE FUNCTION ledger.expire_holds(p_before timestamptz, p_limit int, p_actor text) RETURNS int
LANGUAGE sql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
    SELECT close_holds(ARRAY(
        SELECT h.id FROM hold h WHERE h.state = 'open' AND h.expires_at < p_before ORDER BY h.expires_at LIMIT p_limit), 'expired', p_actor)
$$;
