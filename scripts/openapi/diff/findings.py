"""What a comparison finds, and how it is said."""

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
    # What changed, and whom it concerns and how: each in full sentences.
    what: str
    whom: str = ""
    # Where it is in the new contract, or was in the old one.
    pointer: str = ""
    # The lines of a text before and after, where the text is what changed.
    before: str = ""
    after: str = ""


def listing(items: Iterable[str], last: str = "and") -> str:
    """List things as a sentence does, each once."""
    *most, final = dict.fromkeys(items) or ("nothing",)
    return f"{', '.join(most)} {last} {final}" if most else final


def operations(uses: Iterable[Use]) -> str:
    return listing(f"`{use.operation}`" for use in uses)


def subjects(uses: Iterable[Use]) -> str:
    return listing(use.subject for use in uses)


def callers(uses: Iterable[Use], fault: str) -> str:
    """Say who is broken for what they send."""
    return f"Breaks callers of {operations(uses)} that {fault}."


def readers(uses: list[Use], fault: str) -> str:
    """Say who is broken for what they expect in an answer."""
    return f"Breaks readers of {subjects(uses)} (answers of {operations(uses)}) that {fault}."


def asking(uses: Iterable[Use]) -> list[Use]:
    return [use for use in uses if use.direction == "request"]


def answering(uses: Iterable[Use]) -> list[Use]:
    return [use for use in uses if use.direction == "response"]
