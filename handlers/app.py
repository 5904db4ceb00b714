"""The whole service, put together: the only room that knows all the others.

python -m handlers.server
"""

import asyncio
import gc
import json
import logging
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE

from handlers import errors, log, settings
from handlers.auth.bearer import Authenticator, KeySource, SharedSecret
from handlers.auth.key_set import KeySet
from handlers.health import Health
from handlers.http import docs, routing
from handlers.http.middleware import Middleware
from handlers.postgres.database import Database
from handlers.postgres.pool import Pool
from handlers.tasks import Tasks

logger = logging.getLogger(__name__)

TELEMETRY_OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


def create(given: settings.Settings) -> FastAPI:
    """Build the service. Raises TypeError if an operation has no handler."""
    pool = Pool(
        given.database_url.get_secret_value(),
        is_pooled=given.database_pooled,
        max_idle=given.database_idle_seconds,
    )
    database = Database(pool, connections=given.database_connections)
    sources = _sources(given)
    authenticator = Authenticator(sources, given.issuers)
    observed = None
    if given.is_traced or given.is_measured:
        from handlers import telemetry  # Whoever does not want it shall not wait for it.

        observed = telemetry.Telemetry(given, database)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        pool.open()
        _tune_gc()
        yield
        await pool.close()
        for source in sources:
            await source.close()
        if observed:
            observed.close()
        await asyncio.to_thread(log.flush)

    described = json.loads(docs.CONTRACT.read_text())
    # FastAPI's own pages and document are off: the contract itself is served.
    app = FastAPI(
        title=described["info"]["title"],
        openapi_url=None,
        lifespan=lifespan,
        telemetry=observed.config if observed else TELEMETRY_OFF,
    )
    app.openapi = lambda: described  # type: ignore[method-assign] # FastAPI's documented way.
    app.router.routes += [
        *routing.routes(authenticator, [Tasks(database), Health(database)]),
        *docs.routes(app.title),
    ]
    app.router.redirect_slashes = False
    app.router.default = _not_found
    # In the place of FastAPI's own layers: for dependencies, of which there are none, and for
    # exceptions, which the envelope sees to.
    app.middleware_stack = Middleware(app.router, origins=given.frontend_url)
    return app


def _sources(given: settings.Settings) -> list[KeySource]:
    sources: list[KeySource] = []
    if given.better_auth_secret:
        sources.append(SharedSecret(given.better_auth_secret.get_secret_value()))
    if given.better_auth_url:
        sources.append(KeySet(given.better_auth_url))
    return sources


def _tune_gc() -> None:
    """Spare the garbage collector most of its work, once everything that stays is there.

    It need not look at that again and again, nor hurry: requests leave few cycles behind.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _not_found(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise errors.NotFound


def _start() -> FastAPI:
    try:
        given = settings.load()
        log.configure(is_development=given.is_development)
        for line in settings.warnings():
            logger.warning(line)
        return create(given)
    except settings.SettingsError as error:
        print(f"The service cannot start.\n{error}", file=sys.stderr)
    except Exception:  # noqa: BLE001 - uvicorn would start a worker again that ends in another way.
        traceback.print_exc()
    sys.exit(STARTUP_FAILURE)


app = _start()
