-- Post in bulk: files of any length, checked as sets, frozen, and posted chunk by chunk.
--
-- A batch pays many accounts out of one. Its lines are loaded from a file, checked as sets, hashed, submitted by one
-- person and approved by another, who reserves the total with one hold under the batch's own id. Each chunk is then
-- one transaction: a journal, a part of the hold, a row here. Lines stay for ever: they are what was approved.
--
-- All tables are logged. An unlogged one is empty after a crash, and with it what somebody put their name under;
-- loading again from the file would give lines that nobody compared with the approved hash.

CREATE TABLE ledger.bulk_batch (
    id              uuid PRIMARY KEY,
    number          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind            text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9-]{0,39}$'),
    source          text COLLATE "C" NOT NULL CHECK (source <> ''),
    asset           text NOT NULL REFERENCES ledger.asset,
    value_date      date NOT NULL,
    reason          text,
    by_hand         boolean NOT NULL,
    maker           text NOT NULL CHECK (maker <> ''),
    on_behalf_of    text,
    inbox_id        uuid NOT NULL,
    media_type      text NOT NULL,
    file_sha256     bytea NOT NULL CHECK (octet_length(file_sha256) = 32),
    file_bytes      bigint NOT NULL CHECK (file_bytes > 0),
    chunk_lines     int NOT NULL CHECK (chunk_lines BETWEEN 1 AND 10000),
    received_at     timestamptz NOT NULL,
    state           text NOT NULL CHECK (state IN ('loading', 'checking', 'checked', 'refused', 'submitted', 'approved',
                                                   'posting', 'posted', 'withdrawn')),
    -- How far the worker is; `lines_read` counts the lines of the file with its header, `lines` those that ask something.
    attempts        smallint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    bytes_read      bigint NOT NULL DEFAULT 0 CHECK (bytes_read BETWEEN 0 AND file_bytes),
    lines_read      int NOT NULL DEFAULT 0 CHECK (lines_read >= 0),
    lines           int NOT NULL DEFAULT 0 CHECK (lines BETWEEN 0 AND lines_read),
    checks_done     smallint NOT NULL DEFAULT 0 CHECK (checks_done >= 0),
    problem         text,
    -- What the checks came to: lines with an exception, and the sum of those without.
    excluded        int NOT NULL DEFAULT 0 CHECK (excluded BETWEEN 0 AND lines),
    total           bigint NOT NULL DEFAULT 0 CHECK (total >= 0),
    content_hash    bytea CHECK (octet_length(content_hash) = 32),
    content_version smallint,
    checked_at      timestamptz,
    partial         boolean,
    submitted_at    timestamptz,
    approved_by     text,
    approved_at     timestamptz,
    posted_lines    int CHECK (posted_lines >= 0),
    posted_total    bigint CHECK (posted_total >= 0),
    failed_lines    int CHECK (failed_lines >= 0),
    failed_total    bigint CHECK (failed_total >= 0),
    first_journal   bigint,
    last_journal    bigint,
    posted_at       timestamptz,
    withdrawn_by    text,
    withdrawn_at    timestamptz,
    CONSTRAINT bulk_batch_reason_by_hand CHECK (NOT by_hand OR coalesce(reason, '') <> ''),
    CONSTRAINT bulk_batch_approved_by_another CHECK (NOT by_hand OR approved_by <> maker),
    CONSTRAINT bulk_batch_checked_whole CHECK (
        num_nonnulls(content_hash, content_version, checked_at) IN (0, 3)
        AND (content_hash IS NOT NULL OR state IN ('loading', 'checking', 'refused', 'withdrawn'))),
    CONSTRAINT bulk_batch_submitted_whole CHECK (
        num_nonnulls(partial, submitted_at) IN (0, 2)
        AND (submitted_at IS NOT NULL OR state NOT IN ('submitted', 'approved', 'posting', 'posted'))
        AND (submitted_at IS NULL OR lines > excluded AND total > 0)),
    CONSTRAINT bulk_batch_exceptions_accepted CHECK (submitted_at IS NULL OR partial OR excluded = 0),
    CONSTRAINT bulk_batch_approved_whole CHECK (
        num_nonnulls(approved_by, approved_at) = CASE WHEN state IN ('approved', 'posting', 'posted') THEN 2 ELSE 0 END),
    CONSTRAINT bulk_batch_posted_whole CHECK (
        num_nonnulls(posted_lines, posted_total, failed_lines, failed_total, posted_at) = CASE WHEN state = 'posted' THEN 5 ELSE 0 END
        AND num_nonnulls(first_journal, last_journal) = CASE WHEN posted_lines > 0 THEN 2 ELSE 0 END),
    CONSTRAINT bulk_batch_control_totals CHECK (
        posted_at IS NULL OR posted_lines + failed_lines = lines - excluded AND posted_total + failed_total = total),
    CONSTRAINT bulk_batch_withdrawn_whole CHECK (
        num_nonnulls(withdrawn_by, withdrawn_at) = CASE WHEN state = 'withdrawn' THEN 2 ELSE 0 END)
);
-- What the worker still has to do.
CREATE INDEX bulk_batch_unfinished ON ledger.bulk_batch (number) WHERE state IN ('loading', 'checking', 'approved', 'posting');

-- `line` is that of the file. No foreign key: a trigger per statement asks whether the batch takes lines.
CREATE TABLE ledger.bulk_line (
    batch_id    uuid NOT NULL,
    line        int NOT NULL CHECK (line > 0),
    amount      bigint NOT NULL CHECK (amount > 0),
    destination text COLLATE "C" NOT NULL,
    grant_key   text COLLATE "C" NOT NULL CHECK (grant_key <> ''),
    reference   text,
    explanation text,
    PRIMARY KEY (batch_id, line)
);

-- Why a line is not posted, by the stage in which it was found: a line that could not be read has no row above.
CREATE TABLE ledger.bulk_exception (
    batch_id uuid NOT NULL,
    line     int NOT NULL CHECK (line > 0),
    code     text NOT NULL CHECK (code <> ''),
    message  text NOT NULL CHECK (message <> ''),
    stage    text NOT NULL CHECK (stage IN ('loading', 'checking', 'posting')),
    PRIMARY KEY (batch_id, line, code)
);

-- One row per chunk that was posted: chunk n is of the lines (n-1) * chunk_lines + 1 to n * chunk_lines of the file.
CREATE TABLE ledger.bulk_chunk (
    batch_id     uuid NOT NULL REFERENCES ledger.bulk_batch,
    chunk        int NOT NULL CHECK (chunk > 0),
    lines        int NOT NULL CHECK (lines >= 0),
    total        bigint NOT NULL CHECK (total >= 0),
    failed_lines int NOT NULL CHECK (failed_lines >= 0),
    failed_total bigint NOT NULL CHECK (failed_total >= 0),
    journal_id   bigint,
    posted_at    timestamptz NOT NULL,
    PRIMARY KEY (batch_id, chunk),
    CONSTRAINT bulk_chunk_journal_once UNIQUE (journal_id),
    CONSTRAINT bulk_chunk_has_its_journal CHECK ((journal_id IS NOT NULL) = (lines > 0))
);

CALL ledger.guard('ledger.bulk_batch', true);
CALL ledger.guard('ledger.bulk_line');
CALL ledger.guard('ledger.bulk_exception');
CALL ledger.guard('ledger.bulk_chunk');

-- How many chunks a batch has.
CREATE FUNCTION ledger.bulk_chunks(p_batch ledger.bulk_batch) RETURNS int
LANGUAGE sql IMMUTABLE
AS $$
    SELECT (p_batch.lines_read + p_batch.chunk_lines - 1) / p_batch.chunk_lines
$$;

-- A batch moves one way, and what was found, submitted and approved stays as it was.
CREATE FUNCTION ledger.move_bulk_batch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_chunks record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'loading' OR NEW.lines_read + NEW.checks_done + NEW.excluded + NEW.total + num_nonnulls(NEW.content_hash, NEW.submitted_at) > 0 THEN
            RAISE EXCEPTION 'batch % must begin with nothing loaded', NEW.id USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('loading', 'checking'), ('loading', 'refused'), ('loading', 'withdrawn'), ('checking', 'checked'), ('checking', 'refused'),
        ('checking', 'withdrawn'), ('checked', 'submitted'), ('checked', 'withdrawn'), ('submitted', 'approved'),
        ('submitted', 'withdrawn'), ('approved', 'posting'), ('posting', 'posted')) THEN
        RAISE EXCEPTION 'batch % cannot go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.number, NEW.kind, NEW.source, NEW.asset, NEW.value_date, NEW.reason, NEW.by_hand, NEW.maker, NEW.on_behalf_of,
        NEW.inbox_id, NEW.media_type, NEW.file_sha256, NEW.file_bytes, NEW.chunk_lines, NEW.received_at) IS DISTINCT FROM
       (OLD.id, OLD.number, OLD.kind, OLD.source, OLD.asset, OLD.value_date, OLD.reason, OLD.by_hand, OLD.maker, OLD.on_behalf_of,
        OLD.inbox_id, OLD.media_type, OLD.file_sha256, OLD.file_bytes, OLD.chunk_lines, OLD.received_at)
       OR OLD.state <> 'loading' AND (NEW.bytes_read, NEW.lines_read, NEW.lines) IS DISTINCT FROM (OLD.bytes_read, OLD.lines_read, OLD.lines)
       OR OLD.state NOT IN ('loading', 'checking')
          AND (NEW.attempts, NEW.checks_done, NEW.problem, NEW.excluded, NEW.total, NEW.content_hash, NEW.content_version, NEW.checked_at)
              IS DISTINCT FROM
              (OLD.attempts, OLD.checks_done, OLD.problem, OLD.excluded, OLD.total, OLD.content_hash, OLD.content_version, OLD.checked_at)
       OR OLD.submitted_at IS NOT NULL AND (NEW.partial, NEW.submitted_at) IS DISTINCT FROM (OLD.partial, OLD.submitted_at)
       OR OLD.approved_at IS NOT NULL AND (NEW.approved_by, NEW.approved_at) IS DISTINCT FROM (OLD.approved_by, OLD.approved_at)
       OR OLD.state IN ('posted', 'withdrawn', 'refused') AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'batch % is frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = OLD.state THEN
        RETURN NEW;
    END IF;
    CASE NEW.state
        WHEN 'checked' THEN
            IF (SELECT (count(*), coalesce(sum(l.amount), 0)) IS DISTINCT FROM ((NEW.lines - NEW.excluded)::bigint, NEW.total::numeric)
                  FROM bulk_line l
                 WHERE l.batch_id = NEW.id AND NOT EXISTS (SELECT FROM bulk_exception x WHERE x.batch_id = NEW.id AND x.line = l.line)) THEN
                RAISE EXCEPTION 'batch % does not add up to its lines', NEW.id USING ERRCODE = 'restrict_violation';
            END IF;
        WHEN 'approved' THEN
            IF NOT EXISTS (SELECT FROM hold h JOIN account a ON a.id = h.account_id
                            WHERE h.id = NEW.id AND h.state = 'open' AND h.remaining = NEW.total AND a.address = NEW.source) THEN
                RAISE EXCEPTION 'batch % is approved without its total being held', NEW.id USING ERRCODE = 'restrict_violation';
            END IF;
        WHEN 'posted' THEN
            SELECT count(*) AS chunks, sum(c.lines) AS lines, sum(c.total) AS total, sum(c.failed_lines) AS failed_lines,
                   sum(c.failed_total) AS failed_total, min(c.journal_id) AS first_journal, max(c.journal_id) AS last_journal
              INTO v_chunks FROM bulk_chunk c WHERE c.batch_id = NEW.id;
            IF (v_chunks.chunks, v_chunks.lines, v_chunks.total, v_chunks.failed_lines, v_chunks.failed_total) IS DISTINCT FROM
               (bulk_chunks(NEW)::bigint, NEW.posted_lines::bigint, NEW.posted_total::numeric, NEW.failed_lines::bigint, NEW.failed_total::numeric)
               OR (v_chunks.first_journal, v_chunks.last_journal) IS DISTINCT FROM (NEW.first_journal, NEW.last_journal)
               OR EXISTS (SELECT FROM hold h WHERE h.id = NEW.id AND h.state = 'open') THEN
                RAISE EXCEPTION 'batch % is not posted as a whole', NEW.id USING ERRCODE = 'restrict_violation';
            END IF;
        ELSE
    END CASE;
    RETURN NEW;
END
$$;
CREATE TRIGGER move BEFORE INSERT OR UPDATE ON ledger.bulk_batch FOR EACH ROW EXECUTE FUNCTION ledger.move_bulk_batch();
ALTER TABLE ledger.bulk_batch ENABLE ALWAYS TRIGGER move;

-- Once per statement: lines come in while a batch is loading, exceptions in their own stage. The lock keeps the batch
-- there until they are committed.
CREATE FUNCTION ledger.check_bulk_rows() RETURNS trigger LANGUAGE plpgsql
SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_wrong uuid;
BEGIN
    PERFORM FROM bulk_batch WHERE id = ANY (ARRAY(SELECT DISTINCT n.batch_id FROM added n)) FOR SHARE;
    IF TG_TABLE_NAME = 'bulk_line' THEN
        SELECT n.batch_id INTO v_wrong
          FROM (SELECT DISTINCT n.batch_id FROM added n) n
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
CREATE TRIGGER added AFTER INSERT ON ledger.bulk_line REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_bulk_rows();
CREATE TRIGGER added AFTER INSERT ON ledger.bulk_exception REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_bulk_rows();
ALTER TABLE ledger.bulk_line ENABLE ALWAYS TRIGGER added;
ALTER TABLE ledger.bulk_exception ENABLE ALWAYS TRIGGER added;

-- The checks, each one statement over lines p_first to p_last of a batch. While checking these are all lines, and each
-- gets every reason there is; when a chunk was refused they are its own, under lock, and what was excluded before
-- approval stays as it was. Plans are made for the numbers at hand: five lines or five million. With the usual memory a
-- million lines and accounts would be joined by way of the disk.

-- A grant key that an earlier line has too: the whole line again, or another line under the same key.
CREATE FUNCTION ledger.except_duplicates(p_batch uuid) RETURNS void
LANGUAGE plpgsql SET search_path = ledger, pg_temp SET plan_cache_mode = force_custom_plan SET work_mem = '64MB'
AS $$
BEGIN
    INSERT INTO bulk_exception (batch_id, line, code, message, stage)
    SELECT p_batch, d.line, CASE WHEN d.same THEN 'duplicateLine' ELSE 'duplicateGrantKey' END,
           format(CASE WHEN d.same THEN 'Deze regel staat al op regel %s.' ELSE 'De toekenning %2$s staat al op regel %1$s.' END,
                  d.first_line, d.grant_key), 'checking'
      FROM (SELECT l.line, l.grant_key, first_value(l.line) OVER earlier AS first_line,
                   row(l.destination, l.amount, l.reference, l.explanation) IS NOT DISTINCT FROM
                   row(first_value(l.destination) OVER earlier, first_value(l.amount) OVER earlier,
                       first_value(l.reference) OVER earlier, first_value(l.explanation) OVER earlier) AS same
              FROM bulk_line l
             WHERE l.batch_id = p_batch
               AND l.grant_key IN (SELECT r.grant_key FROM bulk_line r WHERE r.batch_id = p_batch GROUP BY r.grant_key HAVING count(*) > 1)
            WINDOW earlier AS (PARTITION BY l.grant_key ORDER BY l.line)) d
     WHERE d.line > d.first_line
    ON CONFLICT DO NOTHING;
END
$$;

-- A grant key that stands in the books.
CREATE FUNCTION ledger.except_grant_keys(p_batch uuid, p_first int, p_last int, p_stage text) RETURNS void
LANGUAGE plpgsql SET search_path = ledger, pg_temp SET plan_cache_mode = force_custom_plan
SET enable_nestloop = on SET enable_seqscan = on SET work_mem = '64MB'
AS $$
BEGIN
    INSERT INTO bulk_exception (batch_id, line, code, message, stage)
    SELECT p_batch, l.line, 'grantKeyUsed', format('De toekenning %s is al geboekt.', l.grant_key), p_stage
      FROM bulk_line l
      JOIN entry e ON e.grant_key = l.grant_key
     WHERE l.batch_id = p_batch AND l.line BETWEEN p_first AND p_last AND e.grant_key IS NOT NULL
       AND (p_stage = 'checking' OR NOT EXISTS (
           SELECT FROM bulk_exception x WHERE x.batch_id = p_batch AND x.line = l.line))
    ON CONFLICT DO NOTHING;
END
$$;

-- What of a row of amounts fits in the room there is: an amount that does not fit is passed over.
CREATE FUNCTION ledger.fill_room(p_taken bigint, p_amount bigint, p_room bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE WHEN p_amount > p_room - p_taken THEN p_taken ELSE p_taken + p_amount END
$$;
CREATE AGGREGATE ledger.filled(bigint, bigint) (SFUNC = ledger.fill_room, STYPE = bigint, INITCOND = '0');

-- A destination that is the source, is not there and cannot be opened, counts in another asset, or is closed; and a line
-- that does not fit under its destination's ceiling after the lines before it that do. Asked last: lines that have an
-- exception already take no room. One statement, because finding the accounts of a million lines is most of the work.
CREATE FUNCTION ledger.except_destinations(p_batch uuid, p_first int, p_last int, p_stage text) RETURNS void
LANGUAGE plpgsql SET search_path = ledger, pg_temp SET plan_cache_mode = force_custom_plan
SET enable_nestloop = on SET enable_seqscan = on SET work_mem = '64MB'
AS $$
BEGIN
    INSERT INTO bulk_exception (batch_id, line, code, message, stage)
    WITH found AS MATERIALIZED (
        SELECT * FROM (
            SELECT l.line, l.destination, l.amount, b.asset, coalesce(a.asset, p.asset) AS real_asset,
                   CASE WHEN l.destination = b.source THEN 'sameAccount'
                        WHEN a.id IS NULL AND o.owner IS NULL THEN 'unknownAccount'
                        WHEN coalesce(a.asset, p.asset) <> b.asset THEN 'wrongAsset'
                        WHEN a.closed_at IS NOT NULL THEN 'closedAccount' END AS code,
                   -- A payable that is not open yet has no ceiling, whatever purse it is called after.
                   CASE WHEN a.id IS NOT NULL THEN n.ceiling - n.posted
                        WHEN l.destination NOT LIKE 'payable:%' THEN p.ceiling END AS room
              FROM bulk_batch b
              JOIN bulk_line l ON l.batch_id = b.id
              LEFT JOIN account a ON a.address = l.destination
              LEFT JOIN balance n ON n.account_id = a.id
              LEFT JOIN purse p ON a.id IS NULL AND p.code = split_part(l.destination, ':', -1)
              LEFT JOIN owner o ON p.code IS NOT NULL AND o.owner = left(l.destination, -1 - length(p.code)) COLLATE "C"
             WHERE b.id = p_batch AND l.line BETWEEN p_first AND p_last) l
         WHERE l.code IS NOT NULL OR l.room IS NOT NULL
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
                              ELSE 'Rekening %1$s is gesloten.' END, f.destination, f.real_asset, f.asset), p_stage
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

-- Do check p_check (1 to 3) of a batch whose lines are all there, once; gives false when it was done before.
CREATE FUNCTION ledger.check_bulk(p_batch uuid, p_check int) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
DECLARE
    v_last CONSTANT int := 2147483647;
BEGIN
    PERFORM FROM bulk_batch WHERE id = p_batch AND state = 'checking' AND checks_done = p_check - 1 FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    CASE p_check
        WHEN 1 THEN
            -- Lines that came in a minute ago are unknown to the planner, which would walk through them one by one.
            ANALYZE ledger.bulk_line;
            PERFORM except_duplicates(p_batch);
        WHEN 2 THEN PERFORM except_grant_keys(p_batch, 1, v_last, 'checking');
        WHEN 3 THEN PERFORM except_destinations(p_batch, 1, v_last, 'checking');
    END CASE;
    UPDATE bulk_batch SET checks_done = p_check WHERE id = p_batch;
    RETURN true;
END
$$;

-- Lock the balances that a chunk will touch, as posting does: purses opened first, then all in one order.
CREATE FUNCTION ledger.lock_bulk(p_source text, p_destinations text[]) RETURNS void
LANGUAGE plpgsql SET search_path = ledger, pg_temp
AS $$
BEGIN
    PERFORM open_purses(ARRAY(
        SELECT u.address FROM unnest(p_destinations) u(address)
         WHERE NOT EXISTS (SELECT FROM account a WHERE a.address = u.address COLLATE "C")));
    PERFORM FROM balance
      WHERE account_id = ANY (ARRAY(SELECT a.id FROM account a WHERE a.address = ANY (p_destinations || p_source)))
      ORDER BY lock_rank, account_id FOR UPDATE;
END
$$;

-- Post the next chunk of an approved batch; gives false when this chunk was posted before.
--
-- What it does is one transaction's whole work: the journal with batch and chunk, out of the batch's hold, and the
-- chunk's row. A line that is refused under lock goes to the exceptions and the others are posted without it: first all
-- that a look at the locked balances can find, then one by one what the posting function itself names (a grant key that
-- another is using at this moment). A refusal that names no line is of all that are left. Every turn takes lines away.
CREATE FUNCTION ledger.post_bulk_chunk(p_batch uuid, p_chunk int) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE
    v_batch bulk_batch;
    v_first int;
    v_last int;
    v_lines int[];
    v_destinations text[];
    v_amounts bigint[];
    v_grant_keys text[];
    v_references text[];
    v_explanations text[];
    v_journal bigint;
    v_code text;
    v_detail text;
    v_why jsonb;
    v_before int;
    v_locked boolean := false;
BEGIN
    -- Two workers on one batch: the second waits here, and then finds the chunk's row.
    SELECT * INTO v_batch FROM bulk_batch WHERE id = p_batch FOR UPDATE;
    IF EXISTS (SELECT FROM bulk_chunk WHERE batch_id = p_batch AND chunk = p_chunk) THEN
        RETURN false;
    END IF;
    IF (v_batch.state IN ('approved', 'posting') AND p_chunk BETWEEN 1 AND bulk_chunks(v_batch)
        AND p_chunk = (SELECT count(*) FROM bulk_chunk WHERE batch_id = p_batch) + 1) IS NOT TRUE THEN
        RAISE EXCEPTION 'chunk % of batch % is not the next to be posted', p_chunk, p_batch USING ERRCODE = 'restrict_violation';
    END IF;
    v_first := (p_chunk - 1) * v_batch.chunk_lines + 1;
    v_last := p_chunk * v_batch.chunk_lines;
    LOOP
        SELECT array_agg(l.line), array_agg(l.destination::text), array_agg(l.amount), array_agg(l.grant_key::text),
               array_agg(l.reference), array_agg(l.explanation)
          INTO v_lines, v_destinations, v_amounts, v_grant_keys, v_references, v_explanations
          FROM (SELECT l.* FROM bulk_line l
                 WHERE l.batch_id = p_batch AND l.line BETWEEN v_first AND v_last
                   AND NOT EXISTS (SELECT FROM bulk_exception x
                                    WHERE x.batch_id = p_batch AND x.line = l.line AND x.line BETWEEN v_first AND v_last)
                 ORDER BY l.line) l;
        EXIT WHEN v_lines IS NULL;
        BEGIN
            v_journal := post(
                p_kind => v_batch.kind, p_value_date => v_batch.value_date, p_actor => v_batch.approved_by,
                p_on_behalf_of => CASE WHEN v_batch.by_hand THEN v_batch.maker ELSE v_batch.on_behalf_of END,
                p_decision => 'transfer-batch/' || p_batch, p_batch => p_batch::text, p_chunk => p_chunk,
                p_reason => v_batch.reason, p_sources => ARRAY[v_batch.source]::text[], p_destinations => v_destinations,
                p_amounts => v_amounts, p_assets => ARRAY[v_batch.asset], p_grant_keys => v_grant_keys,
                p_references => v_references, p_explanations => v_explanations,
                p_holds => array_fill(p_batch, ARRAY[cardinality(v_lines)]));
            EXIT;
        EXCEPTION WHEN SQLSTATE 'SB409' OR SQLSTATE 'SB400' THEN
            GET STACKED DIAGNOSTICS v_code = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL;
        END;
        v_why := v_detail::jsonb;
        v_before := (SELECT count(*) FROM bulk_exception x WHERE x.batch_id = p_batch AND x.line BETWEEN v_first AND v_last);
        IF NOT v_locked THEN
            PERFORM lock_bulk(v_batch.source, v_destinations);
            PERFORM except_grant_keys(p_batch, v_first, v_last, 'posting');
            PERFORM except_destinations(p_batch, v_first, v_last, 'posting');
            v_locked := true;
        END IF;
        IF v_before = (SELECT count(*) FROM bulk_exception x WHERE x.batch_id = p_batch AND x.line BETWEEN v_first AND v_last) THEN
            INSERT INTO bulk_exception (batch_id, line, code, message, stage)
            SELECT p_batch, u.line, v_code, v_why ->> 'message', 'posting'
              FROM unnest(v_lines) WITH ORDINALITY u(line, i)
             WHERE u.i = coalesce((v_why ->> 'index')::int + 1, u.i);
        END IF;
    END LOOP;
    INSERT INTO bulk_chunk (batch_id, chunk, lines, total, failed_lines, failed_total, journal_id, posted_at)
    SELECT p_batch, p_chunk, coalesce(cardinality(v_lines), 0), coalesce((SELECT sum(a) FROM unnest(v_amounts) a), 0),
           count(*), coalesce(sum(l.amount), 0), v_journal, clock_timestamp()
      FROM bulk_line l
     WHERE l.batch_id = p_batch AND l.line BETWEEN v_first AND v_last
       AND l.line IN (SELECT x.line FROM bulk_exception x
                       WHERE x.batch_id = p_batch AND x.line BETWEEN v_first AND v_last AND x.stage = 'posting');
    UPDATE bulk_batch SET state = 'posting' WHERE id = p_batch AND state = 'approved';
    RETURN true;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;

DO $$
DECLARE
    v_service text := regexp_replace(current_user, '_owner$', '_service');
BEGIN
    EXECUTE format('GRANT SELECT ON ledger.bulk_batch, ledger.bulk_line, ledger.bulk_exception, ledger.bulk_chunk TO %I', v_service);
    EXECUTE format('GRANT INSERT ON ledger.bulk_batch, ledger.bulk_line, ledger.bulk_exception TO %I', v_service);
    EXECUTE format('GRANT UPDATE ON ledger.bulk_batch TO %I', v_service);
    EXECUTE format('GRANT EXECUTE ON FUNCTION ledger.check_bulk(uuid, int), ledger.post_bulk_chunk(uuid, int) TO %I', v_service);
END
$$;
