"""Migrations: what they create, and scripts/migrate."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from alembic import command

from scripts.dev import embedded, migration
from tests.support import checkouts, postgres15, service
from tests.support.database import fetch, run


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A fresh copy of the project with its dependencies."""
    checkouts.copy(tmp_path)
    yield tmp_path
    shutil.rmtree(embedded.home(tmp_path), ignore_errors=True)


class TestMigrations:
    """On the newest and on the oldest supported PostgreSQL."""

    @pytest.fixture(params=[15, 18])
    def url(self, request: pytest.FixtureRequest, database_url: str) -> Iterator[str]:
        if request.param == 18:
            yield database_url
        else:
            with postgres15.running() as url:
                yield url

    def test_migrations_create_the_tables_and_can_be_reverted_and_repeated(self, url: str) -> None:
        run(url, "CREATE DATABASE migrated")
        migrated = urlsplit(url)._replace(path="/migrated").geturl()
        configuration = migration.configuration(migrated)
        for revision in ("head", "base", "head", "head"):
            change = command.downgrade if revision == "base" else command.upgrade
            change(configuration, revision)
        # Raises if the tables differ from handlers/tables.py.
        command.check(configuration)
        run(url, "DROP DATABASE migrated")

    def test_difference_between_tables_and_migrations_is_detected(self, database_url: str) -> None:
        run(database_url, "CREATE DATABASE different")
        different = urlsplit(database_url)._replace(path="/different").geturl()
        migration.upgrade(different)
        command.check(migration.configuration(different))
        run(different, "ALTER TABLE tasks ALTER title TYPE varchar(200)")
        with pytest.raises(Exception, match="New upgrade operations detected"):
            command.check(migration.configuration(different))
        run(database_url, "DROP DATABASE different")

    def test_concurrent_migrations_run_once(self, url: str) -> None:
        run(url, "CREATE DATABASE twice")
        twice = urlsplit(url)._replace(path="/twice").geturl()
        command = [sys.executable, str(service.ROOT / "scripts" / "migrate")]
        settings = service.clean_environment() | {"MIGRATION_DATABASE_URL": twice}
        both = [
            subprocess.Popen(
                command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            for _ in range(4)
        ]
        for process in both:
            output = process.communicate(timeout=60)[0].decode()
            assert process.returncode == 0, output
            assert "newest migration" in output
        assert fetch(twice, "SELECT count(*) FROM alembic_version")[0][0] == 1
        run(url, "DROP DATABASE twice")


class TestMigrate:
    def migrate(self, checkout: Path, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, checkout / "scripts" / "migrate"],
            env=service.clean_environment() | settings,
            capture_output=True,
            text=True,
            check=False,
        )

    def test_migrate_without_a_database_names_the_settings(self, checkout: Path) -> None:
        assert "Set MIGRATION_DATABASE_URL or DATABASE_URL" in self.migrate(checkout).stderr

    def test_migrate_prefers_migration_database_url_and_can_be_repeated(
        self, checkout: Path, database_url: str
    ) -> None:
        settings = {"DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}
        for _ in range(2):
            done = self.migrate(checkout, **settings, MIGRATION_DATABASE_URL=database_url)
            assert done.returncode == 0
            assert "newest migration" in done.stdout

    def test_migrate_with_an_unreachable_database_prints_the_reason(self, checkout: Path) -> None:
        address = "postgresql://x:hidden@127.0.0.1:1/x"
        failed = self.migrate(checkout, DATABASE_URL=address)
        assert failed.returncode == 1
        assert "The database cannot be reached" in failed.stderr
        assert "hidden" not in failed.stderr
        assert "Traceback" not in failed.stderr
