"""Every SQL statement that the service sends for tasks, each keyed by user_id, compiled once.

A statement that gives a task its place takes the list's next version, its turn, in the same round
trip. It sees the list as it was when the statement began; if somebody else took a turn since, the
versions differ, and it changes nothing and returns no row. What then: tasks.Tasks.
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

# New neighbours are this far apart: room for 24 drops into the same gap before a list is respaced,
# and for 2^39 tasks appended to one list before a bigint overflows.
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
THIS = and_(OWN, TASKS.c.id == TASK)
ORDER = (TASKS.c.sort_key, TASKS.c.id)
INDEX = func.row_number().over(order_by=ORDER) - _ONE


def _wire(position: ColumnElement[int]) -> tuple[Column[object] | Label[int], ...]:
    """Select the members of the contract's Task, under their names and in their order."""
    columns = TASKS.c
    return (
        *(columns.id, columns.user_id, columns.title, columns.description, columns.completed),
        position.label("position"),
        *(columns.created_at, columns.updated_at),
    )


def _position() -> ColumnElement[int]:
    """Count the tasks before this one, both as they were when the statement began."""
    before, this = TASKS.alias("before"), TASKS.alias("this")
    place = select(this.c.sort_key, this.c.id).where(this.c.user_id == USER, this.c.id == TASK)
    earlier = tuple_(before.c.sort_key, before.c.id) < place.scalar_subquery()
    count = select(func.count()).select_from(before).where(before.c.user_id == USER, earlier)
    return count.scalar_subquery()


GET = Statement(select(*_wire(_position())).where(THIS), retry=Retry.READ)


# From the first task on: the position, left out here, is the number of the row.
LIST = Statement(select(*_wire(_ZERO)).where(OWN).order_by(*ORDER).limit(LIMIT), retry=Retry.READ)


def _page(*conditions: ColumnElement[bool]) -> Statement:
    """Number the whole list, then filter. `total` stands last, beside every task."""
    numbered = select(*_wire(INDEX), TASKS.c.sort_key).where(OWN).subquery("numbered")
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
    """Take the list's next version, unless somebody took one since the statement began."""
    seen = TASK_LISTS.alias("seen")
    version = select(seen.c.version).where(seen.c.user_id == USER).scalar_subquery()
    return (
        update(TASK_LISTS)
        .where(TASK_LISTS.c.user_id == USER, TASK_LISTS.c.version == version)
        .values(version=TASK_LISTS.c.version + _ONE)
        .returning(TASK_LISTS.c.version)
        .cte("turn")
    )


def _end() -> CTE:
    """Find the place behind all tasks."""
    key = func.coalesce(func.max(TASKS.c.sort_key), _ZERO) + _SORT_KEY_STEP
    return select(func.count().label("position"), key.label("sort_key")).where(OWN).cte("place")


def _place(*conditions: ColumnElement[bool]) -> CTE:
    """Find the place at POSITION, or behind all tasks. Its key is null when the gap is used up."""
    size = func.least(POSITION, func.count()).label("position")
    target = select(size).select_from(TASKS).where(OWN, *conditions).subquery("target")
    position = target.c.position
    keys = select(TASKS.c.sort_key).where(OWN, *conditions).order_by(*ORDER)
    # The tasks before and after the gap; before the first there is none.
    two = keys.offset(func.greatest(position - _ONE, _ZERO)).limit(_TWO).subquery("two")
    low, high = func.min(two.c.sort_key).label("low"), func.max(two.c.sort_key).label("high")
    gap = select(low, high, func.count().label("size")).select_from(two).lateral("gap")
    key = case(
        (gap.c.size == _ZERO, _SORT_KEY_STEP),
        (position == _ZERO, gap.c.low - _SORT_KEY_STEP),
        (gap.c.size == _ONE, gap.c.low + _SORT_KEY_STEP),
        (gap.c.high - gap.c.low > _ONE, gap.c.low + (gap.c.high - gap.c.low) // _TWO),
    )
    return (
        select(position, key.label("sort_key")).select_from(target.join(gap, true())).cte("place")
    )


def _create(place: CTE) -> Statement:
    turn, columns = _version_check(), TASKS.c
    target = (columns.user_id, columns.title, columns.description, columns.completed)
    values = select(USER, TITLE, DESCRIPTION, COMPLETED, place.c.sort_key).select_from(
        place.join(turn, place.c.sort_key.is_not(None))
    )
    position = select(place.c.position).scalar_subquery()
    return Statement(
        insert(TASKS).from_select([*target, columns.sort_key], values).returning(*_wire(position))
    )


APPEND = _create(_end())
INSERT = _create(_place())

# Strictly forward, even if the clock is set back or two changes fall into one microsecond.
_NOW = func.greatest(func.clock_timestamp(), TASKS.c.updated_at + text("interval '1 microsecond'"))

# A member that was not sent is null here and stays as it is.
_CHANGES = {
    "title": func.coalesce(TITLE, TASKS.c.title),
    "description": case((SETS_DESCRIPTION, DESCRIPTION), else_=TASKS.c.description),
    "completed": func.coalesce(COMPLETED, TASKS.c.completed),
    "updated_at": _NOW,
}

UPDATE = Statement(
    update(TASKS).where(THIS).values(_CHANGES).returning(*_wire(_position())),
    retry=Retry.IDEMPOTENT,
)


def _move() -> Statement:
    turn, place = _version_check(), _place(TASKS.c.id != TASK)
    return Statement(
        update(TASKS)
        .where(THIS, place.c.sort_key.is_not(None), turn.c.version.is_not(None))
        .values(**_CHANGES, sort_key=place.c.sort_key)
        .returning(*_wire(place.c.position)),
        retry=Retry.IDEMPOTENT,
    )


MOVE = _move()

_FLIPPED = {"completed": ~TASKS.c.completed, "updated_at": _NOW}
_COMPLETED = {"completed": COMPLETED, "updated_at": _NOW}

TOGGLE = Statement(update(TASKS).where(THIS).values(_FLIPPED).returning(*_wire(_position())))

COMPLETE = Statement(
    update(TASKS).where(THIS).values(_COMPLETED).returning(*_wire(_position())),
    retry=Retry.IDEMPOTENT,
)

DELETE = Statement(delete(TASKS).where(THIS).returning(TASKS.c.id))


def _reorder() -> Statement:
    """Give every task its new place, if these are all of them; `is_current` tells whether."""
    turn, size = _version_check(), func.cardinality(TASK_IDS)
    wanted = func.unnest(TASK_IDS).table_valued("id", with_ordinality="place", name="wanted")
    wanted = wanted.render_derived()
    count = select(func.count()).select_from(TASKS)
    total = count.where(OWN).scalar_subquery()
    found = count.where(OWN, TASKS.c.id == func.any(TASK_IDS)).scalar_subquery()
    verdict = select(and_(total == size, found == size).label("is_current")).cte("verdict")
    moved = (
        update(TASKS)
        .where(OWN, TASKS.c.id == wanted.c.id)
        .where(verdict.c.is_current, turn.c.version.is_not(None))
        .values(sort_key=wanted.c.place * _SORT_KEY_STEP)
        .cte("moved")
    )
    return Statement(
        select(verdict.c.is_current).select_from(verdict.join(turn, true())).add_cte(moved),
        retry=Retry.IDEMPOTENT,
    )


REORDER = _reorder()

# The two statements for when a turn was lost: wait for it, and make room where there is none.

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
