"""Times as the contract writes them: in UTC, with six fractional digits and a Z."""

from datetime import datetime, timedelta
from functools import lru_cache

import asyncpg

# PostgreSQL counts microseconds from here.
EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - without a zone its text needs no cutting.

# A list of a hundred tasks has two hundred times; what they share is put into words once.
MINUTES = [f"T{hour:02d}:{minute:02d}:" for hour in range(24) for minute in range(60)]


async def read_as_text(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Let the rows of a connection hold times as text."""
    # No time is ever sent; an encoder has to be given all the same.
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", format="tuple", encoder=tuple, decoder=_text
    )


def _text(value: tuple[int]) -> str:
    seconds, microseconds = divmod(value[0], 1_000_000)
    minutes, second = divmod(seconds, 60)
    days, minute = divmod(minutes, 24 * 60)
    return f"{_day(days)}{MINUTES[minute]}{second:02d}.{microseconds:06d}Z"


@lru_cache(maxsize=4096)
def _day(days: int) -> str:
    return (EPOCH + timedelta(days=days)).date().isoformat()
