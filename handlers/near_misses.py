"""Names of variables that look like misspelt names of settings."""

import difflib
from collections.abc import Iterable, Iterator

# How similar two names must be, of 1, for one to count as a misspelling of the other.
MIN_SIMILARITY = 0.85
# Shorter names are similar to too many others.
MIN_LENGTH = 8
# Common beside DATABASE_URL, and read by others.
FOREIGN = {"DATABASE_USER"}


def find(names: Iterable[str], settings: set[str]) -> Iterator[str]:
    """Return a line for each of these names that is similar to a setting, and is none itself."""
    for name in sorted(names):
        known = settings | (_telemetry_names() if name.startswith("OTEL_") else set())
        if name in known | FOREIGN:
            continue
        long = [each for each in known if len(each) >= MIN_LENGTH]
        if similar := difflib.get_close_matches(name, long, n=1, cutoff=MIN_SIMILARITY):
            yield f"{name} is not a setting: did you mean {similar[0]}?"


def _telemetry_names() -> set[str]:
    # Imported only where telemetry is configured: it takes time.
    from opentelemetry.sdk import environment_variables

    return {name for name in dir(environment_variables) if name.startswith("OTEL_")}
