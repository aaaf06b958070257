"""HTTP: each route says who may, calls one action or query, and returns one schema."""

from sociaal_krediet.routes import applications, changes, collecting, loans, notices, reports, tasks

ROUTERS = [
    applications.router,
    loans.router,
    changes.router,
    collecting.router,
    notices.router,
    reports.router,
    tasks.router,
]
