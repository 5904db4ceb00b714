"""Detection of environment variables that look like misspelt settings."""

import difflib
from collections.abc import Iterable, Iterator

# The ratio of difflib, from 0 to 1, from which a name counts as a misspelling.
MIN_SIMILARITY = 0.85
# Shorter names are similar to too many variables.
MIN_LENGTH = 8
# Common beside DATABASE_URL, and read by other programs.
IGNORED = {"DATABASE_USER"}


def find(names: Iterable[str], settings: set[str]) -> Iterator[str]:
    """Yield a warning for each name that is not a setting, but similar to a setting."""
    candidates = [setting for setting in settings if len(setting) >= MIN_LENGTH]
    for name in sorted(set(names) - settings - IGNORED):
        similar = difflib.get_close_matches(name, candidates, n=1, cutoff=MIN_SIMILARITY)
        if similar and not (name.startswith("OTEL_") and name in _telemetry_names()):
            yield f"{name} is not a setting: did you mean {similar[0]}?"


def _telemetry_names() -> set[str]:
    # The import is slow, and needed only for a name that is similar to a setting.
    from opentelemetry.sdk import environment_variables

    return {name for name in dir(environment_variables) if name.startswith("OTEL_")}
