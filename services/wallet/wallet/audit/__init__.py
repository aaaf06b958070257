"""Proof that the books are whole: seals, the verifier, the trial balance."""
