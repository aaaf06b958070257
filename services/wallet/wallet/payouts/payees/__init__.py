"""Payees with what they are owed and were paid: what who registered them, pays them and checks them look at."""
