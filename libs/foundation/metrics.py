"""What every process counts; each shows its own at /metrics, which the gateway never forwards."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Histogram(
    "stadsbeurs_request_seconds",
    "Time to answer a request.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
OUTBOX_DELIVERED = Counter("stadsbeurs_outbox_delivered_total", "Outbox rows delivered.", ["kind"])
OUTBOX_FAILED = Counter("stadsbeurs_outbox_parkings_total", "How often an outbox row was parked.", ["kind"])
OUTBOX_AGE = Gauge("stadsbeurs_outbox_age_seconds", "Age of the oldest outbox row that waits.")
OUTBOX_PARKED = Gauge("stadsbeurs_outbox_parked", "Outbox rows parked now.")
TASKS = Histogram(
    "stadsbeurs_task_seconds",
    "Time that a task took.",
    ["task", "outcome"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60),
)
