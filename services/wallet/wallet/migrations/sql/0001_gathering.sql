-- Posting what several askers wait for at the same moment, in one transaction: each becomes a journal of its own or
-- is refused by itself. All purses are opened and all balances locked before the first is posted, in the order that
-- everybody keeps: one by one the locks would be taken in the order of the askers, and two such calls could wait for
-- each other.

CREATE FUNCTION ledger.texts(p_list jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE
RETURN ARRAY(SELECT jsonb_array_elements_text(p_list));

-- Post a list of requests: JSON objects of kind, valueDate, actor, onBehalfOf, decision, reason and the equally long
-- lists sources, destinations, amounts, assets, grantKeys, references and explanations. Gives one row for each, in
-- their order: the journal, or the code and detail of the refusal by a rule. A malformed one refuses all.
CREATE FUNCTION ledger.post_each(p_requests jsonb) RETURNS TABLE (journal_id bigint, refusal_code text, refusal_detail text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE
    v_destinations text[];
    v_addresses text[];
    v_request jsonb;
BEGIN
    SELECT array_agg(DISTINCT d.address) FILTER (WHERE d.destination), array_agg(DISTINCT d.address)
      INTO v_destinations, v_addresses
      FROM jsonb_array_elements(p_requests) r
     CROSS JOIN LATERAL (
        SELECT jsonb_array_elements_text(r -> 'destinations') AS address, true AS destination
        UNION ALL
        SELECT jsonb_array_elements_text(r -> 'sources'), false) d;
    PERFORM open_purses(ARRAY(
        SELECT u.address FROM unnest(v_destinations) u(address)
        EXCEPT
        SELECT a.address FROM account a WHERE a.address = ANY (v_destinations)));
    PERFORM FROM balance
      WHERE account_id = ANY (ARRAY(SELECT a.id FROM account a WHERE a.address = ANY (v_addresses)))
      ORDER BY lock_rank, account_id FOR UPDATE;
    FOR v_request IN SELECT jsonb_array_elements(p_requests) LOOP
        journal_id := NULL;
        refusal_code := NULL;
        refusal_detail := NULL;
        BEGIN
            journal_id := post(
                v_request ->> 'kind', (v_request ->> 'valueDate')::date, v_request ->> 'actor',
                v_request ->> 'onBehalfOf', v_request ->> 'decision', NULL, NULL, v_request ->> 'reason',
                texts(v_request -> 'sources'), texts(v_request -> 'destinations'), texts(v_request -> 'amounts')::bigint[],
                texts(v_request -> 'assets'), texts(v_request -> 'grantKeys'), texts(v_request -> 'references'),
                texts(v_request -> 'explanations'), NULL);
        EXCEPTION WHEN SQLSTATE 'SB409' THEN
            GET STACKED DIAGNOSTICS refusal_code = MESSAGE_TEXT, refusal_detail = PG_EXCEPTION_DETAIL;
        END;
        RETURN NEXT;
    END LOOP;
END
$$;
