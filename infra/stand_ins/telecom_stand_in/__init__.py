"""A stand-in for a telephone provider: it asks before a call, tells of it afterwards, and sends a monthly bill.

For the local house and the tests only; production refuses it. It knows `foundation` and nothing else of the house.
"""
