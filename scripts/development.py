"""What only development has: a secret made on this machine, and tokens signed with it."""

import os
import secrets
import time

from dotenv import load_dotenv, set_key
from jose import jwt

from environment import ROOT

ENV_FILE = ROOT / ".env"
NAME = "BETTER_AUTH_SECRET"


def secret() -> str:
    """Tell the shared secret; if none is set, make one and keep it in .env."""
    load_dotenv(ENV_FILE)
    if not os.environ.get(NAME):
        os.environ[NAME] = secrets.token_urlsafe(32)
        set_key(ENV_FILE, NAME, os.environ[NAME], quote_mode="never")
    return os.environ[NAME]


def token(user: str, *, hours: float = 24) -> str:
    """Sign a token for this user."""
    now = int(time.time())
    claims = {"sub": user, "iat": now, "exp": now + int(hours * 3600)}
    return jwt.encode(claims, secret(), algorithm="HS256")
