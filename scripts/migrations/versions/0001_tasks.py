"""Tasks and task lists."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "task_lists",
        sa.Column("user_id", sa.String(255, collation="C"), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),
    )
    now = sa.text("statement_timestamp()")
    op.create_table(
        "tasks",
        sa.Column("user_id", sa.String(255, collation="C"), primary_key=True),
        sa.Column(
            "id",
            sa.BigInteger,
            sa.Identity(always=True, minvalue=1, maxvalue=9007199254740991),
            primary_key=True,
        ),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("description", sa.String(1000)),
        sa.Column("completed", sa.Boolean, nullable=False),
        sa.Column("sort_key", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.CheckConstraint("id BETWEEN 1 AND 9007199254740991", name="tasks_id_range"),
    )
    op.create_index("tasks_order", "tasks", ["user_id", "sort_key", "id"])


def downgrade() -> None:
    op.drop_table("tasks")
    op.drop_table("task_lists")
