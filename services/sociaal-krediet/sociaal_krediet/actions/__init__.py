"""What is done in sociaal krediet: each function is called inside one transaction."""
