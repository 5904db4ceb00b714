"""Timestamps in the contract's format: UTC, with six fractional digits and a Z."""

from datetime import datetime, timedelta

import asyncpg

# A timestamp in PostgreSQL's binary format is the number of microseconds since then.
EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - in UTC; a zone would be part of its text.


class _Days(dict[int, str]):
    """The date by day number, formatted once."""

    def __missing__(self, day: int) -> str:
        text = self[day] = (EPOCH + timedelta(days=day)).date().isoformat()
        return text


# Formatting timestamps is the most expensive part of a list, hence these tables.
DAYS = _Days()
MINUTES = [f"T{hour:02d}:{minute:02d}:" for hour in range(24) for minute in range(60)]
SECONDS = [f"{second:02d}." for second in range(60)]


async def register_text_codec(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Make a connection return timestamps as text."""
    # Timestamps are never sent, but asyncpg requires an encoder.
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", format="tuple", encoder=tuple, decoder=_text
    )


def _text(value: tuple[int]) -> str:
    seconds, microseconds = divmod(value[0], 1_000_000)
    minutes, second = divmod(seconds, 60)
    days, minute = divmod(minutes, len(MINUTES))
    return f"{DAYS[days]}{MINUTES[minute]}{SECONDS[second]}{microseconds:06d}Z"
