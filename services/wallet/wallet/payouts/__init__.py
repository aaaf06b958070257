"""Payouts: money from purses to bank accounts in batches that two people answer for, and back again."""
