"""Loans: an account per loan, on which stands what its borrower still owes."""
