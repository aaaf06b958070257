"""Receipts of transfer batches: what was approved, what was posted, which blocks seal it, signed."""
