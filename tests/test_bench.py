"""The benchmark: its services give the same answers, and its report is complete."""

import json
import subprocess

from tests.bench import report, workload
from tests.bench.comparison import label
from tests.bench.processes import CONTENDERS
from tests.support.service import ROOT


def bench(*options: str) -> str:
    found = subprocess.run(
        [ROOT / "scripts" / "bench", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


class TestComparison:
    def test_short_run_reports_all_figures(self) -> None:
        """The benchmark compares all answers first, and fails for a wrong answer."""
        found = json.loads(bench("--json", "--rounds=1", "--seconds=0.05"))
        names = [label(contender) for contender in CONTENDERS]
        assert list(found["rounds"]) == names
        assert list(found["ratios"]) == list(found["ratios of sums"]) == names[1:]
        for operations in found["rounds"].values():
            assert list(operations) == list(workload.OPERATIONS)
            for (once,) in operations.values():
                assert once["requests"] > 0
                assert 0 < once["p50"] <= once["p99"] <= once["longest"]
        versions = found["settings"]["versions"]
        assert versions.keys() >= {"fastapi", "litestar", "asyncpg", "fastify", "pg"}
        table = report.text(found)
        assert "against tutorial, decoded" in table
        assert "goal ≤ 0.18" in table
        assert "service + PostgreSQL µs" in table
        assert table.endswith("goal ≤ 1.0")
