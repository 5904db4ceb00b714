"""The composition root: creates the application from the settings.

Command for production: python -m handlers.server
"""

import asyncio
import gc
import json
import logging
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

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


def create(config: settings.Settings) -> FastAPI:
    """Create the application. Raises TypeError for an operation without a handler."""
    pool = Pool(
        config.database_url.get_secret_value(),
        is_pooled=config.database_pooled,
        max_idle=config.database_idle_seconds,
    )
    database = Database(pool, connections=config.database_connections)
    sources = _key_sources(config)
    authenticator = Authenticator(sources, config.issuers)
    telemetry, close_telemetry = _telemetry(config, database)
    contract = json.loads(docs.CONTRACT.read_text())
    app = FastAPI(
        title=contract["info"]["title"],
        # FastAPI's own document and pages are off, because the contract itself is served.
        openapi_url=None,
        lifespan=_lifespan(pool, sources, close_telemetry),
        telemetry=telemetry,
    )
    app.openapi = lambda: contract  # type: ignore[method-assign] # FastAPI documents this assignment.
    app.router.routes += [
        *routing.routes(authenticator, [Tasks(database), Health(database)]),
        *docs.routes(app.title),
    ]
    app.router.redirect_slashes = False
    app.router.default = _not_found
    # Replaces FastAPI's layers for exceptions and dependencies: Middleware handles exceptions, and
    # there are no dependencies.
    app.middleware_stack = Middleware(app.router, origins=config.frontend_url)
    return app


def _key_sources(config: settings.Settings) -> list[KeySource]:
    sources: list[KeySource] = []
    if config.better_auth_secret:
        sources.append(SharedSecret(config.better_auth_secret.get_secret_value()))
    if config.better_auth_url:
        sources.append(KeySet(config.better_auth_url))
    return sources


def _telemetry(
    config: settings.Settings, database: Database
) -> tuple[TelemetryConfig, Callable[[], None]]:
    """Return FastAPI's options for telemetry, and a function that shuts telemetry down."""
    if not config.is_traced and not config.is_measured:
        return TELEMETRY_OFF, lambda: None
    # The import is slow, so it must not delay a start without telemetry.
    from handlers.telemetry import Telemetry

    telemetry = Telemetry(config, database)
    return telemetry.options, telemetry.close


def _lifespan(
    pool: Pool, sources: list[KeySource], close_telemetry: Callable[[], None]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        pool.open()
        _tune_gc()
        yield
        await pool.close()
        for source in sources:
            await source.close()
        close_telemetry()
        await asyncio.to_thread(log.flush)

    return lifespan


def _tune_gc() -> None:
    """Exclude the objects of the start-up from garbage collection, and collect less often.

    These objects live as long as the process, and requests create few reference cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _not_found(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise errors.NotFound


def _start() -> FastAPI:
    try:
        config = settings.load()
        log.configure(is_development=config.is_development)
        for line in settings.warnings():
            logger.warning(line)
        return create(config)
    except settings.SettingsError as error:
        print(f"The service cannot start.\n{error}", file=sys.stderr)
    except Exception:  # noqa: BLE001 - uvicorn restarts a worker that exits with another status.
        traceback.print_exc()
    sys.exit(STARTUP_FAILURE)


app = _start()
