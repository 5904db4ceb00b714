"""Traces and metrics over OTLP. Imported only if enabled, because OpenTelemetry loads slowly."""

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

from handlers import env_file, limits, log, metrics, settings
from handlers.postgres.database import Database

logger = logging.getLogger(__name__)

_SERVICE = "todo-backend"
# A path contains the user id, and a query may contain any text.
_PRIVATE = {"url.path", "url.query"}


class Telemetry:
    """The providers of traces and metrics for FastAPI.

    FastAPI's automatic configuration is off: with an invalid setting the service would start
    without exporters, and a collector that hangs would delay shutdown by most of a minute.
    """

    def __init__(self, config: settings.Settings, database: Database) -> None:
        # OpenTelemetry reads only environment variables.
        load_dotenv(env_file.PATH, encoding=env_file.ENCODING)
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence.
        attributes = OTELResourceDetector().detect().attributes
        resource = Resource.create({SERVICE_NAME: _SERVICE, **attributes})
        self._providers: list[TracerProvider | MeterProvider] = []
        # Logs are not exported, because the text of exceptions may contain personal data.
        self.options: TelemetryConfig = {
            "tracing": config.is_traced,
            "metrics": config.is_measured,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        }
        if config.is_traced:
            tracing = TracerProvider(resource=resource, shutdown_on_exit=False)
            tracing.add_span_processor(RedactingProcessor())
            tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
            self.options["tracer_provider"] = tracing
            self._providers.append(tracing)
        if config.is_measured:
            reader = PeriodicExportingMetricReader(OTLPMetricExporter())
            metering = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
            metrics.register(metering.get_meter("handlers"), database)
            self.options["meter_provider"] = metering
            self._providers.append(metering)

    def close(self) -> None:
        """Send the remaining data, for at most TELEMETRY_SHUTDOWN_TIMEOUT."""
        deadline = time.monotonic() + limits.TELEMETRY_SHUTDOWN_TIMEOUT
        threads = [Thread(target=provider.shutdown, daemon=True) for provider in self._providers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in threads):
            logger.warning("The collector did not take the last traces or metrics in time.")


class RedactingProcessor(SpanProcessor):
    """Removes personal data from spans, and passes the trace id to the log."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - not needed.
        context = span.get_span_context()
        log.trace_id.set(format_trace_id(context.trace_id))
        for name in _PRIVATE & (span.attributes or {}).keys():
            span.set_attribute(name, "REDACTED")
