"""What processes have used, in the operating system's own books (Linux's /proc)."""

import os
from contextlib import suppress
from pathlib import Path

TICK = 1_000_000 / os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def cpu(root: int) -> float:
    """Add up the CPU microseconds of a process, its descendants, and those of them that ended."""
    return sum(map(_own, tree(root))) * TICK


def memory(pid: int) -> dict[str, float]:
    """Tell a process's memory in MiB: now, and at its largest."""
    lines = (PROC / str(pid) / "status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return {name: int(found[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")}


def is_worker(pid: int) -> bool:
    """Tell whether this is a process that uvicorn made to serve, not to watch over others."""
    return b"spawn_main" in (PROC / str(pid) / "cmdline").read_bytes()


def tree(root: int) -> list[int]:
    """List a process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def pin(root: int, cores: set[int]) -> None:
    """Keep a process, its descendants and all their threads on these cores."""
    for pid in tree(root):
        # It may just have ended.
        with suppress(FileNotFoundError, ProcessLookupError):
            for thread in (PROC / str(pid) / "task").iterdir():
                os.sched_setaffinity(int(thread.name), cores)


def _own(pid: int) -> int:
    # utime, stime, cutime, cstime: the last two are of children that have ended.
    return sum(map(int, _fields(pid)[11:15]))


def _fields(pid: int) -> list[str]:
    """Read what follows a process's name in its stat, from its state on; nothing if it is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()
