-- Saying no, and opening and closing accounts.
--
-- A refusal carries SQLSTATE SB409 (a rule says no) or SB400 (malformed), its code as MESSAGE and JSON as DETAIL:
-- {"message", "account"?, "index"? (from 0, in the caller's list), "available"?, "asked"?, ...}.

CREATE FUNCTION ledger.refuse(p_state text, p_code text, p_message text, p_more jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SET search_path = ledger, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = p_state, MESSAGE = p_code,
        DETAIL = (jsonb_build_object('message', p_message) || jsonb_strip_nulls(p_more))::text;
END
$$;

-- The addresses among these that may become an account at its first credit: a known purse of a registered owner.
-- 'holder:<id>:<purse>' is that person's purse. 'payable:<provider>:<purse>' is what a provider is owed for what was
-- spent there out of such purses: no purse of its own, without a ceiling, and as busy as a till, so locked after purses.
CREATE FUNCTION ledger.openable(p_addresses text[])
RETURNS TABLE (address text, asset text, purse text, floor bigint, ceiling bigint, kind text, lock_rank int)
LANGUAGE sql STABLE
AS $$
    WITH asked AS MATERIALIZED (
        SELECT DISTINCT u.address COLLATE "C" AS address, split_part(u.address, ':', -1) AS purse,
               left(u.address, -1 - length(split_part(u.address, ':', -1))) COLLATE "C" AS owner
          FROM unnest(p_addresses) u(address)
         WHERE u.address IS NOT NULL
    )
    SELECT m.address, p.asset, CASE WHEN k.payable THEN NULL ELSE p.code END, CASE WHEN k.payable THEN 0 ELSE p.floor END,
           CASE WHEN k.payable THEN NULL ELSE p.ceiling END, CASE WHEN k.payable THEN 'payable' ELSE 'purse' END,
           CASE WHEN k.payable THEN 10 ELSE 0 END
      FROM asked m
      JOIN ledger.purse p ON p.code = m.purse
      JOIN ledger.owner o ON o.owner = m.owner
     CROSS JOIN LATERAL (SELECT o.owner LIKE 'payable:%' AS payable) k
     WHERE o.owner = ANY (ARRAY(SELECT a.owner FROM asked a))
$$;

-- Open the purses and payables among these addresses that are not open yet. Two calls that open the same purse wait for one
-- another in the order of addresses, before either has locked a balance, so that they cannot wait in a ring.
CREATE FUNCTION ledger.open_purses(p_addresses text[]) RETURNS void
LANGUAGE plpgsql SET search_path = ledger, pg_temp
AS $$
BEGIN
    WITH terms AS MATERIALIZED (
        SELECT * FROM openable(p_addresses)
    ), opened AS (
        INSERT INTO account (address, asset, kind, purse)
        SELECT t.address, t.asset, t.kind, t.purse
          FROM terms t
         ORDER BY t.address COLLATE "C"
        ON CONFLICT (address) DO NOTHING
        RETURNING id, address)
    INSERT INTO balance (account_id, floor, ceiling, lock_rank)
    SELECT a.id, t.floor, t.ceiling, t.lock_rank
      FROM opened a JOIN terms t ON t.address = a.address COLLATE "C";
END
$$;

-- Register those whose purses open by themselves at their first credit, such as 'holder:<id>'. Again: no change.
CREATE FUNCTION ledger.register_owners(p_owners text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
    INSERT INTO owner (owner) SELECT DISTINCT u.owner FROM unnest(p_owners) u(owner) ORDER BY 1 ON CONFLICT DO NOTHING
$$;

-- Open an account that is no purse and no receivable. Again with the same terms: its id once more; with other terms: refused.
CREATE FUNCTION ledger.open_account(
    p_address text, p_asset text, p_kind text, p_floor bigint, p_ceiling bigint, p_lock_rank int) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_id bigint;
BEGIN
    IF p_kind = 'purse' THEN
        PERFORM refuse('SB400', 'malformed', 'Een potje opent zichzelf bij de eerste bijschrijving.',
                       jsonb_build_object('account', p_address));
    ELSIF p_kind = 'receivable' THEN
        PERFORM refuse('SB400', 'malformed', 'Een vordering opent alleen een teruggedraaide boeking.',
                       jsonb_build_object('account', p_address));
    END IF;
    -- The bank and the funds, and nothing else, are locked after everything else and have merged lines.
    IF (p_kind = 'bank', p_kind = 'fund') IS DISTINCT FROM (p_lock_rank = 20, p_lock_rank = 30)
       OR (p_kind = 'bank', p_kind = 'fund') IS DISTINCT FROM (p_address LIKE 'bank:%', p_address LIKE 'fund:%') THEN
        PERFORM refuse('SB400', 'malformed', format('Adres, soort en volgorde van rekening %s passen niet bij elkaar.', p_address),
                       jsonb_build_object('account', p_address));
    END IF;
    IF NOT EXISTS (SELECT FROM asset WHERE code = p_asset) THEN
        PERFORM refuse('SB409', 'wrongAsset', format('De eenheid %s bestaat niet.', p_asset),
                       jsonb_build_object('account', p_address));
    END IF;
    INSERT INTO account (address, asset, kind) VALUES (p_address, p_asset, p_kind)
    ON CONFLICT (address) DO NOTHING RETURNING id INTO v_id;
    IF FOUND THEN
        INSERT INTO balance (account_id, floor, ceiling, lock_rank)
        VALUES (v_id, p_floor, p_ceiling, p_lock_rank);
        RETURN v_id;
    END IF;
    SELECT a.id INTO v_id
      FROM account a JOIN balance b ON b.account_id = a.id
     WHERE a.address = p_address AND a.asset = p_asset AND a.kind = p_kind AND a.closed_at IS NULL
       AND b.floor IS NOT DISTINCT FROM p_floor AND b.ceiling IS NOT DISTINCT FROM p_ceiling
       AND b.lock_rank = p_lock_rank;
    IF NOT FOUND THEN
        PERFORM refuse('SB409', 'otherTerms', format('Rekening %s bestaat al, op andere voorwaarden.', p_address),
                       jsonb_build_object('account', p_address));
    END IF;
    RETURN v_id;
END
$$;

-- Open a fund: an account that can never pay more than was put in. What is no money comes from no bank: it is issued,
-- out of an account that goes as far below 0 as there is of it.
CREATE FUNCTION ledger.open_fund(p_code text, p_name text, p_asset text, p_actor text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_id bigint := open_account('fund:' || p_code, p_asset, 'fund', 0, NULL, 30);
BEGIN
    IF p_asset <> 'EUR' THEN
        PERFORM open_account('issue:' || p_asset, p_asset, 'system', NULL, NULL, 10);
    END IF;
    INSERT INTO fund (code, name, account_id, opened_by) VALUES (p_code, p_name, v_id, p_actor)
    ON CONFLICT (code) DO NOTHING;
    IF NOT FOUND THEN
        PERFORM refuse('SB409', 'fundExists', format('Fonds %s bestaat al.', p_code),
                       jsonb_build_object('account', 'fund:' || p_code));
    END IF;
    RETURN v_id;
END
$$;

-- Close an account that is empty and holds nothing back. Again: no change.
CREATE FUNCTION ledger.close_account(p_address text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_account account;
    v_balance balance;
BEGIN
    SELECT * INTO v_account FROM account WHERE address = p_address;
    IF NOT FOUND THEN
        PERFORM refuse('SB409', 'unknownAccount', format('Rekening %s bestaat niet.', p_address),
                       jsonb_build_object('account', p_address));
    END IF;
    -- Posting locks the balance too and looks for closed accounts afterwards: no entry slips in behind this.
    SELECT * INTO v_balance FROM balance WHERE account_id = v_account.id FOR UPDATE;
    IF v_balance.posted <> 0 OR v_balance.held <> 0 THEN
        PERFORM refuse('SB409', 'notEmpty', format('Op rekening %s staat nog %s.', p_address, v_balance.posted),
                       jsonb_build_object('account', p_address, 'available', v_balance.posted - v_balance.held));
    END IF;
    UPDATE account SET closed_at = clock_timestamp() WHERE id = v_account.id AND closed_at IS NULL;
END
$$;
