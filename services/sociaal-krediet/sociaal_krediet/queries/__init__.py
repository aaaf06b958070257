"""Reading and writing rows of sociaal krediet, per subject."""
