"""Times as the contract writes them: in UTC, with six fractional digits and a Z."""

from datetime import datetime, timedelta

import asyncpg

# PostgreSQL counts microseconds from here.
EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - without a zone its text needs no cutting.


class _Days(dict[int, str]):
    """The text of each day; each is put into words once."""

    def __missing__(self, day: int) -> str:
        text = self[day] = (EPOCH + timedelta(days=day)).date().isoformat()
        return text


# A list of a hundred tasks has two hundred times, and their text is most of what it costs.
DAYS = _Days()
MINUTES = [f"T{hour:02d}:{minute:02d}:" for hour in range(24) for minute in range(60)]
SECONDS = [f"{second:02d}." for second in range(60)]


async def register_text_codec(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Let the rows of a connection hold times as text."""
    # No time is ever sent; an encoder has to be given all the same.
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", format="tuple", encoder=tuple, decoder=_text
    )


def _text(value: tuple[int]) -> str:
    seconds, microseconds = divmod(value[0], 1_000_000)
    minutes, second = divmod(seconds, 60)
    days, minute = divmod(minutes, len(MINUTES))
    return f"{DAYS[days]}{MINUTES[minute]}{SECONDS[second]}{microseconds:06d}Z"
