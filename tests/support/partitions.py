"""The tables partitioned by user_id, as a sharded PostgreSQL has them."""

from collections.abc import Iterator

from sqlalchemy import MetaData
from sqlalchemy.schema import CreateIndex, CreateTable

from handlers import tables
from handlers.postgres.statement import DIALECT

COUNT = 8


def statements() -> Iterator[str]:
    """Yield the SQL that replaces the empty tables of the migrations by partitioned tables."""
    metadata = MetaData()
    for original in (tables.TASK_LISTS, tables.TASKS):
        table = original.to_metadata(metadata)
        table.dialect_options["postgresql"]["partition_by"] = "HASH (user_id)"
        yield f"DROP TABLE {table.name}"
        yield str(CreateTable(table).compile(dialect=DIALECT))
        for index in table.indexes:
            yield str(CreateIndex(index).compile(dialect=DIALECT))
        for number in range(COUNT):
            yield (
                f"CREATE TABLE {table.name}_p{number} PARTITION OF {table.name} "
                f"FOR VALUES WITH (MODULUS {COUNT}, REMAINDER {number})"
            )
