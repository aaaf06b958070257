"""A stand-in for Stripe: the part of its API by which repayments are collected, with state, events and webhooks.

For the local house and the tests only; production refuses it. It knows `foundation` and nothing else of the house.
"""
