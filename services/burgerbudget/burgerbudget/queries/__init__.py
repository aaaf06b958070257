"""Every statement of the burgerbudget, by subject."""
