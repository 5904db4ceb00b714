"""The file .env, with settings of the commands; environment variables take precedence."""

import os

from dotenv import dotenv_values, set_key

from scripts.dev.environment import ROOT

FILE = ROOT / ".env"


def load() -> None:
    """Set the variables of the file that are not set or empty in the environment."""
    for name, value in dotenv_values(FILE).items():
        if value and not os.environ.get(name):
            os.environ[name] = value


def write(name: str, value: str) -> None:
    """Write a setting to the file, readable for the owner alone."""
    set_key(FILE, name, value, quote_mode="never")
