"""Traces and metrics over OTLP. Imported only when asked for, since it brings a whole library."""

import logging
import time
from threading import Thread

from dotenv import load_dotenv
from fastapi.telemetry import TelemetryConfig
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import format_trace_id

from handlers import limits, log, metrics, settings
from handlers.postgres.database import Database

logger = logging.getLogger(__name__)

_SERVICE = "todo-backend"
# A path names a user, and a query is whatever somebody wrote.
_PRIVATE = {"url.path", "url.query"}


class Telemetry:
    """What FastAPI observes each request with.

    FastAPI could add exporters by itself, but would start without them when a setting is wrong,
    and would wait at its end for a collector that hangs, for the better part of a minute.
    """

    def __init__(self, given: settings.Settings, database: Database) -> None:
        # OpenTelemetry reads its variables from the environment alone.
        load_dotenv(settings.ENV_FILE, encoding=settings.ENCODING)
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES know better.
        named = OTELResourceDetector().detect().attributes
        resource = Resource.create({SERVICE_NAME: _SERVICE, **named})
        self._providers: list[TracerProvider | MeterProvider] = []
        # Logs stay off: they would carry the text of exceptions away, which our own log has.
        self.config: TelemetryConfig = {
            "tracing": given.is_traced,
            "metrics": given.is_measured,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        }
        if given.is_traced:
            tracing = TracerProvider(resource=resource, shutdown_on_exit=False)
            tracing.add_span_processor(RedactingProcessor())
            tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
            self.config["tracer_provider"] = tracing
            self._providers.append(tracing)
        if given.is_measured:
            reader = PeriodicExportingMetricReader(OTLPMetricExporter())
            metering = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
            metrics.register(metering.get_meter("handlers"), database)
            self.config["meter_provider"] = metering
            self._providers.append(metering)

    def close(self) -> None:
        """Send what is left, for a few seconds at most, whatever state the collector is in."""
        until = time.monotonic() + limits.TELEMETRY_SHUTDOWN_TIMEOUT
        last = [Thread(target=provider.shutdown, daemon=True) for provider in self._providers]
        for thread in last:
            thread.start()
        for thread in last:
            thread.join(max(0, until - time.monotonic()))
        if any(thread.is_alive() for thread in last):
            logger.warning("The collector did not take the last traces or metrics in time.")


class RedactingProcessor(SpanProcessor):
    """Keeps from a request's span what nobody may read, and gives its trace to the log."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - not asked.
        context = span.get_span_context()
        log.trace_id.set(format_trace_id(context.trace_id))
        for name in _PRIVATE & (span.attributes or {}).keys():
            span.set_attribute(name, "REDACTED")
