"""Pages for everyone: the start page, signing in and out, and what is said when something goes wrong."""
