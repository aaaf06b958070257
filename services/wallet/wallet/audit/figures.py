"""The verifier's figures: chains, balances, holds and keys, as questions to which the right answer is no row.

Each is one set-based statement that shares nothing with the posting functions. They run on the verifier's snapshot.
That all balances of an asset together are 0 follows: every journal adds up to 0, every balance to its entries.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, LiteralString

import psycopg

from wallet.audit import cross_checks
from wallet.audit.differences import MOST_PER_CHECK, Report

# Each value date in the books with the closed month that it counts in: its own, or a later one that closed it too.
_DATED: LiteralString = """
        WITH dated AS MATERIALIZED (
            SELECT v.value_date, (SELECT min(c.month) FROM ledger.period_close c
                                   WHERE c.month >= date_trunc('month', v.value_date)) AS month
              FROM (SELECT DISTINCT value_date FROM ledger.journal) v
        ), period AS MATERIALIZED (
            SELECT c.*, to_char(c.month, 'YYYY-MM') AS name, lag(c.month) OVER (ORDER BY c.month) AS before
              FROM ledger.period_close c
        )"""

# Each gives table, key and what, the first bad row first.
CHECKS: dict[LiteralString, LiteralString] = {
    # Each account: versions 1, 2, 3 and so on, each balance the one before plus the amount, no journal before an
    # earlier one, and its row in balance equal to the last.
    "chain": """
        SELECT CASE WHEN c.fault > 3 THEN 'balance' ELSE 'entry' END,
               CASE WHEN c.fault > 3 THEN format('account_id=%s', c.account_id)
                    ELSE format('account_id=%s, version=%s', c.account_id, c.version) END,
               CASE c.fault
                    WHEN 1 THEN format('it follows version %s', c.version_before)
                    WHEN 2 THEN format('its balance_after is %s; %s and %s make %s', c.balance_after, c.balance_before,
                                       c.amount, c.balance_before + c.amount)
                    WHEN 3 THEN format('its journal %s came before that of version %s, %s', c.journal_id,
                                       c.version_before, c.journal_before)
                    WHEN 4 THEN 'it is gone, and its account has entries'
                    WHEN 5 THEN format('posted is %s; its entries make %s', c.posted, c.balance_after)
                    ELSE format('version is %s; its last entry is %s', c.balance_version, c.version) END
          FROM (SELECT e.*, b.posted, b.version AS balance_version,
                       CASE WHEN e.version <> e.version_before + 1 THEN 1
                            WHEN e.balance_after <> e.balance_before + e.amount THEN 2
                            WHEN e.journal_id < e.journal_before THEN 3
                            WHEN NOT e.last THEN 0
                            WHEN b.account_id IS NULL THEN 4
                            WHEN b.posted <> e.balance_after THEN 5
                            WHEN b.version <> e.version THEN 6
                            ELSE 0 END AS fault
                  FROM (SELECT account_id, version, journal_id, amount, balance_after,
                               lag(version, 1, 0::bigint) OVER chain AS version_before,
                               lag(balance_after, 1, 0::bigint) OVER chain AS balance_before,
                               lag(journal_id, 1, 0::bigint) OVER chain AS journal_before,
                               lead(version) OVER chain IS NULL AS last
                          FROM ledger.entry WINDOW chain AS (PARTITION BY account_id ORDER BY version)) e
                  LEFT JOIN ledger.balance b ON b.account_id = e.account_id AND e.last) c
         WHERE c.fault > 0
         ORDER BY c.account_id, c.version""",
    # Every account with entries has its balance, says the check before; so equal counts leave none over, and the rows
    # are compared only when there is one to name.
    "balance without entries": """
        SELECT 'balance', format('account_id=%s', b.account_id),
               format('posted is %s and version %s; its account has no entries', b.posted, b.version)
          FROM ledger.balance b
         WHERE (SELECT count(*) FROM ledger.balance WHERE version <> 0 OR posted <> 0)
               <> (SELECT count(*) FROM ledger.entry WHERE version = 1)
           AND (b.version <> 0 OR b.posted <> 0)
           AND NOT EXISTS (SELECT FROM ledger.entry e WHERE e.account_id = b.account_id AND e.version = 1)
         ORDER BY b.account_id""",
    "held": """
        SELECT 'balance', format('account_id=%s', coalesce(b.account_id, h.account_id)),
               format('held is %s; its open holds add up to %s', coalesce(b.held, 0), coalesce(h.remaining, 0))
          FROM (SELECT account_id, held FROM ledger.balance WHERE held <> 0) b
          FULL JOIN (SELECT account_id, sum(remaining) AS remaining
                       FROM ledger.hold WHERE state = 'open' GROUP BY account_id) h ON h.account_id = b.account_id
         WHERE coalesce(b.held, 0) <> coalesce(h.remaining, 0)
         ORDER BY coalesce(b.account_id, h.account_id)""",
    "hold": """
        SELECT 'hold', format('id=%s', coalesce(h.id, e.hold_id)),
               format('amount is %s and remaining %s; its events make %s and %s', h.amount, h.remaining, e.opened,
                      e.opened - e.closed)
          FROM ledger.hold h
          FULL JOIN (SELECT hold_id, coalesce(sum(amount) FILTER (WHERE kind = 'opened'), 0) AS opened,
                            coalesce(sum(amount) FILTER (WHERE kind <> 'opened'), 0) AS closed
                       FROM ledger.hold_event GROUP BY hold_id) e ON e.hold_id = h.id
         WHERE h.id IS NULL OR e.hold_id IS NULL OR h.amount <> e.opened OR h.remaining <> e.opened - e.closed
         ORDER BY coalesce(h.id, e.hold_id)""",
    "unsealed zero sum": """
        SELECT 'journal', format('id=%s', e.journal_id),
               format('its entries in %s add up to %s, not to 0', coalesce(a.asset, 'no asset'), sum(e.amount))
          FROM ledger.unsealed u
          JOIN ledger.entry e ON e.journal_id = u.journal_id
          LEFT JOIN ledger.account a ON a.id = e.account_id
         GROUP BY e.journal_id, a.asset HAVING sum(e.amount) <> 0
         ORDER BY e.journal_id""",
    "entry without journal": """
        WITH gone AS MATERIALIZED (
            SELECT m.journal_id FROM (SELECT DISTINCT journal_id FROM ledger.entry) m
             WHERE NOT EXISTS (SELECT FROM ledger.journal j WHERE j.id = m.journal_id)
        )
        SELECT 'entry', format('account_id=%s, version=%s', e.account_id, e.version),
               format('its journal %s is not there', e.journal_id)
          FROM gone g
          JOIN ledger.entry e ON e.journal_id = g.journal_id
         ORDER BY e.account_id, e.version""",
    # Follows from the checks of chain and account, and is asked only where one of them found something: to name the entries.
    "entry without account": """
        SELECT 'entry', format('account_id=%s, version=%s', e.account_id, e.version), 'its account is not there'
          FROM ledger.entry e
         WHERE NOT EXISTS (SELECT FROM ledger.account a WHERE a.id = e.account_id)
         ORDER BY e.account_id, e.version""",
    "journal": """
        SELECT 'journal', format('id=%s', j.id),
               CASE WHEN NOT j.has_entries THEN 'it has no entries'
                    WHEN j.waits THEN 'it is sealed and waits for a seal as well'
                    ELSE 'no block seals it and it does not wait for one' END
          FROM (SELECT j.id, EXISTS (SELECT FROM ledger.entry e WHERE e.journal_id = j.id) AS has_entries,
                       u.journal_id IS NOT NULL AS waits, b.journal_id IS NOT NULL AS sealed
                  FROM ledger.journal j
                  LEFT JOIN ledger.unsealed u ON u.journal_id = j.id
                  LEFT JOIN ledger.block_journal b ON b.journal_id = j.id) j
         WHERE NOT j.has_entries OR j.waits = j.sealed
         ORDER BY j.id""",
    "unsealed": """
        SELECT 'unsealed', format('journal_id=%s', u.journal_id), 'its journal is not there'
          FROM ledger.unsealed u
         WHERE NOT EXISTS (SELECT FROM ledger.journal j WHERE j.id = u.journal_id)
         ORDER BY u.journal_id""",
    "block journal": """
        SELECT 'block', format('number=%s', b.block_number), 'it is gone, and its journals are still under it'
          FROM ledger.block_journal b
         WHERE NOT EXISTS (SELECT FROM ledger.block k WHERE k.number = b.block_number)
         GROUP BY b.block_number
         ORDER BY b.block_number""",
    "sealed twice": """
        SELECT 'block_journal', format('journal_id=%s', b.journal_id), format('it stands in %s blocks', count(*))
          FROM ledger.block_journal b GROUP BY b.journal_id HAVING count(*) > 1 ORDER BY b.journal_id""",
    "grant key": """
        SELECT 'entry', format('grant_key=%s', e.grant_key), format('it was used %s times', count(*))
          FROM ledger.entry e WHERE e.grant_key IS NOT NULL
         GROUP BY e.grant_key HAVING count(*) > 1 ORDER BY e.grant_key""",
    # What takes a transfer back names one that is there and no reversal itself, and never more than all of it.
    "reversal": """
        SELECT 'entry', format('account_id=%s, version=%s', r.account_id, r.version),
               format('it takes back line %s of journal %s, ', r.reversed_line, r.reversed_journal_id)
               || CASE WHEN o.journal_id IS NULL THEN 'which is not there'
                       WHEN o.reversed_journal_id IS NOT NULL THEN 'which is a reversal itself'
                       ELSE format('of which %s in all, with it %s', abs(o.amount), r.taken) END
          FROM (SELECT e.*, sum(abs(e.amount)) OVER (PARTITION BY e.reversed_journal_id, e.reversed_line
                                                         ORDER BY e.journal_id, e.line) AS taken
                  FROM ledger.entry e WHERE e.reversed_journal_id IS NOT NULL) r
          LEFT JOIN ledger.entry o ON o.journal_id = r.reversed_journal_id AND o.line = r.reversed_line
         WHERE o.journal_id IS NULL OR o.reversed_journal_id IS NOT NULL OR r.taken > abs(o.amount)
         ORDER BY r.journal_id, r.line""",
    # Each closed month: the balances before it and its own entries make the balances at its end.
    "period balance": _DATED
    + """
        SELECT 'period_balance', format('month=%s, account_id=%s', to_char(d.month, 'YYYY-MM'), d.account_id),
               format('debit, credit and balance are %s, %s and %s; its entries make %s, %s and %s', d.debit, d.credit,
                      d.balance, d.made_debit, d.made_credit, d.made_credit - d.made_debit)
          FROM (SELECT m.month, m.account_id, sum(m.debit) AS debit, sum(m.credit) AS credit, sum(m.balance) AS balance,
                       sum(m.made_debit) AS made_debit, sum(m.made_credit) AS made_credit
                  FROM (SELECT b.month, b.account_id, b.debit, b.credit, b.balance, 0 AS made_debit, 0 AS made_credit
                          FROM ledger.period_balance b
                        UNION ALL
                        SELECT p.month, b.account_id, 0, 0, 0, b.debit, b.credit
                          FROM period p JOIN ledger.period_balance b ON b.month = p.before
                        UNION ALL
                        SELECT d.month, e.account_id, 0, 0, 0, coalesce(-sum(e.amount) FILTER (WHERE e.amount < 0), 0),
                               coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0)
                          FROM ledger.entry e
                          JOIN ledger.journal j ON j.id = e.journal_id
                          JOIN dated d ON d.value_date = j.value_date
                         -- Without a closed month the entries are not read for this.
                         WHERE d.month IS NOT NULL AND EXISTS (SELECT FROM ledger.period_close)
                         GROUP BY d.month, e.account_id) m
                 GROUP BY m.month, m.account_id) d
         WHERE (d.debit, d.credit, d.balance) <> (d.made_debit, d.made_credit, d.made_credit - d.made_debit)
         ORDER BY d.month, d.account_id""",
    # The control totals of each closed month: journals by value date, entries as their seals count them, and what was
    # credited as the balances just checked have it.
    "period totals": _DATED
    + """
        SELECT 'period_close', format('month=%s', p.name),
               format('it counts %s journals, %s entries and %s; the books have %s, %s and %s', p.journals, p.entries,
                      p.sums, coalesce(m.journals, 0), coalesce(m.entries, 0), coalesce(s.sums, '{}'))
          FROM period p
          LEFT JOIN (SELECT d.month, count(*) AS journals, coalesce(sum(octet_length(b.leaves) / 32 - 1), 0) AS entries
                       FROM ledger.journal j
                       JOIN dated d ON d.value_date = j.value_date
                       LEFT JOIN ledger.block_journal b ON b.journal_id = j.id
                      GROUP BY d.month) m ON m.month = p.month
          LEFT JOIN (SELECT c.month, jsonb_object_agg(c.asset, c.credited) AS sums
                       FROM (SELECT q.month, a.asset, sum(b.credit * CASE b.month WHEN q.month THEN 1 ELSE -1 END) AS credited
                               FROM period q
                               JOIN ledger.period_balance b ON b.month IN (q.month, q.before)
                               JOIN ledger.account a ON a.id = b.account_id
                              GROUP BY q.month, a.asset) c
                      WHERE c.credited <> 0 GROUP BY c.month) s ON s.month = p.month
         WHERE (p.journals, p.entries, p.sums)
               IS DISTINCT FROM (coalesce(m.journals, 0), coalesce(m.entries, 0), coalesce(s.sums, '{}'))
         ORDER BY p.month""",
    "closed period": _DATED
    + """
        SELECT 'journal', format('id=%s', j.id),
               format('its value date is %s; that month was closed under block %s, %s', j.value_date, p.block_number,
                      coalesce('and it was sealed in block ' || b.block_number, 'and it is not sealed'))
          FROM ledger.journal j
          JOIN dated d ON d.value_date = j.value_date
          JOIN period p ON p.month = d.month
          LEFT JOIN ledger.block_journal b ON b.journal_id = j.id
         WHERE b.block_number IS NULL OR b.block_number > coalesce(p.block_number, 0)
         ORDER BY j.id""",
    "closing": """
        SELECT 'period_close', format('month=%s', to_char(d.closed_month, 'YYYY-MM')), 'it is gone, and its closing was confirmed'
          FROM ledger.proposal_decision d
         WHERE d.closed_month IS NOT NULL
           AND NOT EXISTS (SELECT FROM ledger.period_close c WHERE c.month = d.closed_month)
         ORDER BY d.closed_month""",
    # Control totals of transfer batches: each chunk is one journal of that many lines and that sum, posted on the
    # batch's terms, and what is posted and what failed make what was approved.
    "bulk chunk": """
        SELECT 'bulk_chunk', format('batch_id=%s, chunk=%s', coalesce(c.batch_id::text, f.batch), coalesce(c.chunk, f.chunk)),
               format('it has %s lines of %s in journal %s; the entries of its journal %s make %s of %s', c.lines, c.total,
                      c.journal_id, f.journal_id, coalesce(f.lines, 0), coalesce(f.total, 0))
          FROM ledger.bulk_chunk c
          FULL JOIN (SELECT j.batch, j.chunk, j.id AS journal_id, count(*) AS lines, sum(abs(e.amount)) AS total
                       FROM ledger.bulk_batch b
                       JOIN ledger.journal j ON j.batch = b.id::text
                       JOIN ledger.entry e ON e.journal_id = j.id AND e.grant_key IS NOT NULL
                      GROUP BY j.id) f ON f.batch = c.batch_id::text AND f.chunk = c.chunk
         WHERE c.batch_id IS NULL OR (c.lines, c.total) IS DISTINCT FROM (coalesce(f.lines, 0), coalesce(f.total, 0))
            OR c.journal_id IS DISTINCT FROM f.journal_id
         ORDER BY coalesce(c.batch_id::text, f.batch), coalesce(c.chunk, f.chunk)""",
    "bulk batch": """
        SELECT 'bulk_batch', format('id=%s', b.id),
               format('it posted %s lines of %s and failed %s of %s, of %s lines of %s; its chunks make %s of %s and %s of %s',
                      b.posted_lines, b.posted_total, b.failed_lines, b.failed_total, b.lines - b.excluded, b.total,
                      c.lines, c.total, c.failed_lines, c.failed_total)
          FROM ledger.bulk_batch b
          LEFT JOIN (SELECT batch_id, sum(lines) AS lines, sum(total) AS total, sum(failed_lines) AS failed_lines,
                            sum(failed_total) AS failed_total
                       FROM ledger.bulk_chunk GROUP BY batch_id) c ON c.batch_id = b.id
         WHERE b.state = 'posted'
           AND ((b.posted_lines, b.posted_total, b.failed_lines, b.failed_total)
                IS DISTINCT FROM (c.lines, c.total, c.failed_lines, c.failed_total)
                OR b.posted_lines + b.failed_lines <> b.lines - b.excluded OR b.posted_total + b.failed_total <> b.total)
         ORDER BY b.number""",
    # The account that a batch pays out of is looked up once: asking each entry for its address cost five times as much.
    "bulk journal": """
        SELECT 'journal', format('id=%s', j.id), format('it is not posted on the terms of transfer batch %s', b.id)
          FROM (SELECT t.*, (SELECT a.id FROM ledger.account a WHERE a.address = t.source AND a.asset = t.asset) AS source_id
                  FROM ledger.bulk_batch t) b
          JOIN ledger.journal j ON j.batch = b.id::text
         WHERE (j.kind, j.value_date, j.reason) IS DISTINCT FROM (b.kind, b.value_date, b.reason)
            OR EXISTS (SELECT FROM ledger.entry e
                        WHERE e.journal_id = j.id AND e.grant_key IS NOT NULL
                          AND b.source_id IS DISTINCT FROM
                              CASE WHEN e.amount > 0 THEN e.counter_account_id ELSE e.account_id END)
         ORDER BY j.id""",
}

# One more than is named, so that the report can say that there are more. Materialized: nearly always there is no row, and
# a planner that hopes to stop at the first ones takes ways that are slow to the end (a loop over all journals for each
# entry).
_FIRST_ROWS = "WITH found AS MATERIALIZED ({0}) SELECT * FROM found LIMIT " + str(MOST_PER_CHECK + 1)

_COUNTS: LiteralString = """
SELECT (SELECT count(*) FROM ledger.account), (SELECT count(*) FROM ledger.unsealed),
       (SELECT count(*) FROM ledger.entry e JOIN ledger.unsealed u ON u.journal_id = e.journal_id)
"""


def questions() -> dict[str, Callable[[psycopg.Connection[Any], Report], None]]:
    """Give a question per check, which adds each row that comes back as a difference, and last the counts."""
    checks = {check: partial(_ask, check, question) for check, question in (CHECKS | cross_checks.CHECKS).items()}
    return {**checks, "counts": _count}


def _ask(check: str, question: LiteralString, db: psycopg.Connection[Any], report: Report) -> None:
    for table, key, what in db.execute(_FIRST_ROWS.format(question)):
        report.add(check, table, key, what)


def _count(db: psycopg.Connection[Any], report: Report) -> None:
    report.accounts, report.unsealed, entries = db.execute(_COUNTS).fetchall()[0]
    report.journals += report.unsealed
    report.entries += entries
