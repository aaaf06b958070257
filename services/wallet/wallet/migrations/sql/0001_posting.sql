-- Posting: from arrays to a journal, all or nothing.
--
-- Three statements, each with a fresh snapshot: find (and open) the accounts, lock their balances in the order
-- (lock rank, id), write. Every table is reached by `= ANY (ids)` on its key and everything else is a hash join over
-- what that gave. The settings of `post` and of the hold functions leave the planner no other way (a merge join or a
-- scan over all accounts would make each chunk of a large job slower than the one before), so one plan is right for 1
-- transfer and for 10,000 and is made once per connection: planning 10,000 constants took a third of the time. They
-- hold for the functions called from there too.

-- A sum that stays a bigint; the one of PostgreSQL is numeric and slower. Posting refuses beforehand what could overflow.
CREATE AGGREGATE ledger.total(bigint) (SFUNC = int8pl, STYPE = bigint, INITCOND = '0');

-- The legs of a list of transfers, with the chain of each account carried on. Pure computation on what was locked;
-- inlined into the statements below. Texts stay in their arrays, which are read by `transfer`: carrying them through
-- the sort took a third of the time.
--
-- The i-th transfer (from 1) has line 2i-1 for its source and 2i for its destination. Legs on bank and fund accounts
-- (lock rank 20 and up: p_merged) are merged into one per account and direction, credits first, in lines above 2N
-- without a counter account; but where both sides of a transfer would be merged its destination stays on a line of
-- its own, so that every transfer has at least one line that names it. The line that `carries` has the grant key and
-- the hold: the destination's, or the source's where the destination is merged.
CREATE FUNCTION ledger.legs(
    p_locked bigint[], p_posted bigint[], p_held bigint[], p_versions bigint[], p_floors bigint[], p_ceilings bigint[],
    p_merged bigint[], p_sources bigint[], p_destinations bigint[], p_amounts bigint[], p_holds uuid[])
RETURNS TABLE (
    account_id bigint, line int, transfer int, carries boolean, counter_account_id bigint, amount bigint, version bigint,
    balance_after bigint, available_after bigint, captured bigint, short boolean, over boolean, last boolean)
LANGUAGE sql STABLE
AS $$
    WITH transfer AS MATERIALIZED (
        SELECT t.source, t.destination, t.amount, t.i::int, CASE WHEN p_holds[t.i] IS NULL THEN 0 ELSE t.amount END AS captured,
               t.source = ANY (p_merged) AS source_merged,
               t.destination = ANY (p_merged) AND NOT t.source = ANY (p_merged) AS destination_merged
          FROM unnest(p_sources, p_destinations, p_amounts) WITH ORDINALITY t(source, destination, amount, i)
    ), merged AS (
        SELECT t.source AS account_id, -1 AS direction, ledger.total(t.amount) AS amount, ledger.total(t.captured) AS captured
          FROM transfer t WHERE t.source_merged GROUP BY t.source
        UNION ALL
        SELECT t.destination, 1, ledger.total(t.amount), 0
          FROM transfer t WHERE t.destination_merged GROUP BY t.destination
    ), leg AS (
        SELECT t.source AS account_id, 2 * t.i - 1 AS line, t.i AS transfer, t.destination_merged AS carries,
               t.destination AS counter_account_id, -t.amount AS amount, t.captured
          FROM transfer t WHERE NOT t.source_merged
        UNION ALL
        SELECT t.destination, 2 * t.i, t.i, true, t.source, t.amount, 0
          FROM transfer t WHERE NOT t.destination_merged
        UNION ALL
        SELECT m.account_id, (2 * cardinality(p_amounts) + row_number() OVER (ORDER BY m.account_id, m.direction DESC))::int,
               NULL, false, NULL, m.direction * m.amount, m.captured
          FROM merged m
    )
    SELECT l.account_id, l.line, l.transfer, l.carries, l.counter_account_id, l.amount,
           p_versions[s.at] + row_number() OVER chain,
           p_posted[s.at] + ledger.total(l.amount) OVER chain,
           p_posted[s.at] - p_held[s.at] + ledger.total(l.amount + l.captured) OVER chain,
           ledger.total(l.captured) OVER chain,
           coalesce(l.amount + l.captured < 0
                    AND p_posted[s.at] - p_held[s.at] + ledger.total(l.amount + l.captured) OVER chain < p_floors[s.at], false),
           coalesce(l.amount > 0 AND p_posted[s.at] + ledger.total(l.amount) OVER chain > p_ceilings[s.at], false),
           lead(l.line) OVER chain IS NULL
      FROM leg l
      JOIN unnest(p_locked) WITH ORDINALITY s(account_id, at) ON s.account_id = l.account_id
    WINDOW chain AS (PARTITION BY l.account_id ORDER BY l.line ROWS UNBOUNDED PRECEDING)
$$;

-- Say which transfer of a list is malformed, if one is.
CREATE FUNCTION ledger.check_shape(p_amounts bigint[], p_lengths int[]) RETURNS void
LANGUAGE plpgsql SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_count int := coalesce(cardinality(p_amounts), 0);
    v_wrong record;
BEGIN
    IF v_count = 0 THEN
        PERFORM refuse('SB400', 'noTransfers', 'Geef ten minste één overboeking.');
    ELSIF v_count > 10000 THEN
        PERFORM refuse('SB400', 'tooManyTransfers', format('Ten hoogste 10.000 overboekingen in één keer; dit zijn er %s.', v_count),
                       jsonb_build_object('asked', v_count));
    ELSIF (v_count = ALL (p_lengths)) IS NOT TRUE THEN
        PERFORM refuse('SB400', 'malformed', 'De lijsten van de overboekingen zijn niet even lang.');
    END IF;
    IF 0 < ALL (p_amounts) THEN
        RETURN;
    END IF;
    SELECT u.amount, u.i INTO v_wrong FROM unnest(p_amounts) WITH ORDINALITY u(amount, i)
     WHERE u.amount IS NULL OR u.amount <= 0 ORDER BY u.i LIMIT 1;
    PERFORM refuse('SB400', 'amountOutOfRange', format('Een bedrag is een geheel getal boven 0, niet %s.', coalesce(v_wrong.amount::text, 'leeg')),
                   jsonb_build_object('index', v_wrong.i - 1, 'asked', v_wrong.amount));
END
$$;

-- Find the accounts of a list of sources and, where given, destinations; the destinations that are purses not open
-- yet are opened. Refused: an account that is not there, one of another asset, a transfer from an account to itself.
CREATE FUNCTION ledger.find_accounts(
    p_sources text[], p_destinations text[], p_assets text[], OUT o_sources bigint[], OUT o_destinations bigint[])
LANGUAGE plpgsql SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_wrong record;
    v_fine boolean;
BEGIN
    FOR v_try IN 1..2 LOOP
        WITH known AS MATERIALIZED (
            SELECT a.address, a.id, a.asset FROM account a WHERE a.address = ANY (p_sources || p_destinations)
        )
        SELECT array_agg(s.id ORDER BY t.i), array_agg(d.id ORDER BY t.i),
               bool_and((s.asset = t.asset AND (p_destinations IS NULL OR d.asset = t.asset AND d.id <> s.id)) IS TRUE)
          INTO o_sources, o_destinations, v_fine
          FROM unnest(p_sources, p_destinations, p_assets) WITH ORDINALITY t(source, destination, asset, i)
          LEFT JOIN known s ON s.address = t.source COLLATE "C"
          LEFT JOIN known d ON d.address = t.destination COLLATE "C";
        IF v_fine THEN
            RETURN;
        END IF;
        EXIT WHEN v_try = 2 OR array_position(o_destinations, NULL) IS NULL;
        PERFORM open_purses(ARRAY(
            SELECT u.address FROM unnest(p_destinations, o_destinations) u(address, id) WHERE u.id IS NULL));
    END LOOP;
    SELECT w.*, coalesce(a.asset, o.asset) AS real_asset, o.asset IS NOT NULL AS openable INTO v_wrong
      FROM (SELECT t.source AS address, t.destination AS other, t.asset, t.i, 1 AS side
              FROM unnest(p_sources, p_destinations, p_assets) WITH ORDINALITY t(source, destination, asset, i)
            UNION ALL
            SELECT t.destination, t.source, t.asset, t.i, 2
              FROM unnest(p_destinations, p_sources, p_assets) WITH ORDINALITY t(destination, source, asset, i)
             WHERE p_destinations IS NOT NULL) w
      LEFT JOIN account a ON a.address = w.address COLLATE "C"
      LEFT JOIN openable(p_sources) o ON o.address = w.address COLLATE "C" AND a.id IS NULL
     WHERE a.asset IS DISTINCT FROM w.asset OR w.address = w.other
     ORDER BY w.i, w.side LIMIT 1;
    IF v_wrong.address = v_wrong.other THEN
        PERFORM refuse('SB409', 'sameAccount', format('Van rekening %s naar zichzelf kan niet.', v_wrong.address),
                       jsonb_build_object('account', v_wrong.address, 'index', v_wrong.i - 1));
    ELSIF v_wrong.real_asset IS NULL THEN
        PERFORM refuse('SB409', 'unknownAccount', format('Rekening %s bestaat niet.', v_wrong.address),
                       jsonb_build_object('account', v_wrong.address, 'index', v_wrong.i - 1));
    ELSIF v_wrong.real_asset IS DISTINCT FROM v_wrong.asset THEN
        PERFORM refuse('SB409', 'wrongAsset', format('Rekening %s telt in %s, niet in %s.', v_wrong.address, v_wrong.real_asset, v_wrong.asset),
                       jsonb_build_object('account', v_wrong.address, 'index', v_wrong.i - 1));
    END IF;
    -- A purse that nothing was ever put in.
    PERFORM refuse('SB409', 'tooLittle', format('Op rekening %s staat nog niets.', v_wrong.address),
                   jsonb_build_object('account', v_wrong.address, 'index', v_wrong.i - 1, 'available', 0));
END
$$;

-- Say why a posting was refused, from what is locked: a grant key used before comes first, so that a repeated
-- request is told that its work is done and not that the money is gone.
CREATE FUNCTION ledger.explain_posting(
    p_locked bigint[], p_posted bigint[], p_held bigint[], p_versions bigint[], p_floors bigint[], p_ceilings bigint[],
    p_merged bigint[], p_sources bigint[], p_destinations bigint[], p_amounts bigint[],
    p_grant_keys text[], p_holds uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_wrong record;
    v_address text;
    v_asset text;
    v_available bigint;
BEGIN
    SELECT k.grant_key, k.i INTO v_wrong
      FROM (SELECT u.grant_key, u.i, row_number() OVER (PARTITION BY u.grant_key ORDER BY u.i) AS times
              FROM unnest(p_grant_keys) WITH ORDINALITY u(grant_key, i)
             WHERE u.grant_key IS NOT NULL) k
     WHERE k.times > 1 OR EXISTS (SELECT FROM entry e WHERE e.grant_key = k.grant_key COLLATE "C")
     ORDER BY k.i LIMIT 1;
    IF FOUND THEN
        PERFORM refuse('SB409', 'grantKeyUsed', format('De toekenning %s is al geboekt.', v_wrong.grant_key),
                       jsonb_build_object('grantKey', v_wrong.grant_key, 'index', v_wrong.i - 1));
    END IF;
    SELECT l.* INTO v_wrong
      FROM legs(p_locked, p_posted, p_held, p_versions, p_floors, p_ceilings, p_merged, p_sources, p_destinations,
                p_amounts, p_holds) l
     WHERE l.short OR l.over
     ORDER BY l.line LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT a.address, a.asset INTO v_address, v_asset FROM account a WHERE a.id = v_wrong.account_id;
    IF v_wrong.short THEN
        v_available := v_wrong.available_after - v_wrong.amount - p_floors[array_position(p_locked, v_wrong.account_id)];
        PERFORM refuse('SB409', 'tooLittle',
            format('Op rekening %s is %s beschikbaar; gevraagd is %s (%s).', v_address, v_available, -v_wrong.amount, v_asset),
            jsonb_build_object('account', v_address, 'available', v_available, 'asked', -v_wrong.amount,
                'index', v_wrong.transfer - 1));
    END IF;
    v_available := p_ceilings[array_position(p_locked, v_wrong.account_id)] - v_wrong.balance_after + v_wrong.amount;
    PERFORM refuse('SB409', 'overCeiling',
        format('Op rekening %s kan nog %s erbij; gevraagd is %s (%s).', v_address, v_available, v_wrong.amount, v_asset),
        jsonb_build_object('account', v_address, 'available', v_available, 'asked', v_wrong.amount,
            'index', v_wrong.transfer - 1));
END
$$;

-- Refuse an account among these that is closed. Asked after locking, in a statement of its own: its snapshot then
-- sees every account that was closed before we had the lock.
CREATE FUNCTION ledger.refuse_closed(p_accounts bigint[], p_count int) RETURNS void
LANGUAGE plpgsql SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_wrong record;
BEGIN
    -- An empty index nearly always; never a lookup per account.
    IF NOT EXISTS (SELECT FROM account WHERE closed_at IS NOT NULL) THEN
        RETURN;
    END IF;
    SELECT a.address, u.i INTO v_wrong
      FROM unnest(p_accounts) WITH ORDINALITY u(id, i)
      JOIN account a ON a.id = u.id AND a.closed_at IS NOT NULL
     ORDER BY (u.i - 1) % p_count LIMIT 1;
    IF FOUND THEN
        PERFORM refuse('SB409', 'closedAccount', format('Rekening %s is gesloten.', v_wrong.address),
                       jsonb_build_object('account', v_wrong.address, 'index', (v_wrong.i - 1) % p_count));
    END IF;
END
$$;

-- Post 1 to 10,000 transfers as one journal, all or nothing, and give the journal's id. Sources and assets may be given
-- once when they are the same in all transfers. What a reversal takes back is named by the line that carries.
CREATE FUNCTION ledger.post(
    p_kind text, p_value_date date, p_actor text, p_on_behalf_of text, p_decision text, p_batch text, p_chunk int,
    p_reason text, p_sources text[], p_destinations text[], p_amounts bigint[], p_assets text[], p_grant_keys text[],
    p_references text[], p_explanations text[], p_holds uuid[],
    p_reversed_journal bigint DEFAULT NULL, p_reversed_line int DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE
    v_count int := cardinality(p_amounts);
    v_accounts bigint[];
    v_sources bigint[];
    v_destinations bigint[];
    v_locked bigint[];
    v_posted bigint[];
    v_held bigint[];
    v_versions bigint[];
    v_floors bigint[];
    v_ceilings bigint[];
    v_merged bigint[];
    v_largest bigint;
    v_sum numeric;
    v_journal bigint;
    v_refused boolean;
    -- One draw of 244 random bits per journal, spread over its lines: a draw per entry took a fifth of the time.
    v_seed bytea := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
BEGIN
    IF v_count > 1 AND cardinality(p_sources) = 1 THEN
        p_sources := array_fill(p_sources[1], array[v_count]);
    END IF;
    IF v_count > 1 AND cardinality(p_assets) = 1 THEN
        p_assets := array_fill(p_assets[1], array[v_count]);
    END IF;
    PERFORM check_shape(p_amounts, array[
        cardinality(p_sources), cardinality(p_destinations), cardinality(p_assets), coalesce(cardinality(p_grant_keys), v_count), coalesce(cardinality(p_references), v_count),
        coalesce(cardinality(p_explanations), v_count), coalesce(cardinality(p_holds), v_count)]);
    SELECT f.o_sources, f.o_destinations, f.o_sources || f.o_destinations INTO v_sources, v_destinations, v_accounts
      FROM find_accounts(p_sources, p_destinations, p_assets) f;

    -- Lock first, in one order for everybody; the returned rows are the newest.
    SELECT array_agg(b.account_id), array_agg(b.posted), array_agg(b.held), array_agg(b.version), array_agg(b.floor),
           array_agg(b.ceiling), coalesce(array_agg(b.account_id) FILTER (WHERE b.lock_rank >= 20), '{}'),
           max(greatest(abs(b.posted), b.held))
      INTO v_locked, v_posted, v_held, v_versions, v_floors, v_ceilings, v_merged, v_largest
      FROM (SELECT * FROM balance WHERE account_id = ANY (v_accounts) ORDER BY lock_rank, account_id FOR UPDATE) b;
    PERFORM refuse_closed(v_accounts, v_count);
    v_sum := (SELECT sum(a) FROM unnest(p_amounts) a);
    IF v_largest + v_sum > 9223372036854775807 THEN
        PERFORM refuse('SB409', 'amountOutOfRange', 'Met deze bedragen wordt een saldo groter dan het grootboek kan tellen.');
    END IF;

    INSERT INTO journal (kind, value_date, recorded_at, actor, on_behalf_of, decision, batch, chunk, reason, format_version)
    VALUES (p_kind, p_value_date, clock_timestamp(), p_actor, p_on_behalf_of, p_decision, p_batch, p_chunk, p_reason, 1)
    RETURNING id INTO v_journal;
    INSERT INTO unsealed (journal_id) VALUES (v_journal);
    IF p_holds[1] = ALL (p_holds) AND v_sources[1] = ALL (v_sources)
       AND EXISTS (SELECT FROM hold h WHERE h.id = p_holds[1] AND h.state = 'open' AND h.account_id = v_sources[1] AND h.remaining >= v_sum) THEN
        -- One hold that is large enough for all, as of a transfer batch: one capture, where a row of 5,000 took a tenth
        -- of the time.
        PERFORM capture_holds(p_holds[1:1], v_sources[1:1], ARRAY[v_sum::bigint], v_journal, p_actor);
    ELSIF p_holds IS NOT NULL AND array_remove(p_holds, NULL) <> '{}' THEN
        PERFORM capture_holds(p_holds, v_sources, p_amounts, v_journal, p_actor);
    END IF;

    BEGIN
        WITH leg AS MATERIALIZED (
            SELECT l.*
              FROM legs(v_locked, v_posted, v_held, v_versions, v_floors, v_ceilings, v_merged, v_sources, v_destinations,
                        p_amounts, p_holds) l
        ), entered AS (
            INSERT INTO entry (account_id, version, journal_id, line, counter_account_id, amount, balance_after,
                               grant_key, reference, explanation, hold_id, reversed_journal_id, reversed_line, nonce)
            SELECT l.account_id, l.version, v_journal, l.line, l.counter_account_id, l.amount, l.balance_after,
                   CASE WHEN l.carries THEN p_grant_keys[l.transfer] END, p_references[l.transfer], p_explanations[l.transfer],
                   CASE WHEN l.carries THEN p_holds[l.transfer] END, CASE WHEN l.carries THEN p_reversed_journal END,
                   CASE WHEN l.carries THEN p_reversed_line END, substring(sha256(v_seed || int4send(l.line)) FOR 16)
              FROM leg l
        ), moved AS (
            UPDATE balance b
               SET posted = l.balance_after, version = l.version, held = b.held - l.captured
              FROM leg l
             WHERE l.last AND b.account_id = l.account_id AND b.account_id = ANY (v_locked)
        )
        SELECT bool_or(l.short OR l.over) INTO v_refused FROM leg l;
        IF v_refused THEN
            RAISE check_violation USING MESSAGE = 'a transfer goes below a floor or above a ceiling';
        END IF;
    EXCEPTION WHEN unique_violation OR check_violation THEN
        PERFORM explain_posting(v_locked, v_posted, v_held, v_versions, v_floors, v_ceilings, v_merged, v_sources,
                                v_destinations, p_amounts, p_grant_keys, p_holds);
        RAISE;
    END;
    RETURN v_journal;
END
$$;
