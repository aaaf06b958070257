"""The wallet: every balance in one double-entry ledger, the only place that has balances."""
