"""The verifier's figures: chains, balances, holds and keys, as questions to which the right answer is no row.

Each is one set-based statement that shares nothing with the posting functions. They run on the verifier's snapshot.
That all balances of an asset together are 0 follows: every journal adds up to 0, every balance to its entries.
"""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg

from wallet.audit.differences import MOST_PER_CHECK, Report

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
    "account": """
        SELECT CASE WHEN a.id IS NULL THEN 'balance' ELSE 'account' END, format('id=%s', coalesce(a.id, b.account_id)),
               CASE WHEN a.id IS NULL THEN 'it belongs to no account' ELSE 'it has no balance' END
          FROM ledger.account a FULL JOIN ledger.balance b ON b.account_id = a.id
         WHERE a.id IS NULL OR b.account_id IS NULL
         ORDER BY coalesce(a.id, b.account_id)""",
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
        SELECT 'entry', format('account_id=%s, version=%s', e.account_id, e.version),
               format('its journal %s is not there', e.journal_id)
          FROM ledger.entry e
         WHERE NOT EXISTS (SELECT FROM ledger.journal j WHERE j.id = e.journal_id)
         ORDER BY e.account_id, e.version""",
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
}

_COUNTS: LiteralString = """
SELECT (SELECT count(*) FROM ledger.account), (SELECT count(*) FROM ledger.unsealed),
       (SELECT count(*) FROM ledger.entry e JOIN ledger.unsealed u ON u.journal_id = e.journal_id)
"""


def verify_figures(db: psycopg.Connection[Any], report: Report) -> None:
    """Ask every question and add each row that comes back as a difference."""
    for check, question in CHECKS.items():
        # One more than is named, so that the report can say that there are more.
        for table, key, what in db.execute(question + f" LIMIT {MOST_PER_CHECK + 1}"):
            report.add(check, table, key, what)
    counted = db.execute(_COUNTS).fetchall()[0]
    report.accounts, report.unsealed = counted[0], counted[1]
    report.journals += counted[1]
    report.entries += counted[2]
