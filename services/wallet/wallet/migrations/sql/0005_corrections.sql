-- Correct the books: reversals that name what they take back, and periods that close.
--
-- A reversal is a journal of its own whose naming lines name the naming line of the transfer that they take back, with
-- the accounts exchanged. Nothing is updated: how much of a transfer was taken back is what the entries that name it
-- add up to.

CREATE INDEX entry_reversal ON ledger.entry (reversed_journal_id, reversed_line) WHERE reversed_journal_id IS NOT NULL;

-- Say which of these journals takes back what may not be taken back. Whoever posts a reversal holds the lock on the
-- account that gets the money back, which every reversal of one transfer credits: what an earlier one took is
-- committed, and seen by this statement's snapshot.
CREATE FUNCTION ledger.refuse_reversals(p_journals bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = ledger, pg_temp SET plan_cache_mode = force_custom_plan SET enable_nestloop = on SET enable_seqscan = off
AS $$
DECLARE
    v_wrong record;
BEGIN
    SELECT w.* INTO v_wrong
      FROM (SELECT r.journal_id, r.line, r.reversed_journal_id, r.reversed_line,
                   CASE WHEN r.original IS NULL OR r.is_shared OR r.is_other_side THEN 'which names no transfer'
                        WHEN r.is_reversal THEN 'which is a reversal itself'
                        WHEN r.kind = 'payout' OR r.kind LIKE 'payout-%' THEN 'which only the bank can undo'
                        WHEN (r.giver = r.destination OR r.is_claim) IS NOT TRUE OR r.taker <> r.source THEN 'with other accounts'
                        WHEN r.is_protected THEN 'which is never taken back'
                        WHEN taken.amount > r.amount THEN format('and all that did so took %s of %s', taken.amount, r.amount)
                        END AS why
              FROM (SELECT n.journal_id, n.line, n.reversed_journal_id, n.reversed_line, o.journal_id AS original, j.kind,
                           abs(o.amount) AS amount, o.reversed_journal_id IS NOT NULL AS is_reversal,
                           o.counter_account_id IS NULL AS is_shared,
                           -- The source's line names a transfer only where its destination has no line of its own.
                           o.line % 2 = 1 AND EXISTS (
                                SELECT FROM entry s WHERE s.journal_id = o.journal_id AND s.line = o.line + 1
                                   AND s.counter_account_id IS NOT NULL) AS is_other_side,
                           CASE WHEN o.amount > 0 THEN o.counter_account_id ELSE o.account_id END AS source, d.id AS destination,
                           CASE WHEN n.amount > 0 THEN n.account_id ELSE n.counter_account_id END AS taker, g.id AS giver,
                           g.address = 'receivable:' || d.address AS is_claim,
                           -- BB-8: nobody takes back a burgerbudget, or what it turned into.
                           d.purse = 'burgerbudget' OR d.purse IS NOT NULL AND EXISTS (
                                SELECT FROM entry e JOIN account c ON c.id = e.counter_account_id
                                 WHERE e.account_id = d.id AND e.amount > 0 AND c.purse = 'burgerbudget') AS is_protected
                      FROM entry n
                      LEFT JOIN entry o ON o.journal_id = n.reversed_journal_id AND o.line = n.reversed_line
                      LEFT JOIN journal j ON j.id = o.journal_id
                      LEFT JOIN account g ON g.id = CASE WHEN n.amount > 0 THEN n.counter_account_id ELSE n.account_id END
                      LEFT JOIN account d ON d.id = CASE WHEN o.amount > 0 THEN o.account_id ELSE o.counter_account_id END
                     WHERE n.journal_id = ANY (p_journals)
                       AND (n.reversed_journal_id IS NOT NULL OR n.reversed_line IS NOT NULL)) r
             CROSS JOIN LATERAL (
                    SELECT sum(abs(e.amount)) AS amount FROM entry e
                     WHERE e.reversed_journal_id = r.reversed_journal_id AND e.reversed_line = r.reversed_line) taken) w
     WHERE w.why IS NOT NULL
     ORDER BY w.journal_id, w.line LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'line %-% takes back %-%, %', v_wrong.journal_id, v_wrong.line, v_wrong.reversed_journal_id,
                        v_wrong.reversed_line, v_wrong.why USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END
$$;

-- Once per insert statement; nearly always one look over rows that are in memory.
CREATE FUNCTION ledger.check_reversals() RETURNS trigger LANGUAGE plpgsql
SET search_path = ledger, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM added WHERE reversed_journal_id IS NOT NULL OR reversed_line IS NOT NULL) THEN
        PERFORM refuse_reversals(ARRAY(
            SELECT DISTINCT journal_id FROM added WHERE reversed_journal_id IS NOT NULL OR reversed_line IS NOT NULL));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER takes_back AFTER INSERT ON ledger.entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_reversals();
ALTER TABLE ledger.entry ENABLE ALWAYS TRIGGER takes_back;

-- Lock what a reversal of this transfer moves, in the order of everybody: both accounts, and what its owner owes. What
-- is read afterwards stays so until the reversal is posted.
CREATE FUNCTION ledger.lock_reversal(p_journal bigint, p_line int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_accounts bigint[];
BEGIN
    SELECT array_agg(a.id) INTO v_accounts
      FROM (SELECT unnest(ARRAY[e.account_id, e.counter_account_id]) AS id FROM entry e
             WHERE e.journal_id = p_journal AND e.line = p_line) moved
      JOIN account own ON own.id = moved.id
      JOIN account a ON a.id = own.id OR a.address = 'receivable:' || own.address;
    PERFORM FROM balance WHERE account_id = ANY (v_accounts) ORDER BY lock_rank, account_id FOR UPDATE;
END
$$;

-- Open what the owner of a purse owes and give its address; again: the same. The balance is what is owed, below 0, and
-- can never be paid beyond 0. Whoever opens it holds the lock on its purse, so nobody waits for a newer account here.
CREATE FUNCTION ledger.open_receivable(p_purse text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_address text := 'receivable:' || p_purse;
    v_asset text;
    v_id bigint;
BEGIN
    SELECT a.asset INTO v_asset
      FROM account a JOIN purse p ON p.code = a.purse
     WHERE a.address = p_purse AND a.kind = 'purse' AND p.claimable;
    IF NOT FOUND THEN
        PERFORM refuse('SB409', 'notClaimable', format('Wat op %s ontbreekt wordt van niemand teruggevorderd.', p_purse),
                       jsonb_build_object('account', p_purse));
    END IF;
    INSERT INTO account (address, asset, kind) VALUES (v_address, v_asset, 'receivable')
    ON CONFLICT (address) DO NOTHING RETURNING id INTO v_id;
    IF FOUND THEN
        INSERT INTO balance (account_id, floor, ceiling, lock_rank) VALUES (v_id, NULL, 0, 10);
    END IF;
    RETURN v_address;
END
$$;

-- Periods: a calendar month by value date. `period_balance` is every account as it stood at the month's end; each set
-- is the one before with the month's own entries added. `sums` is what was credited in the month, per asset;
-- `block_number` the newest block then, under which every journal of the month is sealed.
CREATE TABLE ledger.period_close (
    month        date PRIMARY KEY CHECK (extract(day FROM month) = 1),
    proposal_id  uuid NOT NULL UNIQUE,
    proposed_by  text NOT NULL,
    closed_by    text NOT NULL CHECK (closed_by <> ''),
    closed_at    timestamptz NOT NULL,
    block_number bigint,
    journals     bigint NOT NULL CHECK (journals >= 0),
    entries      bigint NOT NULL CHECK (entries >= 0),
    sums         jsonb NOT NULL,
    FOREIGN KEY (proposal_id, proposed_by) REFERENCES ledger.proposal (id, proposed_by),
    CONSTRAINT period_closed_by_another CHECK (closed_by <> proposed_by)
);
CREATE TABLE ledger.period_balance (
    month      date NOT NULL,
    account_id bigint NOT NULL,
    debit      bigint NOT NULL CHECK (debit >= 0),
    credit     bigint NOT NULL CHECK (credit >= 0),
    balance    bigint NOT NULL,
    PRIMARY KEY (month, account_id),
    CONSTRAINT period_balance_moved CHECK (debit + credit > 0),
    CONSTRAINT period_balance_adds_up CHECK (balance = credit - debit)
);
CALL ledger.guard('ledger.period_close');
CALL ledger.guard('ledger.period_balance');

-- Value dates come nearly in the order of the journals: this costs a posting next to nothing.
CREATE INDEX journal_value_date ON ledger.journal USING brin (value_date) WITH (pages_per_range = 16, autosummarize = on);

-- A confirmed closing posts nothing: it carries the month that it closed.
ALTER TABLE ledger.proposal_decision
    ADD COLUMN closed_month date UNIQUE REFERENCES ledger.period_close,
    DROP CONSTRAINT proposal_decision_check,
    ADD CONSTRAINT proposal_decision_carried_out CHECK (num_nonnulls(journal_id, closed_month) = CASE outcome WHEN 'confirmed' THEN 1 ELSE 0 END);

-- From its close on, nothing is posted in a month or before it. The insert that fires this has its lock on `journal`,
-- which a closing lets nobody have between its last look and its commit; this looks after that, with a snapshot of its
-- own, and so sees every close that could have counted without this journal. A transaction that keeps one snapshot
-- would not, and may not write the books.
CREATE FUNCTION ledger.refuse_closed_period() RETURNS trigger LANGUAGE plpgsql
SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_closed date := (SELECT max(month) FROM period_close);
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'the books are written in READ COMMITTED only' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF NEW.value_date < v_closed + interval '1 month' THEN
        PERFORM refuse('SB409', 'periodClosed',
            format('De boekhouding is gesloten tot en met %s; de eerste open dag is %s.', to_char(v_closed, 'YYYY-MM'),
                   (v_closed + interval '1 month')::date),
            jsonb_build_object('firstOpenDay', (v_closed + interval '1 month')::date));
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER open_period BEFORE INSERT ON ledger.journal FOR EACH ROW EXECUTE FUNCTION ledger.refuse_closed_period();
ALTER TABLE ledger.journal ENABLE ALWAYS TRIGGER open_period;

-- The day itself, or the first open one where it lies in a closed month; no month closes until this transaction ends.
CREATE FUNCTION ledger.open_day(p_day date) RETURNS date
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
BEGIN
    LOCK TABLE journal IN ROW EXCLUSIVE MODE;
    RETURN greatest(p_day, (SELECT max(month) + interval '1 month' FROM period_close)::date);
END
$$;

-- Say why a month cannot be closed on this business date, if it cannot.
CREATE FUNCTION ledger.check_period(p_month date, p_today date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_name text := to_char(p_month, 'YYYY-MM');
    v_closed date := (SELECT max(month) FROM period_close);
    v_earlier date;
BEGIN
    IF p_month <> date_trunc('month', p_month) THEN
        PERFORM refuse('SB400', 'malformed', format('Een maand begint op de eerste dag, niet op %s.', p_month));
    ELSIF p_month <= v_closed THEN
        PERFORM refuse('SB409', 'closedAlready', format('De boekhouding is al gesloten tot en met %s.', to_char(v_closed, 'YYYY-MM')));
    ELSIF p_today < p_month + interval '1 month' THEN
        PERFORM refuse('SB409', 'monthNotEnded', format('De maand %s is op %s nog niet voorbij.', v_name, p_today));
    END IF;
    SELECT min(value_date) INTO v_earlier FROM journal
     WHERE value_date >= coalesce(v_closed + interval '1 month', '-infinity') AND value_date < p_month;
    IF v_earlier IS NOT NULL THEN
        PERFORM refuse('SB409', 'earlierMonthOpen', format('Sluit eerst de maand %s: daarin staan boekingen.', to_char(v_earlier, 'YYYY-MM')),
                       jsonb_build_object('month', to_char(v_earlier, 'YYYY-MM')));
    END IF;
END
$$;

-- Close the month that this proposal asks to close.
--
-- The sums are made first, while everybody posts on. Then `journal` is locked against inserts: that waits for every
-- transaction that has posted already, and those that come later wait for us and are refused by open_period. A second
-- look under the lock counts the month's journals: they are only ever added to, so the same number is the same
-- journals, and another number means that one came while we were adding up: then all of it is done again. So the lock is
-- held for a count and a commit, however large the month.
CREATE FUNCTION ledger.close_period(p_proposal uuid, p_closed_by text, p_today date) RETURNS date
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_proposal proposal;
    v_close period_close;
    v_before date := (SELECT max(month) FROM period_close);
    v_from date := coalesce(v_before + interval '1 month', '-infinity');
    v_until date;
    v_unsealed bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'periods are closed in READ COMMITTED only' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    SELECT * INTO STRICT v_proposal FROM proposal WHERE id = p_proposal AND subject = 'closing';
    v_close.month := (v_proposal.posting ->> 'month') || '-01';
    v_until := v_close.month + interval '1 month';
    PERFORM check_period(v_close.month, p_today);

    WITH dated AS MATERIALIZED (
        SELECT id FROM journal WHERE value_date >= v_from AND value_date < v_until
    ), moved AS MATERIALIZED (
        SELECT e.account_id, coalesce(-sum(e.amount) FILTER (WHERE e.amount < 0), 0) AS debit,
               coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0) AS credit, count(*) AS entries
          FROM dated d JOIN entry e ON e.journal_id = d.id GROUP BY e.account_id
    ), written AS (
        INSERT INTO period_balance (month, account_id, debit, credit, balance)
        SELECT v_close.month, t.account_id, sum(t.debit), sum(t.credit), sum(t.credit) - sum(t.debit)
          FROM (SELECT b.account_id, b.debit, b.credit FROM period_balance b WHERE b.month = v_before
                UNION ALL
                SELECT m.account_id, m.debit, m.credit FROM moved m) t
         GROUP BY t.account_id ORDER BY t.account_id
    )
    SELECT (SELECT count(*) FROM dated), (SELECT coalesce(sum(entries), 0) FROM moved),
           (SELECT coalesce(jsonb_object_agg(s.asset, s.credited), '{}')
              FROM (SELECT a.asset, sum(m.credit) AS credited FROM moved m JOIN account a ON a.id = m.account_id
                     GROUP BY a.asset) s)
      INTO v_close.journals, v_close.entries, v_close.sums;

    LOCK TABLE journal IN SHARE ROW EXCLUSIVE MODE;
    PERFORM check_period(v_close.month, p_today);
    SELECT count(*) INTO v_unsealed FROM unsealed u JOIN journal j ON j.id = u.journal_id WHERE j.value_date < v_until;
    IF v_unsealed > 0 THEN
        PERFORM refuse('SB409', 'notSealed',
            format('Van %s zijn nog %s boekingen niet verzegeld. Probeer het over een paar seconden opnieuw.', to_char(v_close.month, 'YYYY-MM'), v_unsealed));
    END IF;
    -- An earlier month may have been closed since we began, too: then its entries are not this month's.
    IF v_close.journals <> (SELECT count(*) FROM journal WHERE value_date >= v_from AND value_date < v_until)
       OR v_before IS DISTINCT FROM (SELECT max(month) FROM period_close) THEN
        RAISE EXCEPTION 'the books changed while month % was being closed', to_char(v_close.month, 'YYYY-MM')
            USING ERRCODE = 'serialization_failure';
    END IF;
    v_close.proposal_id := v_proposal.id;
    v_close.proposed_by := v_proposal.proposed_by;
    v_close.closed_by := p_closed_by;
    v_close.closed_at := clock_timestamp();
    v_close.block_number := (SELECT max(number) FROM block);
    INSERT INTO period_close SELECT v_close.*;
    RETURN v_close.month;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;

DO $$
DECLARE
    v_service text := regexp_replace(current_user, '_owner$', '_service');
    v_function text;
BEGIN
    EXECUTE format('GRANT SELECT ON ledger.period_close, ledger.period_balance TO %I', v_service);
    FOREACH v_function IN ARRAY ARRAY['lock_reversal', 'open_receivable', 'open_day', 'check_period', 'close_period'] LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION ledger.%I TO %I', v_function, v_service);
    END LOOP;
END
$$;
