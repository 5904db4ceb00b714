"""What a benchmark says while it runs, apart from its result."""

import sys
import time

_BEGAN = time.monotonic()


def say(what: str) -> None:
    print(f"[{time.monotonic() - _BEGAN:5.0f} s] {what} ...", file=sys.stderr, flush=True)
