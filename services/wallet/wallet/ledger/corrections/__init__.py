"""Corrections: taking a posted transfer back, whole or in parts, by a journal that names it."""
