-- Fan out: less work for each of the many whom one account pays in bulk, from the check of a file to the seal.

-- Room for a second version of every balance on its page: with 60 the last third of a page went to another one when a
-- chunk paid all of its purses, and into the index with it.
ALTER TABLE ledger.balance SET (fillfactor = 50);

-- What `legs` gives where one account with merged lines pays others that stand in the list once: each has one leg, so that
-- nothing has to be sorted or carried on.
CREATE FUNCTION ledger.fan_out(
    p_locked bigint[], p_posted bigint[], p_held bigint[], p_versions bigint[], p_floors bigint[], p_ceilings bigint[],
    p_source bigint, p_destinations bigint[], p_amounts bigint[], p_holds uuid[])
RETURNS TABLE (
    account_id bigint, line int, transfer int, carries boolean, counter_account_id bigint, amount bigint, version bigint,
    balance_after bigint, available_after bigint, captured bigint, short boolean, over boolean, last boolean)
LANGUAGE sql STABLE
AS $$
    SELECT t.destination, 2 * t.i::int, t.i::int, true, p_source, t.amount, p_versions[s.at] + 1, p_posted[s.at] + t.amount,
           p_posted[s.at] - p_held[s.at] + t.amount, 0::bigint, false, coalesce(p_posted[s.at] + t.amount > p_ceilings[s.at], false),
           true
      FROM unnest(p_destinations, p_amounts) WITH ORDINALITY t(destination, amount, i)
      JOIN unnest(p_locked) WITH ORDINALITY s(account_id, at) ON s.account_id = t.destination
    UNION ALL
    SELECT p_source, 2 * cardinality(p_amounts) + 1, NULL, false, NULL, -f.amount, p_versions[f.at] + 1, p_posted[f.at] - f.amount,
           p_posted[f.at] - p_held[f.at] - f.amount + f.captured, f.captured,
           coalesce(f.captured < f.amount AND p_posted[f.at] - p_held[f.at] - f.amount + f.captured < p_floors[f.at], false), false,
           true
      FROM (SELECT ledger.total(u.amount) AS amount, ledger.total(u.amount) FILTER (WHERE u.hold IS NOT NULL) AS captured,
                   array_position(p_locked, p_source) AS at
              FROM unnest(p_amounts, p_holds) u(amount, hold)) f
$$;

-- Find the accounts of a list of sources and, where given, destinations; the destinations that are purses not open
-- yet are opened. Refused: an account that is not there, one of another asset, a transfer from an account to itself.
CREATE OR REPLACE FUNCTION ledger.find_accounts(
    p_sources text[], p_destinations text[], p_assets text[], OUT o_sources bigint[], OUT o_destinations bigint[])
LANGUAGE plpgsql SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_wrong record;
    v_fine boolean;
    v_one account;
BEGIN
    IF cardinality(p_destinations) > 1 AND p_sources[1] = ALL (p_sources) THEN
        SELECT * INTO v_one FROM account a WHERE a.address = p_sources[1];
    END IF;
    FOR v_try IN 1..2 LOOP
        IF v_one.id IS NOT NULL THEN
            -- All out of one account: only the other side is looked up, and no text goes through the sort.
            WITH known AS MATERIALIZED (
                SELECT a.address, a.id, a.asset FROM account a WHERE a.address = ANY (p_destinations)
            ), found AS MATERIALIZED (
                SELECT d.id, t.i, (v_one.asset = t.asset AND d.asset = t.asset AND d.id <> v_one.id) IS TRUE AS fine
                  FROM unnest(p_destinations, p_assets) WITH ORDINALITY t(destination, asset, i)
                  LEFT JOIN known d ON d.address = t.destination COLLATE "C"
            )
            SELECT array_agg(f.id ORDER BY f.i), bool_and(f.fine) INTO o_destinations, v_fine FROM found f;
            o_sources := array_fill(v_one.id, ARRAY[cardinality(p_destinations)]);
        ELSE
            WITH known AS MATERIALIZED (
                SELECT a.address, a.id, a.asset FROM account a WHERE a.address = ANY (p_sources || p_destinations)
            )
            SELECT array_agg(s.id ORDER BY t.i), array_agg(d.id ORDER BY t.i),
                   bool_and((s.asset = t.asset AND (p_destinations IS NULL OR d.asset = t.asset AND d.id <> s.id)) IS TRUE)
              INTO o_sources, o_destinations, v_fine
              FROM unnest(p_sources, p_destinations, p_assets) WITH ORDINALITY t(source, destination, asset, i)
              LEFT JOIN known s ON s.address = t.source COLLATE "C"
              LEFT JOIN known d ON d.address = t.destination COLLATE "C";
        END IF;
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

-- Post 1 to 10,000 transfers as one journal, all or nothing, and give the journal's id. Sources and assets may be given
-- once when they are the same in all transfers. What a reversal takes back is named by the line that carries.
CREATE OR REPLACE FUNCTION ledger.post(
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
    v_fans_out boolean;
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
    -- One account with merged lines, and every other account once.
    v_fans_out := v_merged = v_sources[1:1] AND v_sources[1] = ALL (v_sources) AND cardinality(v_locked) = v_count + 1;
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
        -- Two statements that differ in where the legs come from: in one, each would be got ready for nothing.
        IF v_fans_out THEN
            WITH leg AS MATERIALIZED (
                SELECT l.*
                  FROM fan_out(v_locked, v_posted, v_held, v_versions, v_floors, v_ceilings, v_sources[1], v_destinations, p_amounts,
                               p_holds) l
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
        ELSE
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
        END IF;
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

-- A text in a leaf. textsend() writes in the encoding of whoever is connected, which the sealer therefore sets: asking for
-- UTF-8 by name, text by text, took a tenth of its time.
CREATE OR REPLACE FUNCTION ledger.field(p text) RETURNS bytea LANGUAGE sql STABLE
RETURN coalesce(int4send(octet_length(p)) || textsend(p), '\xffffffff'::bytea);
ALTER FUNCTION ledger.seal_next_block(int) SET client_encoding = 'UTF8';

-- A destination that is the source, is not there and cannot be opened, counts in another asset, or is closed; and a line
-- that does not fit under its destination's ceiling after the lines before it that do. Asked last: lines that have an
-- exception already take no room. One statement, because finding the accounts of a million lines is most of the work: a line
-- whose account is open, and has nothing about it to be looked at, is done with there.
CREATE OR REPLACE FUNCTION ledger.except_destinations(p_batch uuid, p_first int, p_last int, p_stage text) RETURNS void
LANGUAGE plpgsql SET search_path = ledger, pg_temp SET plan_cache_mode = force_custom_plan
SET enable_nestloop = on SET enable_seqscan = on SET work_mem = '64MB'
AS $$
DECLARE
    v_batch bulk_batch;
BEGIN
    SELECT * INTO v_batch FROM bulk_batch WHERE id = p_batch;
    INSERT INTO bulk_exception (batch_id, line, code, message, stage)
    WITH met AS MATERIALIZED (
        SELECT l.line, l.destination, l.amount, a.id IS NOT NULL AS open, a.asset, a.closed_at IS NOT NULL AS closed,
               n.ceiling - n.posted AS room
          FROM bulk_line l
          LEFT JOIN account a ON a.address = l.destination
          LEFT JOIN (SELECT n.account_id, n.ceiling, n.posted FROM balance n WHERE n.ceiling IS NOT NULL) n ON n.account_id = a.id
         WHERE l.batch_id = p_batch AND l.line BETWEEN p_first AND p_last
           AND (a.id IS NULL OR l.destination = v_batch.source OR a.asset <> v_batch.asset OR a.closed_at IS NOT NULL
                OR n.ceiling IS NOT NULL)
    ), found AS MATERIALIZED (
        SELECT * FROM (
            SELECT m.line, m.destination, m.amount, coalesce(m.asset, p.asset) AS real_asset,
                   CASE WHEN m.destination = v_batch.source THEN 'sameAccount'
                        WHEN NOT m.open AND o.owner IS NULL THEN 'unknownAccount'
                        WHEN coalesce(m.asset, p.asset) <> v_batch.asset THEN 'wrongAsset'
                        WHEN m.closed THEN 'closedAccount' END AS code,
                   -- A payable that is not open yet has no ceiling, whatever purse it is called after.
                   CASE WHEN m.open THEN m.room
                        WHEN m.destination NOT LIKE 'payable:%' THEN p.ceiling END AS room
              FROM met m
              LEFT JOIN purse p ON NOT m.open AND p.code = split_part(m.destination, ':', -1)
              LEFT JOIN owner o ON p.code IS NOT NULL AND o.owner = left(m.destination, -1 - length(p.code)) COLLATE "C") m
         WHERE m.code IS NOT NULL OR m.room IS NOT NULL
    ), candidate AS MATERIALIZED (
        SELECT f.line, f.destination, f.amount, f.room
          FROM found f
         WHERE f.code IS NULL
           AND NOT EXISTS (SELECT FROM bulk_exception x
                            WHERE x.batch_id = p_batch AND x.line = f.line AND x.line BETWEEN p_first AND p_last)
    ), taken AS (
        SELECT c.*, filled(c.amount, c.room) OVER chain AS after
          FROM candidate c
         WHERE c.destination IN (SELECT o.destination FROM candidate o GROUP BY o.destination, o.room HAVING sum(o.amount) > o.room)
        WINDOW chain AS (PARTITION BY c.destination ORDER BY c.line)
    )
    SELECT p_batch, f.line, f.code,
           format(CASE f.code WHEN 'sameAccount' THEN 'Van rekening %1$s naar zichzelf kan niet.'
                              WHEN 'unknownAccount' THEN 'Rekening %1$s bestaat niet.'
                              WHEN 'wrongAsset' THEN 'Rekening %1$s telt in %2$s, niet in %3$s.'
                              ELSE 'Rekening %1$s is gesloten.' END, f.destination, f.real_asset, v_batch.asset), p_stage
      FROM found f
     WHERE f.code IS NOT NULL AND (p_stage = 'checking' OR NOT EXISTS (
           SELECT FROM bulk_exception x WHERE x.batch_id = p_batch AND x.line = f.line))
    UNION ALL
    SELECT p_batch, t.line, 'overCeiling',
           format('Op rekening %s kan nog %s erbij; gevraagd is %s.', t.destination, t.room - t.before, t.amount), p_stage
      FROM (SELECT t.*, lag(t.after, 1, 0::bigint) OVER (PARTITION BY t.destination ORDER BY t.line) AS before FROM taken t) t
     WHERE t.after = t.before
    ON CONFLICT DO NOTHING;
END
$$;

-- Once per statement: lines come in while a batch is loading, exceptions in their own stage. The lock keeps the batch
-- there until they are committed.
CREATE OR REPLACE FUNCTION ledger.check_bulk_rows() RETURNS trigger LANGUAGE plpgsql
SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_batches uuid[] := ARRAY(SELECT DISTINCT n.batch_id FROM added n);
    v_wrong uuid;
BEGIN
    PERFORM FROM bulk_batch WHERE id = ANY (v_batches) FOR SHARE;
    IF TG_TABLE_NAME = 'bulk_line' THEN
        SELECT n.batch_id INTO v_wrong
          FROM unnest(v_batches) n(batch_id)
          LEFT JOIN bulk_batch b ON b.id = n.batch_id
         WHERE b.state IS DISTINCT FROM 'loading' LIMIT 1;
    ELSE
        SELECT n.batch_id INTO v_wrong
          FROM (SELECT DISTINCT n.batch_id, n.stage FROM added n) n
          LEFT JOIN bulk_batch b ON b.id = n.batch_id
         WHERE CASE b.state WHEN 'approved' THEN 'posting' ELSE b.state END IS DISTINCT FROM n.stage LIMIT 1;
    END IF;
    IF FOUND THEN
        RAISE EXCEPTION 'batch % takes no such rows (any more)', v_wrong USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION ledger.fan_out(bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint, bigint[], bigint[], uuid[])
    FROM PUBLIC;
