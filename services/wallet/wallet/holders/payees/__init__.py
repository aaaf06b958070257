"""Payees: whom a scheme owes and who is no person with purses, such as a creditor of a loan or a provider."""
