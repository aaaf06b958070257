"""Burgerbudget: confirmed volunteer hours become money of one's own, by the rules BB-1 to BB-11."""
