"""What stands in two places and must be the same in both: terms, what is lent, holds and their history, closes, batches.

Most of this is under no seal, because it moves no money by itself. An edit of one place is seen by the other; where
both are times, they were written by one command, which ends within a minute (people's computers may differ by more).
"""

from __future__ import annotations

from typing import LiteralString

# Each gives table, key and what, the first bad row first, as those of `wallet.audit.figures` do.
CHECKS: dict[LiteralString, LiteralString] = {
    # Each account has its balance, on the terms of its kind. Terms of accounts that were opened by hand are known from
    # nowhere else: of these only the order of locking. Those of a loan follow from its principal, which stands beside the
    # id that is in the address.
    "account": """
        SELECT CASE WHEN b.account_id IS NULL THEN 'account' ELSE 'balance' END,
               CASE WHEN b.account_id IS NULL THEN format('id=%s', a.id) ELSE format('account_id=%s', b.account_id) END,
               CASE WHEN b.account_id IS NULL THEN 'it has no balance'
                    WHEN a.id IS NULL THEN 'it belongs to no account'
                    ELSE format('floor, ceiling and lock rank are %s, %s and %s; for %s they are %s, %s and %s',
                                coalesce(b.floor::text, 'none'), coalesce(b.ceiling::text, 'none'), b.lock_rank, a.address,
                                coalesce(t.floor::text, 'none'), coalesce(t.ceiling::text, 'none'), t.lock_rank) END
          FROM ledger.account a
          FULL JOIN ledger.balance b ON b.account_id = a.id
          LEFT JOIN ledger.purse p ON p.code = a.purse
          LEFT JOIN ledger.loan l ON l.account_id = a.id AND a.address = format('loan:%s:outstanding', l.id)
         CROSS JOIN LATERAL (
            SELECT CASE WHEN a.kind = 'purse' THEN p.floor
                        WHEN a.kind = 'loan' THEN -l.principal
                        WHEN a.kind = 'fund' OR a.address = 'bank:outgoing' OR a.address ~ '^(lent|clearing):' THEN 0
                        WHEN a.kind = 'receivable' OR a.address IN ('bank:current', 'bank:stripe') OR a.address LIKE 'issue:%'
                        THEN NULL
                        ELSE b.floor END AS floor,
                   CASE WHEN a.kind = 'purse' THEN p.ceiling
                        WHEN a.kind IN ('receivable', 'loan') THEN 0
                        WHEN a.kind IN ('fund', 'bank') OR a.address ~ '^(issue|lent|clearing):' THEN NULL
                        ELSE b.ceiling END AS ceiling,
                   CASE WHEN a.kind = 'purse' THEN 0 WHEN a.kind = 'fund' THEN 30 WHEN a.kind = 'bank' THEN 20
                        WHEN a.kind IN ('receivable', 'loan') OR a.address ~ '^(lent|clearing):' THEN 10
                        ELSE least(b.lock_rank, 10) END AS lock_rank) t
         WHERE a.id IS NULL OR b.account_id IS NULL
            OR (b.floor, b.ceiling, b.lock_rank) IS DISTINCT FROM (t.floor, t.ceiling, t.lock_rank::smallint)
         ORDER BY coalesce(a.id, b.account_id)""",
    "loan": """
        SELECT 'loan', format('id=%s', l.id),
               format('its account %s is %s', l.account_id, coalesce(a.address, 'not there'))
          FROM ledger.loan l
          LEFT JOIN ledger.account a ON a.id = l.account_id
         WHERE a.address IS DISTINCT FROM format('loan:%s:outstanding', l.id)
         ORDER BY l.id""",
    # What borrowers owe stands on the account of each loan, and in all on that of what is lent: a loan moves against it alone.
    "lent": """
        SELECT 'balance', format('account_id=%s', b.account_id),
               format('what is lent is %s; the loans owe %s', b.posted, o.owed)
          FROM (SELECT min(b.account_id) AS account_id, sum(b.posted) AS posted
                  FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id WHERE a.address ^@ 'lent:') b
         CROSS JOIN (SELECT -coalesce(sum(b.posted), 0) AS owed
                       FROM ledger.loan l JOIN ledger.balance b ON b.account_id = l.account_id) o
         WHERE b.posted <> o.owed""",
    "closed account": """
        SELECT 'account', format('id=%s', a.id),
               format('it was closed at %s, with %s on it, %s held and its last entry at %s', a.closed_at, b.posted, b.held,
                      j.recorded_at)
          FROM ledger.account a
          JOIN ledger.balance b ON b.account_id = a.id
          LEFT JOIN ledger.entry e ON e.account_id = a.id AND e.version = b.version
          LEFT JOIN ledger.journal j ON j.id = e.journal_id
         WHERE a.closed_at IS NOT NULL AND (b.posted <> 0 OR b.held <> 0 OR j.recorded_at > a.closed_at + interval '1 minute')
         ORDER BY a.id""",
    "hold event": """
        SELECT 'hold_event', format('hold_id=%s, sequence=%s', e.hold_id, e.sequence),
               format('%s %s by %s at %s in journal %s; the journal has %s by %s at %s', e.kind, e.amount, e.actor, e.recorded_at,
                      coalesce(e.journal_id::text, 'none'), coalesce(n.amount, 0), j.actor, j.recorded_at)
          FROM ledger.hold_event e
          LEFT JOIN ledger.journal j ON j.id = e.journal_id
          LEFT JOIN (SELECT journal_id, hold_id, sum(abs(amount)) AS amount FROM ledger.entry
                      WHERE hold_id IS NOT NULL GROUP BY journal_id, hold_id) n
                 ON n.journal_id = e.journal_id AND n.hold_id = e.hold_id
         WHERE CASE e.kind
                    WHEN 'captured' THEN (n.amount, j.actor) IS DISTINCT FROM (e.amount::numeric, e.actor)
                         OR e.recorded_at NOT BETWEEN j.recorded_at - interval '1 minute' AND j.recorded_at + interval '1 minute'
                    WHEN 'opened' THEN e.sequence <> 1 OR e.journal_id IS NOT NULL
                    ELSE e.kind NOT IN ('released', 'expired') OR e.journal_id IS NOT NULL END
         ORDER BY e.hold_id, e.sequence""",
    "hold history": """
        SELECT 'hold', format('id=%s', h.id),
               format('it is %s, opened by %s at %s and closed at %s; its %s events say %s, by %s, from %s to %s', h.state,
                      h.opened_by, h.opened_at, h.closed_at, e.events, e.state, e.opener, e.began, e.ended)
          FROM ledger.hold h
          JOIN (SELECT hold_id, count(*) AS events, max(sequence) AS last, min(recorded_at) AS began, max(recorded_at) AS ended,
                       max(actor) FILTER (WHERE sequence = 1) AS opener, (array_agg(kind ORDER BY sequence DESC))[1] AS state
                  FROM ledger.hold_event GROUP BY hold_id) e ON e.hold_id = h.id
         WHERE e.last <> e.events OR h.opened_by IS DISTINCT FROM e.opener
            OR h.state <> CASE WHEN h.remaining > 0 THEN 'open' ELSE e.state END
            OR (h.closed_at IS NULL) <> (h.remaining > 0)
            OR h.opened_at NOT BETWEEN e.began - interval '1 minute' AND e.began + interval '1 minute'
            OR h.closed_at NOT BETWEEN e.ended - interval '1 minute' AND e.ended + interval '1 minute'
         ORDER BY h.id""",
    "period decision": """
        SELECT 'period_close', format('month=%s', to_char(c.month, 'YYYY-MM')),
               format('asked by %s in %s, closed by %s at %s under block %s; decided by %s at %s on %s', c.proposed_by,
                      c.proposal_id, c.closed_by, c.closed_at, c.block_number, d.decided_by, d.decided_at, d.proposal_id)
          FROM ledger.period_close c
          LEFT JOIN ledger.proposal_decision d ON d.closed_month = c.month
          LEFT JOIN ledger.block b ON b.number = c.block_number
         WHERE (c.proposal_id, c.proposed_by, c.closed_by) IS DISTINCT FROM (d.proposal_id, d.proposed_by, d.decided_by)
            OR c.closed_at NOT BETWEEN d.decided_at - interval '1 hour' AND d.decided_at + interval '1 hour'
            OR c.block_number IS NOT NULL AND (b.number IS NULL OR b.sealed_at > c.closed_at + interval '1 minute')
         ORDER BY c.month""",
    "bulk history": """
        SELECT 'bulk_batch', format('id=%s', b.id), 'its steps, counts and chunks are not those of a batch that was posted'
          FROM ledger.bulk_batch b
          LEFT JOIN (SELECT batch_id, count(*) AS chunks, min(journal_id) AS first_journal, max(journal_id) AS last_journal,
                            min(posted_at) AS began FROM ledger.bulk_chunk GROUP BY batch_id) c ON c.batch_id = b.id
          LEFT JOIN (SELECT batch_id, count(DISTINCT line) FILTER (WHERE stage IN ('loading', 'checking')) AS excluded,
                            bool_or(stage NOT IN ('loading', 'checking', 'posting')) AS strange
                       FROM ledger.bulk_exception GROUP BY batch_id) x ON x.batch_id = b.id
         WHERE b.state <> 'posted' AND b.state <> 'posting' AND c.batch_id IS NOT NULL
            OR b.state = 'posted' AND (
               (b.first_journal, b.last_journal) IS DISTINCT FROM (c.first_journal, c.last_journal)
               OR c.chunks IS DISTINCT FROM (b.lines_read + b.chunk_lines - 1) / b.chunk_lines
               OR b.excluded <> coalesce(x.excluded, 0) OR x.strange OR b.bytes_read <> b.file_bytes
               OR b.problem IS NOT NULL OR num_nonnulls(b.withdrawn_by, b.withdrawn_at) > 0
               OR b.partial IS DISTINCT FROM true AND b.excluded > 0 OR b.by_hand AND b.approved_by = b.maker
               OR b.received_at > b.checked_at + interval '1 hour' OR b.checked_at > b.submitted_at + interval '1 hour'
               OR b.submitted_at > b.approved_at + interval '1 hour' OR b.approved_at > c.began + interval '1 hour')
         ORDER BY b.number""",
    "bulk people": """
        SELECT CASE WHEN p.people THEN 'bulk_batch' ELSE 'bulk_chunk' END,
               CASE WHEN p.people THEN format('id=%s', b.id) ELSE format('batch_id=%s, chunk=%s', c.batch_id, c.chunk) END,
               format('approved by %s for %s and posted at %s; journal %s is by %s for %s at %s', b.approved_by, p.asker,
                      c.posted_at, j.id, j.actor, j.on_behalf_of, j.recorded_at)
          FROM ledger.bulk_batch b
          JOIN ledger.bulk_chunk c ON c.batch_id = b.id
          JOIN ledger.journal j ON j.id = c.journal_id
         CROSS JOIN LATERAL (
            SELECT q.asker, (j.actor, j.on_behalf_of) IS DISTINCT FROM (b.approved_by, q.asker) AS people
              FROM (SELECT CASE WHEN b.by_hand THEN b.maker ELSE b.on_behalf_of END AS asker) q) p
         WHERE p.people OR c.posted_at NOT BETWEEN j.recorded_at - interval '1 minute' AND j.recorded_at + interval '1 minute'
         ORDER BY b.number, c.chunk""",
}
