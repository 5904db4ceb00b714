"""What only development has: a secret made on this machine, and tokens signed with it."""

import os
import secrets
import sys
import time

from jose import jwt

from scripts.dev import env_file

NAME = "BETTER_AUTH_SECRET"


def secret() -> str:
    """Return the shared secret; if none is set, make one and keep it in .env."""
    env_file.load()
    if not os.environ.get(NAME):
        os.environ[NAME] = secrets.token_urlsafe(32)
        try:
            env_file.keep(NAME, os.environ[NAME])
        except OSError as error:
            sys.exit(f"Set {NAME}: the one just made cannot be kept in .env ({error}).")
    return os.environ[NAME]


def token(user: str, *, hours: float = 24) -> str:
    """Sign a token for this user."""
    now = int(time.time())
    claims = {"sub": user, "iat": now, "exp": now + int(hours * 3600)}
    return jwt.encode(claims, secret(), algorithm="HS256")
