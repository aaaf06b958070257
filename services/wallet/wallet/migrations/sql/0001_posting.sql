-- Posting: from arrays to a journal, all or nothing.
--
-- Three statements, each with a fresh snapshot: find (and open) the accounts, lock their balances in the order
-- (lock rank, id), write. A merge join or a sequential scan over all accounts would make later chunks of a large
-- job slower than the first, so both are off; plans are made for the arrays at hand.

-- The legs of a list of transfers, with the chain of each account carried on. Pure computation on what was locked;
-- inlined into the statements below.
--
-- The i-th transfer (from 1) has line 2i-1 for its source and 2i for its destination. Legs on bank and fund accounts
-- (lock rank 20 and up) are merged into one per account and direction, credits first, in lines above 2N without a
-- counter account; but where both sides of a transfer would be merged its destination stays on a line of its own, so
-- that every transfer has at least one line that names it. The grant key and the hold stand on the destination's
-- line, or on the source's where the destination is merged.
CREATE FUNCTION ledger.legs(
    p_locked bigint[], p_posted bigint[], p_held bigint[], p_versions bigint[], p_floors bigint[], p_ceilings bigint[],
    p_ranks smallint[], p_sources bigint[], p_destinations bigint[], p_amounts bigint[], p_assets text[],
    p_grant_keys text[], p_references text[], p_explanations text[], p_holds uuid[])
RETURNS TABLE (
    account_id bigint, asset text, line int, counter_account_id bigint, amount bigint, version bigint,
    balance_after bigint, available_after bigint, captured bigint, short boolean, over boolean, last boolean,
    grant_key text, reference text, explanation text, hold_id uuid)
LANGUAGE sql STABLE
AS $$
    WITH state AS MATERIALIZED (
        SELECT * FROM unnest(p_locked, p_posted, p_held, p_versions, p_floors, p_ceilings, p_ranks)
                 s(account_id, posted, held, version, floor, ceiling, lock_rank)
    ), transfer AS MATERIALIZED (
        SELECT t.*, s.lock_rank >= 20 AS source_merged, d.lock_rank >= 20 AND s.lock_rank < 20 AS destination_merged
          FROM unnest(p_sources, p_destinations, p_amounts, p_assets, p_grant_keys, p_references, p_explanations, p_holds)
               WITH ORDINALITY t(source, destination, amount, asset, grant_key, reference, explanation, hold_id, i)
          JOIN state s ON s.account_id = t.source
          JOIN state d ON d.account_id = t.destination
    ), merged AS (
        SELECT t.source AS account_id, t.asset, -1 AS direction, sum(t.amount)::bigint AS amount,
               coalesce(sum(t.amount) FILTER (WHERE t.hold_id IS NOT NULL), 0)::bigint AS captured
          FROM transfer t WHERE t.source_merged GROUP BY t.source, t.asset
        UNION ALL
        SELECT t.destination, t.asset, 1, sum(t.amount)::bigint, 0
          FROM transfer t WHERE t.destination_merged GROUP BY t.destination, t.asset
    ), leg AS (
        SELECT t.source AS account_id, t.asset, (2 * t.i - 1)::int AS line, t.destination AS counter_account_id,
               -t.amount AS amount, CASE WHEN t.hold_id IS NULL THEN 0 ELSE t.amount END AS captured,
               CASE WHEN t.destination_merged THEN t.grant_key END AS grant_key, t.reference, t.explanation,
               CASE WHEN t.destination_merged THEN t.hold_id END AS hold_id
          FROM transfer t WHERE NOT t.source_merged
        UNION ALL
        SELECT t.destination, t.asset, (2 * t.i)::int, t.source, t.amount, 0, t.grant_key, t.reference, t.explanation, t.hold_id
          FROM transfer t WHERE NOT t.destination_merged
        UNION ALL
        SELECT m.account_id, m.asset, (2 * cardinality(p_sources) + row_number() OVER (ORDER BY m.account_id, m.direction DESC))::int,
               NULL, m.direction * m.amount, m.captured, NULL, NULL, NULL, NULL
          FROM merged m
    )
    SELECT l.account_id, l.asset, l.line, l.counter_account_id, l.amount,
           s.version + row_number() OVER chain,
           (s.posted + sum(l.amount) OVER chain)::bigint,
           (s.posted - s.held + sum(l.amount + l.captured) OVER chain)::bigint,
           (sum(l.captured) OVER chain)::bigint,
           coalesce(l.amount + l.captured < 0 AND s.posted - s.held + sum(l.amount + l.captured) OVER chain < s.floor, false),
           coalesce(l.amount > 0 AND s.posted + sum(l.amount) OVER chain > s.ceiling, false),
           lead(l.line) OVER (PARTITION BY l.account_id ORDER BY l.line) IS NULL,
           l.grant_key, l.reference, l.explanation, l.hold_id
      FROM leg l
      JOIN state s ON s.account_id = l.account_id
    WINDOW chain AS (PARTITION BY l.account_id ORDER BY l.line ROWS UNBOUNDED PRECEDING)
$$;

-- Say which transfer of a list is malformed, if one is.
CREATE FUNCTION ledger.check_shape(p_sources text[], p_destinations text[], p_amounts bigint[], p_assets text[], p_more int[]) RETURNS void
LANGUAGE plpgsql SET search_path = ledger, pg_temp SET plan_cache_mode = force_custom_plan
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
    ELSIF v_count <> ALL (array[cardinality(p_sources), cardinality(p_destinations), cardinality(p_assets)] || p_more) IS NOT FALSE THEN
        PERFORM refuse('SB400', 'malformed', 'De lijsten van de overboekingen zijn niet even lang.');
    END IF;
    SELECT t.* INTO v_wrong
      FROM unnest(p_sources, p_destinations, p_amounts, p_assets) WITH ORDINALITY t(source, destination, amount, asset, i)
     WHERE t.amount IS NULL OR t.amount <= 0 OR t.source IS NULL OR t.destination IS NULL OR t.asset IS NULL OR t.source = t.destination
     ORDER BY t.i LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    ELSIF v_wrong.source = v_wrong.destination THEN
        PERFORM refuse('SB409', 'sameAccount', format('Van rekening %s naar zichzelf kan niet.', v_wrong.source),
                       jsonb_build_object('account', v_wrong.source, 'index', v_wrong.i - 1));
    ELSIF v_wrong.amount IS NULL OR v_wrong.amount <= 0 THEN
        PERFORM refuse('SB400', 'amountOutOfRange', format('Een bedrag is een geheel getal boven 0, niet %s.', coalesce(v_wrong.amount::text, 'leeg')),
                       jsonb_build_object('index', v_wrong.i - 1, 'asked', v_wrong.amount));
    END IF;
    PERFORM refuse('SB400', 'malformed', 'Bron, bestemming en eenheid zijn nodig.', jsonb_build_object('index', v_wrong.i - 1));
END
$$;

-- Find the account of each address, opening the purses in p_opening that are not open yet.
-- Refused with the index in the caller's list: an account that is not there, one of another asset.
CREATE FUNCTION ledger.find_accounts(p_addresses text[], p_assets text[], p_opening text[], OUT o_accounts bigint[])
LANGUAGE plpgsql SET search_path = ledger, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE
    v_wrong record;
    v_fine boolean;
BEGIN
    FOR v_try IN 1..2 LOOP
        WITH known AS MATERIALIZED (
            SELECT a.address, a.id, a.asset FROM account a WHERE a.address = ANY (p_addresses)
        )
        SELECT array_agg(k.id ORDER BY u.i), coalesce(bool_and(k.asset = u.asset AND k.id IS NOT NULL), false)
          INTO o_accounts, v_fine
          FROM unnest(p_addresses, p_assets) WITH ORDINALITY u(address, asset, i)
          LEFT JOIN known k ON k.address = u.address COLLATE "C";
        EXIT WHEN v_fine OR v_try = 2 OR p_opening IS NULL OR array_position(o_accounts, NULL) IS NULL;
        PERFORM open_purses(ARRAY(
            SELECT u.address FROM unnest(p_opening) u(address)
             WHERE NOT EXISTS (SELECT FROM account a WHERE a.address = u.address COLLATE "C")));
    END LOOP;
    IF v_fine THEN
        RETURN;
    END IF;
    SELECT u.address, u.asset, u.i, a.id, a.asset AS account_asset, o.asset AS purse_asset INTO v_wrong
      FROM unnest(p_addresses, p_assets) WITH ORDINALITY u(address, asset, i)
      LEFT JOIN account a ON a.address = u.address COLLATE "C"
      LEFT JOIN openable(p_addresses) o ON o.address = u.address COLLATE "C"
     WHERE a.asset IS DISTINCT FROM u.asset
     ORDER BY u.i LIMIT 1;
    IF coalesce(v_wrong.account_asset, v_wrong.purse_asset) <> v_wrong.asset THEN
        PERFORM refuse('SB409', 'wrongAsset',
            format('Rekening %s telt in %s, niet in %s.', v_wrong.address, coalesce(v_wrong.account_asset, v_wrong.purse_asset), v_wrong.asset),
            jsonb_build_object('account', v_wrong.address, 'index', (v_wrong.i - 1) % cardinality(p_opening)));
    ELSIF v_wrong.purse_asset IS NOT NULL THEN
        -- A purse that nothing was ever put in.
        PERFORM refuse('SB409', 'tooLittle', format('Op rekening %s staat nog niets.', v_wrong.address),
            jsonb_build_object('account', v_wrong.address, 'index', (v_wrong.i - 1) % cardinality(p_opening), 'available', 0));
    END IF;
    PERFORM refuse('SB409', 'unknownAccount', format('Rekening %s bestaat niet.', v_wrong.address),
        jsonb_build_object('account', v_wrong.address, 'index', (v_wrong.i - 1) % cardinality(p_opening)));
END
$$;
