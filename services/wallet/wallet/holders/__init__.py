"""Persons who have purses: who they are, and the vault that keeps their BSN and IBAN."""
