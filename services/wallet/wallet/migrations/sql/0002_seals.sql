-- Seals: what is in the books is hashed, chained and signed, block after block.
--
-- Format version 1. Every number is big-endian, every text UTF-8, every hash SHA-256.
--   field    4 bytes length and that many bytes; an absent value is the length ffffffff and nothing more
--            (dates count days, instants count microseconds, both since 2000-01-01)
--   leaf     hash of: 01 for a journal or 00 for an entry, 2 bytes format version, the fields
--   journal  Merkle tree of the journal's leaf and its entries' leaves in the order of their lines;
--            an inner node is the hash of 02, left, right; an odd last node moves up as it is
--   block    the same over the roots of its journals in the order of their ids, with 03 before an inner node
--   header   hash of 04 and what ledger.block_header puts behind it
-- A new formula is a new format version from some block on; old blocks are read with the old one for ever.
--
-- An account's terms (address, asset, kind, purse, opened at) are sealed with its first entry: otherwise two
-- addresses could be exchanged, and the money with them, without a single entry changing. Holds and their
-- events are not sealed: a hold moves nothing, and its capture is an entry that names it.

CREATE TABLE ledger.block (
    number          bigint PRIMARY KEY CHECK (number > 0),
    previous_header bytea NOT NULL CHECK (octet_length(previous_header) = 32),
    root            bytea NOT NULL CHECK (octet_length(root) = 32),
    journals        int NOT NULL CHECK (journals > 0),
    entries         int NOT NULL CHECK (entries >= 0),
    first_journal   bigint NOT NULL,
    last_journal    bigint NOT NULL,
    sums            jsonb NOT NULL,
    sealed_at       timestamptz NOT NULL,
    format_version  smallint NOT NULL CHECK (format_version = 1),
    header          bytea NOT NULL CHECK (octet_length(header) = 32),
    signature       bytea NOT NULL CHECK (octet_length(signature) = 64),
    key_id          text NOT NULL CHECK (key_id <> '')
);

-- `leaves` are the hashes under `root`, 32 bytes each: with them the verifier names the row that was changed,
-- and a proof needs no rows but its own.
CREATE TABLE ledger.block_journal (
    block_number bigint NOT NULL,
    position     int NOT NULL CHECK (position > 0),
    journal_id   bigint NOT NULL CONSTRAINT block_journal_once UNIQUE,
    root         bytea NOT NULL CHECK (octet_length(root) = 32),
    leaves       bytea NOT NULL CHECK (octet_length(leaves) % 32 = 0),
    PRIMARY KEY (block_number, position)
);
-- Hashes do not compress; trying would only cost time.
ALTER TABLE ledger.block_journal ALTER COLUMN leaves SET STORAGE EXTERNAL;

CALL ledger.guard('ledger.block');
CALL ledger.guard('ledger.block_journal');

-- A block between its hashing here and its signing outside: both happen in one transaction, and none that leaves
-- a draft behind can commit.
CREATE TABLE ledger.block_draft (
    number          bigint PRIMARY KEY,
    previous_header bytea NOT NULL,
    root            bytea NOT NULL,
    journals        int NOT NULL,
    entries         int NOT NULL,
    first_journal   bigint NOT NULL,
    last_journal    bigint NOT NULL,
    sums            jsonb NOT NULL,
    sealed_at       timestamptz NOT NULL,
    format_version  smallint NOT NULL,
    header          bytea NOT NULL
);

-- Runs at the commit: before PostgreSQL 18 with the rights of whoever commits, who may not read the draft.
CREATE FUNCTION ledger.refuse_unsigned_block() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ledger, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM block_draft WHERE number = NEW.number) THEN
        RAISE EXCEPTION 'block % is not signed', NEW.number USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER no_unsigned_block AFTER INSERT OR UPDATE ON ledger.block_draft
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.refuse_unsigned_block();
ALTER TABLE ledger.block_draft ENABLE ALWAYS TRIGGER no_unsigned_block;

-- One field of a leaf, by type. Small enough to be inlined where they are used.
CREATE FUNCTION ledger.field(p smallint) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN coalesce('\x00000002'::bytea || int2send(p), '\xffffffff'::bytea);
CREATE FUNCTION ledger.field(p int) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN coalesce('\x00000004'::bytea || int4send(p), '\xffffffff'::bytea);
CREATE FUNCTION ledger.field(p bigint) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN coalesce('\x00000008'::bytea || int8send(p), '\xffffffff'::bytea);
CREATE FUNCTION ledger.field(p date) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN coalesce('\x00000004'::bytea || date_send(p), '\xffffffff'::bytea);
CREATE FUNCTION ledger.field(p timestamptz) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN coalesce('\x00000008'::bytea || timestamptz_send(p), '\xffffffff'::bytea);
CREATE FUNCTION ledger.field(p uuid) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN coalesce('\x00000010'::bytea || uuid_send(p), '\xffffffff'::bytea);
CREATE FUNCTION ledger.field(p bytea) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN coalesce(int4send(octet_length(p)) || p, '\xffffffff'::bytea);
-- Not textsend(), which writes in the encoding of whoever is connected.
CREATE FUNCTION ledger.field(p text) RETURNS bytea LANGUAGE sql STABLE
RETURN coalesce(int4send(octet_length(p)) || convert_to(p, 'UTF8'), '\xffffffff'::bytea);

CREATE FUNCTION ledger.journal_leaf(j ledger.journal) RETURNS bytea LANGUAGE sql STABLE
RETURN sha256('\x010001'::bytea
    || ledger.field(j.id) || ledger.field(j.kind) || ledger.field(j.value_date) || ledger.field(j.recorded_at)
    || ledger.field(j.actor) || ledger.field(j.on_behalf_of) || ledger.field(j.decision)
    || ledger.field(j.batch) || ledger.field(j.chunk) || ledger.field(j.reason) || ledger.field(j.format_version));

-- `a` is the entry's account; its terms stand in the leaf of its first entry, and are absent from the later ones.
CREATE FUNCTION ledger.entry_leaf(e ledger.entry, a ledger.account) RETURNS bytea LANGUAGE sql STABLE
RETURN sha256('\x000001'::bytea
    || ledger.field(e.account_id) || ledger.field(e.version) || ledger.field(e.journal_id) || ledger.field(e.line)
    || ledger.field(e.amount) || ledger.field(e.balance_after) || ledger.field(e.counter_account_id)
    || ledger.field(e.grant_key) || ledger.field(e.reference) || ledger.field(e.explanation)
    || ledger.field(e.hold_id) || ledger.field(e.reversed_journal_id) || ledger.field(e.reversed_line)
    || ledger.field(e.nonce)
    || CASE WHEN e.version = 1 THEN ledger.field(a.address) || ledger.field(a.asset) || ledger.field(a.kind)
                                    || ledger.field(a.purse) || ledger.field(a.opened_at)
            ELSE '\xffffffffffffffffffffffffffffffffffffffff'::bytea END);

-- The roots of many Merkle trees at once: `p_nodes` holds their lowest nodes one behind the other, 32 bytes each,
-- `p_counts` how many each tree has. All trees climb together, one level a statement.
CREATE FUNCTION ledger.merkle_roots(p_nodes bytea, p_counts int[], p_domain bytea) RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = ledger, pg_temp SET plan_cache_mode = force_generic_plan SET work_mem = '32MB'
AS $$
BEGIN
    WHILE EXISTS (SELECT FROM unnest(p_counts) n WHERE n > 1) LOOP
        SELECT string_agg(
                   CASE WHEN 2 * i + 1 < t.n THEN sha256(p_domain || substring(p_nodes FROM (t.start + 2 * i) * 32 + 1 FOR 64))
                        ELSE substring(p_nodes FROM (t.start + 2 * i) * 32 + 1 FOR 32) END,
                   ''::bytea ORDER BY t.tree, i)
          INTO p_nodes
          FROM (SELECT u.n, u.tree, (sum(u.n) OVER (ORDER BY u.tree ROWS UNBOUNDED PRECEDING))::int - u.n AS start
                  FROM unnest(p_counts) WITH ORDINALITY u(n, tree)) t,
               generate_series(0, (t.n - 1) / 2) i;
        p_counts := ARRAY(SELECT (u.n + 1) / 2 FROM unnest(p_counts) WITH ORDINALITY u(n, tree) ORDER BY u.tree);
    END LOOP;
    RETURN p_nodes;
END
$$;

CREATE FUNCTION ledger.block_header(d ledger.block_draft) RETURNS bytea LANGUAGE sql STABLE
SET search_path = ledger, pg_temp
AS $$
    SELECT sha256('\x04'::bytea || int2send(d.format_version) || d.previous_header || int8send(d.number) || d.root
        || int4send(d.journals) || int4send(d.entries) || int8send(d.first_journal) || int8send(d.last_journal)
        || int4send((SELECT count(*) FROM jsonb_object_keys(d.sums))::int)
        || coalesce((SELECT string_agg(field(s.key) || field(s.value), ''::bytea ORDER BY s.key COLLATE "C")
                       FROM jsonb_each_text(d.sums) s), ''::bytea)
        || timestamptz_send(d.sealed_at))
$$;

-- Seal what waits: at most p_most_entries entries (and the journal that crosses it) of at most 20,000 journals, in
-- the order of their ids. Gives the draft to sign, or nothing when nothing waits or another is sealing.
--
-- Which journals: those that `unsealed` shows now. A journal that commits later falls into a later block, whatever
-- its id; nothing waits for the sealer and the sealer waits for nobody. `sums` is what was credited per asset.
CREATE FUNCTION ledger.seal_next_block(p_most_entries int DEFAULT 200000) RETURNS SETOF ledger.block_draft
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET plan_cache_mode = force_custom_plan SET work_mem = '32MB'
-- Each entry and its account is looked up: joining with all accounts would make a block dearer the more there are.
SET enable_mergejoin = off SET enable_hashjoin = off SET enable_seqscan = off
AS $$
DECLARE
    c_one_sealer CONSTANT bigint := 7310298089250619461;
    v_journals bigint[] := '{}';
    v_counts int[] := '{}';
    v_waiting record;
    v_leaves bytea;
    v_roots bytea;
    v_previous block;
    v_draft block_draft;
BEGIN
    IF NOT pg_try_advisory_xact_lock(c_one_sealer) THEN
        RETURN;
    END IF;
    v_draft.entries := 0;
    FOR v_waiting IN
        SELECT u.journal_id, n.entries
          FROM (SELECT journal_id FROM unsealed ORDER BY journal_id LIMIT 20000) u
         CROSS JOIN LATERAL (SELECT count(*)::int AS entries FROM entry e WHERE e.journal_id = u.journal_id) n
         ORDER BY u.journal_id
    LOOP
        v_journals := v_journals || v_waiting.journal_id;
        v_counts := v_counts || v_waiting.entries;
        v_draft.entries := v_draft.entries + v_waiting.entries;
        EXIT WHEN v_draft.entries >= p_most_entries;
    END LOOP;
    IF v_journals = '{}' THEN
        RETURN;
    END IF;
    v_draft.journals := cardinality(v_journals);
    DELETE FROM unsealed WHERE journal_id = ANY (v_journals);

    WITH journals AS MATERIALIZED (
        SELECT u.id, u.position FROM unnest(v_journals) WITH ORDINALITY u(id, position)
    ), leaf AS MATERIALIZED (
        SELECT u.position, 0 AS line, journal_leaf(j) AS hash, NULL AS asset, 0 AS amount
          FROM journals u JOIN journal j ON j.id = u.id
        UNION ALL
        SELECT u.position, e.line, entry_leaf(e, a), a.asset, e.amount
          FROM journals u JOIN entry e ON e.journal_id = u.id JOIN account a ON a.id = e.account_id
    )
    SELECT (SELECT string_agg(l.hash, ''::bytea ORDER BY l.position, l.line) FROM leaf l),
           (SELECT coalesce(jsonb_object_agg(s.asset, s.credited), '{}')
              FROM (SELECT l.asset, sum(l.amount) AS credited FROM leaf l WHERE l.amount > 0 GROUP BY l.asset) s)
      INTO v_leaves, v_draft.sums;
    IF octet_length(v_leaves) IS DISTINCT FROM 32 * (v_draft.journals + v_draft.entries) THEN
        RAISE EXCEPTION 'journals % to % wait for their seal but are not whole', v_journals[1], v_journals[v_draft.journals]
            USING ERRCODE = 'data_corrupted', HINT = 'Run the verifier: it names the rows.';
    END IF;
    v_counts := ARRAY(SELECT u.n + 1 FROM unnest(v_counts) WITH ORDINALITY u(n, i) ORDER BY u.i);
    v_roots := merkle_roots(v_leaves, v_counts, '\x02');

    SELECT * INTO v_previous FROM block ORDER BY number DESC LIMIT 1;
    v_draft.number := coalesce(v_previous.number, 0) + 1;
    v_draft.previous_header := coalesce(v_previous.header, decode(repeat('00', 32), 'hex'));
    v_draft.root := merkle_roots(v_roots, ARRAY[v_draft.journals], '\x03');
    v_draft.first_journal := v_journals[1];
    v_draft.last_journal := v_journals[v_draft.journals];
    v_draft.sealed_at := clock_timestamp();
    v_draft.format_version := 1;
    v_draft.header := block_header(v_draft);

    INSERT INTO block_journal (block_number, position, journal_id, root, leaves)
    SELECT v_draft.number, t.position, t.id, substring(v_roots FROM (t.position::int - 1) * 32 + 1 FOR 32),
           substring(v_leaves FROM (t.upto - t.n) * 32 + 1 FOR t.n * 32)
      FROM (SELECT u.*, (sum(u.n) OVER (ORDER BY u.position ROWS UNBOUNDED PRECEDING))::int AS upto
              FROM unnest(v_journals, v_counts) WITH ORDINALITY u(id, n, position)) t;
    INSERT INTO block_draft SELECT v_draft.*;
    RETURN NEXT v_draft;
END
$$;

-- Put the signature under the draft that this transaction made; the block stands from here on.
CREATE FUNCTION ledger.sign_block(p_number bigint, p_signature bytea, p_key_id text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
BEGIN
    WITH draft AS (DELETE FROM block_draft WHERE number = p_number RETURNING *)
    INSERT INTO block SELECT d.*, p_signature, p_key_id FROM draft d;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no draft of block %', p_number USING ERRCODE = 'no_data_found';
    END IF;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;

DO $$
DECLARE
    v_service text := regexp_replace(current_user, '_owner$', '_service');
BEGIN
    EXECUTE format('GRANT SELECT ON ledger.block, ledger.block_journal TO %I', v_service);
    EXECUTE format('GRANT EXECUTE ON FUNCTION ledger.seal_next_block(int), ledger.sign_block(bigint, bytea, text) TO %I', v_service);
END
$$;
