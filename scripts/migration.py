"""Migrating a database, for scripts/migrate, scripts/serve and the tests."""

from alembic import command
from alembic.config import Config

from environment import ROOT


def upgrade(url: str) -> None:
    """Bring the database at this address to the newest migration."""
    command.upgrade(configuration(url), "head")


def configuration(url: str) -> Config:
    config = Config(toml_file=ROOT / "pyproject.toml")
    config.attributes["database_url"] = url
    return config
