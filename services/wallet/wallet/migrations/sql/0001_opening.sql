-- What stands in the books before the first posting.

INSERT INTO ledger.asset (code, kind, scale) VALUES
    ('EUR', 'money', 2), ('SECOND', 'time', 0), ('POINT', 'point', 0), ('LESSON', 'piece', 0), ('PIECE', 'piece', 0);

-- The ceiling of burgerbudget is the 1,000.00 of BB-1 and BB-4. Claimable is what a rule of its scheme says may be
-- claimed, and nothing else: the open advance of burgerbaan (BJ-4). Burgerbudget and vrij are never reclaimed (BB-8),
-- what was called in belkosten was used as intended, leefgeld is unconditional, and the credits of the Dordtpas and krediet
-- (a loan or a gift on its way to creditors) have no rule that claims. Belkosten counts euros: a call is priced when it is rated.
INSERT INTO ledger.purse (code, asset, scheme, floor, ceiling, claimable) VALUES
    ('burgerbudget', 'EUR', 'burgerbudget', 0, 100000, false),
    ('vrij', 'EUR', 'burgerbudget', 0, NULL, false),
    ('burgerbaan', 'EUR', 'burgerbudget', 0, NULL, true),
    ('belkosten', 'EUR', 'belkosten', 0, NULL, false),
    ('leefgeld', 'EUR', 'cash-pilots', 0, NULL, false),
    ('zwemlessen', 'LESSON', 'dordtpas', 0, NULL, false),
    ('fiets', 'PIECE', 'dordtpas', 0, NULL, false),
    ('menstruatieproducten', 'PIECE', 'dordtpas', 0, NULL, false),
    ('punten', 'POINT', 'dordtpas', 0, NULL, false),
    ('meedoen', 'EUR', 'dordtpas', 0, NULL, false),
    ('krediet', 'EUR', 'sociaal-krediet', 0, NULL, false);

-- The bank account as the wallet sees it: money that comes in is taken from here, so it may go below 0. What is on
-- its way out can never be more than was sent.
SELECT ledger.open_account('bank:current', 'EUR', 'bank', NULL, NULL, 20);
SELECT ledger.open_account('bank:outgoing', 'EUR', 'bank', 0, NULL, 20);
