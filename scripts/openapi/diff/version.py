"""Whether info.version was raised as far as the changes ask for."""

import re
from enum import StrEnum

from scripts.openapi.contract import ContractError
from scripts.openapi.diff.findings import Finding, Verdict
from scripts.openapi.pointers import Node

VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class Step(StrEnum):
    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


STEPS = {
    Verdict.BREAKING: Step.MAJOR,
    Verdict.COMPATIBLE: Step.MINOR,
    Verdict.WORDING: Step.PATCH,
}


def of(contract: Node) -> str:
    version = str(contract["info"]["version"])
    if not VERSION.fullmatch(version):
        raise ContractError(f"info.version must be three numbers such as 1.4.0, not {version!r}.")
    return version


def after(version: str, step: Step) -> str:
    major, minor, patch = numbers(version)
    return {
        Step.MAJOR: f"{major + 1}.0.0",
        Step.MINOR: f"{major}.{minor + 1}.0",
        Step.PATCH: f"{major}.{minor}.{patch + 1}",
    }[step]


def numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def mistake(base: str, revision: str, found: list[Finding]) -> str:
    """Say how the version must change, and why; nothing if it is right."""
    if not found:
        return ""
    # The worst comes first.
    worst = found[0].verdict
    wanted = after(base, STEPS[worst])
    now = f"stayed {base}" if revision == base else f"went from {base} to {revision}"
    if worst == Verdict.BREAKING and numbers(revision)[0] <= numbers(base)[0]:
        return (
            f"Clients break, and info.version {now}: "
            f"set it to {wanted} in openapi/openapi.yaml, or take back what breaks them."
        )
    if numbers(revision) <= numbers(base):
        return (
            f"The contract changed, and info.version {now}: "
            f"set it to {wanted} in openapi/openapi.yaml."
        )
    return ""
