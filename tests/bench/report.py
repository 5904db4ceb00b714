"""The comparison as a person reads it."""

import json
import statistics
from typing import Any

from tests.bench.workload import OPERATIONS

COLUMNS = {
    "per_second": "requests/s",
    "p50": "p50 ms",
    "p99": "p99 ms",
    "service": "service µs",
    "database": "PostgreSQL µs",
}
SUM = ("service", "database")
TITLES = {"list": "list of 100", "get": "get", "create": "create", "toggle": "toggle"}
WIDTH = 26


def text(found: dict[str, Any]) -> str:
    """Write the tables: what was measured, then our share of what the others need."""
    blocks = [settings(found["settings"])]
    blocks += [operation(name, found["rounds"]) for name in OPERATIONS]
    blocks.append(ratios(found["ratios"]))
    blocks.append(sums("list", found["rounds"], found["ratios of sums"]))
    return "\n\n".join(blocks)


def settings(found: dict[str, Any]) -> str:
    lines = [f"{name}: {_plain(value)}" for name, value in found.items()]
    lines.append("CPU is for one request, from /proc; median of all rounds (lowest to highest).")
    return "\n".join(lines)


def operation(name: str, measured: dict[str, Any]) -> str:
    lines = [_row(TITLES[name], COLUMNS.values())]
    for service, operations in measured.items():
        rounds = operations[name]
        cells = [_spread([each[column] for each in rounds], column) for column in COLUMNS]
        lines.append(_row(service, cells))
    return "\n".join(lines)


def ratios(found: dict[str, Any]) -> str:
    lines = [_row("this service's CPU", [TITLES[name] for name in OPERATIONS])]
    for service, operations in found.items():
        lines.append(_row(f"against {service}", [_ratio(operations[name]) for name in OPERATIONS]))
        if any(operations[name]["goal"] for name in OPERATIONS):
            lines.append(_row("", [_goal(operations[name]) for name in OPERATIONS]))
    lines.append("~ the ranges overlap, so that there is no difference to speak of.")
    return "\n".join(lines)


def sums(name: str, measured: dict[str, Any], found: dict[str, Any]) -> str:
    """Count PostgreSQL, too: a service that leaves its work to the database saves nothing."""
    lines = [_row(TITLES[name], ["service + PostgreSQL µs", "this service against it"])]
    for service, operations in measured.items():
        spent = [sum(each[column] for column in SUM) for each in operations[name]]
        ratio = found[service][name] if service in found else None
        lines.append(_row(service, [_spread(spent, "sum"), _ratio(ratio) if ratio else ""]))
        if ratio and ratio["goal"]:
            lines.append(_row("", ["", _goal(ratio)]))
    return "\n".join(lines)


def _goal(found: dict[str, Any]) -> str:
    return f"goal ≤ {found['goal']}" if found["goal"] else ""


def _ratio(found: dict[str, Any]) -> str:
    mark = "" if found["is_real"] else " ~"
    return f"{found['median']:.2f} ({found['lowest']:.2f}-{found['highest']:.2f}){mark}"


def _spread(values: list[float], column: str) -> str:
    digits = 2 if column in ("p50", "p99") else 0
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def _row(first: str, cells: Any) -> str:
    return f"{first:28}" + "".join(f"{cell:>{WIDTH}}" for cell in cells)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return value if isinstance(value, str) else json.dumps(value)
