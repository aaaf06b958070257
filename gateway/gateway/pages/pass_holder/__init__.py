"""The pages of a pass holder, made for a telephone first."""
