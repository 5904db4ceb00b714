"""A fault that scripts/mutate plants."""

from dataclasses import dataclass

CONTRACT = "openapi/openapi.yaml"


@dataclass(frozen=True)
class Fault:
    """Replaces the first occurrence of the old text in a file by the new text."""

    name: str
    file: str
    old: str
    new: str
    # Whether the code is generated again from the changed contract.
    generates: bool = False


def contract(name: str, old: str, new: str) -> Fault:
    """Return a change of the contract that the handlers do not follow."""
    return Fault(f"contract: {name}", CONTRACT, old, new, generates=True)
