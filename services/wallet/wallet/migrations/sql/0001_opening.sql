-- What stands in the books before the first posting.

INSERT INTO ledger.asset (code, kind, scale) VALUES
    ('EUR', 'money', 2), ('SECOND', 'time', 0), ('POINT', 'point', 0), ('LESSON', 'piece', 0), ('PIECE', 'piece', 0);

-- The ceiling of burgerbudget is the 1,000.00 of BB-1 and BB-4.
INSERT INTO ledger.purse (code, asset, scheme, floor, ceiling) VALUES
    ('burgerbudget', 'EUR', 'burgerbudget', 0, 100000),
    ('vrij', 'EUR', 'burgerbudget', 0, NULL),
    ('burgerbaan', 'EUR', 'burgerbudget', 0, NULL),
    ('belkosten', 'EUR', 'belkosten', 0, NULL),
    ('leefgeld', 'EUR', 'cash-pilots', 0, NULL);

-- The bank account as the wallet sees it: money that comes in is taken from here, so it may go below 0. What is on
-- its way out can never be more than was sent.
SELECT ledger.open_account('bank:current', 'EUR', 'bank', NULL, NULL, 20);
SELECT ledger.open_account('bank:outgoing', 'EUR', 'bank', 0, NULL, 20);
