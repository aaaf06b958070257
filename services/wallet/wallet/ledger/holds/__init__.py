"""Holds: amounts set apart on an account, what became of them, and who set them apart."""
