"""Reading and writing rows of belkosten, per subject."""
