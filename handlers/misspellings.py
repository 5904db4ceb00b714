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
    long = [each for each in settings if len(each) >= MIN_LENGTH]
    for name in sorted(set(names) - settings - FOREIGN):
        similar = difflib.get_close_matches(name, long, n=1, cutoff=MIN_SIMILARITY)
        if similar and not (name.startswith("OTEL_") and name in _telemetry_names()):
            yield f"{name} is not a setting: did you mean {similar[0]}?"


def _telemetry_names() -> set[str]:
    # Imported only for a name that is similar to a setting: it takes time.
    from opentelemetry.sdk import environment_variables

    return {name for name in dir(environment_variables) if name.startswith("OTEL_")}
