"""Sociaal krediet: the interest-free loan, from application to the last cent (SK-1 to SK-12)."""
