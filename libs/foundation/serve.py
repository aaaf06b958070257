"""`python -m foundation.serve wallet.app:api --port 8101`: run one API."""

from __future__ import annotations

import argparse
import importlib

import uvicorn

from foundation.processes import collect_garbage_rarely, die_with_parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Run one API of the house.")
    parser.add_argument("factory", help="module:function that makes the API, such as wallet.app:api")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    die_with_parent()
    module, _, function = arguments.factory.partition(":")
    api = getattr(importlib.import_module(module), function)()
    collect_garbage_rarely()
    uvicorn.run(
        api,
        host=arguments.host,
        port=arguments.port,
        # Whoever asks is known by a signed token; no header of a proxy is believed.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=10,
        lifespan="on",
    )


if __name__ == "__main__":
    main()
