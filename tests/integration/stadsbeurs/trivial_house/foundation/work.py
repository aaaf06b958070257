"""`python -m foundation.work <factory> --queues a,b --port N`: starts a process of its own, as a worker does."""

import subprocess
import sys

from foundation import serve


def main() -> None:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "child-of-worker", *sys.argv[1:]])
    serve.main()


if __name__ == "__main__":
    main()
