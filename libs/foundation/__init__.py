"""What every service stands on; knows no scheme and no ledger."""
