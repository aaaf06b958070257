"""HTTP: each route says who may, calls one action or query, and returns one schema."""

from burgerbudget.routes import enrolment, hours, notices, quarters

ROUTERS = [enrolment.router, hours.router, notices.router, quarters.router]
