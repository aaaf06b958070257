"""What goes in and out of sociaal krediet over HTTP."""
