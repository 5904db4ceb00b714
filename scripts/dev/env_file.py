"""The file .env, which holds settings for every script; the environment wins over it."""

import os

from dotenv import dotenv_values, set_key

from scripts.dev.environment import ROOT

FILE = ROOT / ".env"


def load() -> None:
    """Set the variables of the file that are not set; an empty one counts as not set."""
    for name, value in dotenv_values(FILE).items():
        if value and not os.environ.get(name):
            os.environ[name] = value


def keep(name: str, value: str) -> None:
    """Write a setting to the file, which only its owner may read."""
    set_key(FILE, name, value, quote_mode="never")
