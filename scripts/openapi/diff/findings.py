"""The findings of a comparison, and the sentences that describe findings."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from scripts.openapi.diff.uses import Use


class Verdict(StrEnum):
    BREAKING = "breaking"
    COMPATIBLE = "compatible"
    WORDING = "wording"


@dataclass(frozen=True)
class Finding:
    verdict: Verdict
    # The change, and the effect on clients, in full sentences.
    what: str
    impact: str = ""
    # The pointer in the new contract, or for a removed part in the old contract.
    pointer: str = ""
    # The text before and after, for a change of wording.
    before: str = ""
    after: str = ""


def listing(items: Iterable[str], last: str = "and") -> str:
    """Join distinct items to an enumeration: `a, b and c`."""
    *most, final = dict.fromkeys(items) or ("nothing",)
    return f"{', '.join(most)} {last} {final}" if most else final


def operations(uses: Iterable[Use]) -> str:
    return listing(f"`{use.operation}`" for use in uses)


def subjects(uses: Iterable[Use]) -> str:
    return listing(use.subject for use in uses)


def callers(uses: Iterable[Use], fault: str) -> str:
    """Name the callers whose requests break."""
    return f"Breaks callers of {operations(uses)} that {fault}."


def readers(uses: list[Use], fault: str) -> str:
    """Name the readers of responses that break."""
    return f"Breaks readers of {subjects(uses)} (answers of {operations(uses)}) that {fault}."


def in_requests(uses: Iterable[Use]) -> list[Use]:
    return [use for use in uses if use.direction == "request"]


def in_responses(uses: Iterable[Use]) -> list[Use]:
    return [use for use in uses if use.direction == "response"]
