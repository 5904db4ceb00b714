"""Every SQL statement on tasks, compiled once. Each statement is restricted to a user_id.

A statement that changes the order does an optimistic version check in the same round trip: it
increments the version of the list, and fails if the version has changed since the statement began.
Then it changes no task and returns no row, and tasks.Tasks repeats it under a lock.
"""

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Label,
    String,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from handlers.postgres.statement import Retry, Statement
from handlers.tables import TASK_LISTS, TASKS

# The gap between new sort keys. The same gap can be halved 24 times before the list is respaced,
# and 2^39 tasks can be appended to a list before a bigint overflows.
SORT_KEY_STEP = 1 << 24

_SORT_KEY_STEP = literal_column(str(SORT_KEY_STEP), BigInteger)
_ZERO, _ONE, _TWO = (literal_column(number, BigInteger) for number in "012")

USER = bindparam("user_id", type_=String)
TASK = bindparam("task_id", type_=BigInteger)
TITLE = bindparam("title", type_=String)
DESCRIPTION = bindparam("description", type_=String)
SETS_DESCRIPTION = bindparam("sets_description", type_=Boolean)
COMPLETED = bindparam("completed", type_=Boolean)
POSITION = bindparam("position", type_=BigInteger)
LIMIT = bindparam("limit", type_=BigInteger)
OFFSET = bindparam("offset", type_=BigInteger)
TASK_IDS = bindparam("task_ids", type_=ARRAY(BigInteger))

OWN = TASKS.c.user_id == USER
OWN_TASK = and_(OWN, TASKS.c.id == TASK)
ORDER = (TASKS.c.sort_key, TASKS.c.id)
INDEX = func.row_number().over(order_by=ORDER) - _ONE


def _columns(position: ColumnElement[int]) -> tuple[Column[object] | Label[int], ...]:
    """Return the columns of the contract's Task, in the order of the schema."""
    columns = TASKS.c
    return (
        *(columns.id, columns.user_id, columns.title, columns.description, columns.completed),
        position.label("position"),
        *(columns.created_at, columns.updated_at),
    )


def _position() -> ColumnElement[int]:
    """Count the tasks before TASK in the statement's snapshot."""
    before, this = TASKS.alias("before"), TASKS.alias("this")
    key = select(this.c.sort_key, this.c.id).where(this.c.user_id == USER, this.c.id == TASK)
    earlier = tuple_(before.c.sort_key, before.c.id) < key.scalar_subquery()
    count = select(func.count()).select_from(before).where(before.c.user_id == USER, earlier)
    return count.scalar_subquery()


GET = Statement(select(*_columns(_position())).where(OWN_TASK), retry=Retry.READ)


# handlers/tasks.py numbers the rows from 0. The position column here is a placeholder.
LIST = Statement(
    select(*_columns(_ZERO)).where(OWN).order_by(*ORDER).limit(LIMIT), retry=Retry.READ
)


def _page(*conditions: ColumnElement[bool]) -> Statement:
    """Number the whole list, then filter. The last column of every row is the total."""
    numbered = select(*_columns(INDEX), TASKS.c.sort_key).where(OWN).subquery("numbered")
    columns = [column for column in numbered.c if column.name != "sort_key"]
    total = select(func.count()).select_from(TASKS).where(OWN, *conditions).scalar_subquery()
    page = select(*columns, total.label("total")).order_by(numbered.c.sort_key, numbered.c.id)
    if conditions:
        page = page.where(numbered.c.completed == COMPLETED)
    return Statement(page.limit(LIMIT).offset(OFFSET), retry=Retry.READ)


MATCHES = TASKS.c.completed == COMPLETED

PAGE = _page()
PAGE_FILTERED = _page(MATCHES)


def _version_check() -> CTE:
    """Increment the version of the list. No row is returned if the version has changed meanwhile.

    The subquery sees the version of the statement's snapshot, but the UPDATE waits for a concurrent
    change and compares with the version after it.
    """
    snapshot = TASK_LISTS.alias("snapshot")
    version = select(snapshot.c.version).where(snapshot.c.user_id == USER).scalar_subquery()
    return (
        update(TASK_LISTS)
        .where(TASK_LISTS.c.user_id == USER, TASK_LISTS.c.version == version)
        .values(version=TASK_LISTS.c.version + _ONE)
        .returning(TASK_LISTS.c.version)
        .cte("new_version")
    )


def _slot_at_end() -> CTE:
    """Return the position and the sort key after the last task."""
    key = func.coalesce(func.max(TASKS.c.sort_key), _ZERO) + _SORT_KEY_STEP
    return select(func.count().label("position"), key.label("sort_key")).where(OWN).cte("slot")


def _slot_at_position(*conditions: ColumnElement[bool]) -> CTE:
    """Return the position and the sort key for POSITION, at most the end of the list.

    The sort key is null if no integer is left between the sort keys of the neighbours.
    """
    end = func.least(POSITION, func.count()).label("position")
    target = select(end).select_from(TASKS).where(OWN, *conditions).subquery("target")
    position = target.c.position
    keys = select(TASKS.c.sort_key).where(OWN, *conditions).order_by(*ORDER)
    # The tasks before and after the slot, or the first two tasks at position 0.
    two_keys = keys.offset(func.greatest(position - _ONE, _ZERO)).limit(_TWO)
    neighbours = two_keys.subquery("neighbours")
    sort_key = neighbours.c.sort_key
    low, high = func.min(sort_key).label("low"), func.max(sort_key).label("high")
    gap = select(low, high, func.count().label("size")).select_from(neighbours).lateral("gap")
    key = case(
        (gap.c.size == _ZERO, _SORT_KEY_STEP),
        (position == _ZERO, gap.c.low - _SORT_KEY_STEP),
        (gap.c.size == _ONE, gap.c.low + _SORT_KEY_STEP),
        (gap.c.high - gap.c.low > _ONE, gap.c.low + (gap.c.high - gap.c.low) // _TWO),
    )
    return select(position, key.label("sort_key")).select_from(target.join(gap, true())).cte("slot")


def _create(slot: CTE) -> Statement:
    new_version, columns = _version_check(), TASKS.c
    target = (columns.user_id, columns.title, columns.description, columns.completed)
    values = select(USER, TITLE, DESCRIPTION, COMPLETED, slot.c.sort_key).select_from(
        slot.join(new_version, slot.c.sort_key.is_not(None))
    )
    position = select(slot.c.position).scalar_subquery()
    insertion = insert(TASKS).from_select([*target, columns.sort_key], values)
    return Statement(insertion.returning(*_columns(position)))


APPEND = _create(_slot_at_end())
INSERT = _create(_slot_at_position())

# Strictly increasing, even if the clock is set back or two changes have the same microsecond.
_NOW = func.greatest(func.clock_timestamp(), TASKS.c.updated_at + text("interval '1 microsecond'"))

# Arguments of members that were not sent are null, and their columns keep the value.
_CHANGES = {
    "title": func.coalesce(TITLE, TASKS.c.title),
    "description": case((SETS_DESCRIPTION, DESCRIPTION), else_=TASKS.c.description),
    "completed": func.coalesce(COMPLETED, TASKS.c.completed),
    "updated_at": _NOW,
}

UPDATE = Statement(
    update(TASKS).where(OWN_TASK).values(_CHANGES).returning(*_columns(_position())),
    retry=Retry.IDEMPOTENT,
)


def _move() -> Statement:
    new_version, slot = _version_check(), _slot_at_position(TASKS.c.id != TASK)
    return Statement(
        update(TASKS)
        .where(OWN_TASK, slot.c.sort_key.is_not(None), new_version.c.version.is_not(None))
        .values(**_CHANGES, sort_key=slot.c.sort_key)
        .returning(*_columns(slot.c.position)),
        retry=Retry.IDEMPOTENT,
    )


MOVE = _move()

_TOGGLED = {"completed": ~TASKS.c.completed, "updated_at": _NOW}
_COMPLETED = {"completed": COMPLETED, "updated_at": _NOW}

TOGGLE = Statement(update(TASKS).where(OWN_TASK).values(_TOGGLED).returning(*_columns(_position())))

COMPLETE = Statement(
    update(TASKS).where(OWN_TASK).values(_COMPLETED).returning(*_columns(_position())),
    retry=Retry.IDEMPOTENT,
)

DELETE = Statement(delete(TASKS).where(OWN_TASK).returning(TASKS.c.id))


def _reorder() -> Statement:
    """Return `is_current`: whether TASK_IDS are exactly the tasks of the list. If so, reorder."""
    new_version, size = _version_check(), func.cardinality(TASK_IDS)
    ids = func.unnest(TASK_IDS)
    new_order = ids.table_valued("id", with_ordinality="number", name="new_order").render_derived()
    count = select(func.count()).select_from(TASKS)
    total = count.where(OWN).scalar_subquery()
    found = count.where(OWN, TASKS.c.id == func.any(TASK_IDS)).scalar_subquery()
    check = select(and_(total == size, found == size).label("is_current")).cte("order_check")
    moved = (
        update(TASKS)
        .where(OWN, TASKS.c.id == new_order.c.id)
        .where(check.c.is_current, new_version.c.version.is_not(None))
        .values(sort_key=new_order.c.number * _SORT_KEY_STEP)
        .cte("moved")
    )
    return Statement(
        select(check.c.is_current).select_from(check.join(new_version, true())).add_cte(moved),
        retry=Retry.IDEMPOTENT,
    )


REORDER = _reorder()

# After a failed version check: lock the list, and respace the sort keys if there is no gap.

_row = upsert(TASK_LISTS).values(user_id=USER)
LOCK = Statement(
    _row.on_conflict_do_update(index_elements=["user_id"], set_={"user_id": _row.excluded.user_id})
)


def _respace() -> Statement:
    numbered = select(TASKS.c.id, INDEX.label("index")).where(OWN).subquery("numbered")
    return Statement(
        update(TASKS)
        .where(OWN, TASKS.c.id == numbered.c.id)
        .values(sort_key=numbered.c.index * _SORT_KEY_STEP)
    )


RESPACE = _respace()
