"""What the burgerbudget does: each function is one transaction or part of one."""
