"""What the gateway counts besides its requests."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

FORWARDED = Histogram(
    "stadsbeurs_gateway_forwarded_seconds",
    "Time until a service began to answer.",
    ["service", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
)
OUTAGES = Counter("stadsbeurs_gateway_outages_total", "Requests that a service did not answer.", ["service", "kind"])
CALLERS_REFUSED = Counter(
    "stadsbeurs_gateway_callers_refused_total", "Tokens from outside that were refused.", ["code"]
)
SIGN_INS = Counter("stadsbeurs_gateway_sign_ins_total", "Sign-ins on the pages.", ["way"])
