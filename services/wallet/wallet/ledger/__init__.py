"""The ledger: accounts, balances, postings and holds. It knows nothing of persons, payouts or seals."""
