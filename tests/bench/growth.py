"""How costs grow: with everybody's tasks in the table, and with the tasks in one person's list.

Of each operation: how long a request takes, and of its statement how long PostgreSQL executes it,
how many pages it reads and how many rows it writes. The last two know no noise.
"""

import asyncio
import http.client
import json
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import asyncpg

from handlers import statements
from handlers.postgres.statement import Statement
from tests.bench import ground, processes, workload
from tests.bench.processes import OURS, Failure
from tests.bench.progress import say
from tests.bench.workload import Crowd

FEW = 10
TABLE = (100, 10_000, 1_000_000)
HUGE = 10_000_000
LISTS = (10, 1000, 10_000)
# Whose list grows has this many neighbours.
NEIGHBOURS = 1000

REQUESTS = 60
REORDERS = 5
EXECUTIONS = 15

# Of a list of any length the first page is read, so that it is not the answer that grows.
STATEMENTS = {
    "list": statements.LIST,
    "get": statements.GET,
    "create": statements.APPEND,
    "insert": statements.INSERT,
    "update": statements.UPDATE,
    "move": statements.MOVE,
    "toggle": statements.TOGGLE,
    "delete": statements.DELETE,
    "reorder": statements.REORDER,
}
PAGE = 10
WRITES = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::int FROM pg_stat_xact_user_tables"


@dataclass(frozen=True)
class Cost:
    """Of one operation at one size; times are medians."""

    milliseconds: float
    execution: float
    pages: int
    rows_written: int


def grow(*, is_huge: bool) -> dict[str, Any]:
    """Measure every operation at every size, and the slope of counting."""
    sizes = (*TABLE, HUGE) if is_huge else TABLE
    with ground.prepared() as database:
        environment = processes.settings(database.url)
        with processes.running(OURS, environment) as service:
            service.wait()
            table, own = {}, {}
            for size in sizes:
                say(f"{size:,} tasks in the table")
                crowd = Crowd(size // FEW, FEW)
                database.fill(crowd)
                table[size] = _costs(database, service.port, crowd, FEW)
            for size in LISTS:
                say(f"{size:,} tasks in one list")
                crowd = Crowd(NEIGHBOURS, FEW)
                database.fill(crowd)
                database.lengthen(crowd, size)
                own[size] = _costs(database, service.port, crowd, size)
    return {"table": table, "list": own, "slopes": _slopes(own)}


def _slopes(own: dict[int, dict[str, dict[str, float]]]) -> dict[str, float]:
    """Tell by how many microseconds PostgreSQL's work grows for a thousand tasks more."""
    small, large = min(own), max(own)
    return {
        name: 1e6 * (own[large][name]["execution"] - cost["execution"]) / (large - small)
        for name, cost in own[small].items()
    }


def _costs(
    database: ground.Ground, port: int, crowd: Crowd, length: int
) -> dict[str, dict[str, float]]:
    """Measure with people chosen by chance, or with the first when it is their list that is long."""
    people = 1 if length != FEW else crowd.people
    took = _Client(port, crowd, people, length).times()
    found = asyncio.run(_executions(database.url, crowd, length))
    return {name: asdict(Cost(took[name], *found[name])) for name in STATEMENTS}


class _Client:
    """Sends one request after another, and takes back what it adds."""

    def __init__(self, port: int, crowd: Crowd, people: int, length: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._crowd, self._people, self._length = crowd, people, length
        self._chosen = random.Random(0)
        self._times: dict[str, list[float]] = {name: [] for name in STATEMENTS}

    def times(self) -> dict[str, float]:
        """Tell each operation's median, in milliseconds."""
        for _ in range(REQUESTS):
            self._turn()
        for _ in range(REORDERS):
            self._reorder()
        self._connection.close()
        return {name: 1000 * statistics.median(times) for name, times in self._times.items()}

    def _turn(self) -> None:
        person = self._chosen.randrange(self._people)
        task = self._crowd.first_task(person) + self._chosen.randrange(self._crowd.tasks)
        place = self._chosen.randrange(self._length)
        self._send("list", person, "GET", f"?limit={PAGE}")
        self._send("get", person, "GET", f"/{task}")
        self._send("update", person, "PUT", f"/{task}", {"title": "Buy bread"})
        self._send("move", person, "PUT", f"/{task}", {"position": place})
        self._send("toggle", person, "PATCH", f"/{task}/complete")
        for name, members in {"create": {}, "insert": {"position": place}}.items():
            created = self._send(name, person, "POST", "", {"title": "Buy milk", **members})
            self._send("delete", person, "DELETE", f"/{created['id']}")

    def _reorder(self) -> None:
        person, ids = 0, list[int]()
        for offset in range(0, self._length, 1000):
            page = self._send("", person, "GET", f"?limit=1000&offset={offset}")
            ids += [task["id"] for task in page["data"]]
        self._send("reorder", person, "PUT", "/order", {"task_ids": ids[::-1]})

    def _send(self, name: str, person: int, method: str, path: str, body: Any = None) -> Any:
        user = self._crowd.name(person)
        headers = {"Authorization": f"Bearer {workload.token(user)}"}
        content = None if body is None else json.dumps(body)
        if content:
            headers["Content-Type"] = "application/json"
        began = time.perf_counter()
        self._connection.request(method, f"/api/{user}/tasks{path}", content, headers)
        response = self._connection.getresponse()
        found = response.read()
        if name:
            self._times[name].append(time.perf_counter() - began)
        if not 200 <= response.status < 300:
            raise Failure(f"{method} {path} was answered with {response.status}: {found!r}")
        return json.loads(found) if found else None


async def _executions(url: str, crowd: Crowd, length: int) -> dict[str, tuple[float, int, int]]:
    connection = await asyncpg.connect(url)
    values = _values(crowd, length, await _ids(connection, crowd))
    found = {}
    for name, statement in STATEMENTS.items():
        found[name] = await _execution(connection, statement, values)
    await connection.close()
    return found


async def _ids(connection: "asyncpg.Connection[asyncpg.Record]", crowd: Crowd) -> list[int]:
    sql = "SELECT id FROM tasks WHERE user_id = $1 ORDER BY sort_key, id"
    return [row["id"] for row in await connection.fetch(sql, crowd.name(0))]


def _values(crowd: Crowd, length: int, ids: list[int]) -> dict[str, Any]:
    """Ask for what costs most: the task at the end of the list, the place in its middle."""
    return {
        "user_id": crowd.name(0),
        "task_id": ids[-1],
        "task_ids": ids[::-1],
        "title": "Buy bread",
        "description": None,
        "sets_description": False,
        "completed": True,
        "position": length // 2,
        "limit": PAGE,
        "offset": 0,
    }


async def _execution(
    connection: "asyncpg.Connection[asyncpg.Record]", statement: Statement, values: dict[str, Any]
) -> tuple[float, int, int]:
    """Explain a statement and run it, each time taken back."""
    explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement.sql}"
    arguments, plans = statement.arguments(values), []
    # As autovacuum would: counting an index takes long where it has to look at each row.
    await connection.execute("VACUUM tasks, task_lists")
    for _ in range(EXECUTIONS):
        before = await connection.fetchval(WRITES)
        transaction = connection.transaction()
        await transaction.start()
        plans.append(json.loads(await connection.fetchval(explain, *arguments))[0])
        written = await connection.fetchval(WRITES) - before
        await transaction.rollback()
    pages = plans[-1]["Plan"]["Shared Hit Blocks"] + plans[-1]["Plan"]["Shared Read Blocks"]
    return statistics.median(plan["Execution Time"] for plan in plans), pages, written


def text(found: dict[str, Any]) -> str:
    """Write two tables and the slopes."""
    return "\n\n".join(
        (
            "\n".join(_table("with everybody's tasks", found["table"])),
            "\n".join(_table("with one person's tasks", found["list"])),
            "\n".join(_told(found["slopes"])),
        )
    )


def _table(title: str, sizes: dict[int, dict[str, dict[str, float]]]) -> Iterator[str]:
    yield f"{title:26}" + "".join(f"{size:>34,}" for size in sizes)
    yield f"{'':26}" + f"{'request ms, SQL ms, pages, writes':>34}" * len(sizes)
    for name in STATEMENTS:
        yield f"{name:26}" + "".join(f"{_cell(costs[name]):>34}" for costs in sizes.values())


def _cell(cost: dict[str, float]) -> str:
    return "{milliseconds:8.2f} {execution:8.3f} {pages:6} {rows_written:6}".format(**cost)


def _told(slopes: dict[str, float]) -> Iterator[str]:
    yield "What a thousand tasks more in a list cost PostgreSQL:"
    for name, slope in slopes.items():
        yield f"{name:26}{slope:8.1f} µs"


def plot(found: dict[str, Any], path: Path) -> None:
    """Draw how long requests take at each size."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, places = plt.subplots(1, 2, figsize=(12, 5), sharey=True)
    titles = {"table": "tasks in the table", "list": "tasks in the person's list"}
    for place, (key, title) in zip(places, titles.items(), strict=True):
        for name in STATEMENTS:
            costs = found[key]
            place.plot(
                list(costs),
                [cost[name]["milliseconds"] for cost in costs.values()],
                "o-",
                label=name,
            )
        place.set(xscale="log", yscale="log", xlabel=title)
        place.grid(alpha=0.3)
    places[0].set_ylabel("one request, ms (median)")
    places[1].legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
