"""`python -m foundation.serve <factory> --port N`: answers 200 on every path, with the settings it was given."""

import argparse
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        settings = {name: value for name, value in os.environ.items() if name.startswith("STADSBEURS_")}
        body = json.dumps({"pid": os.getpid(), "settings": settings}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("factory")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--queues")
    parser.add_argument("--beat", action="store_true")
    ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Page).serve_forever()


if __name__ == "__main__":
    main()
