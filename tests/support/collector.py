"""An OpenTelemetry collector for tests, which stores all requests."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, TypeVar

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span

TIMEOUT = 10
DURATION = "http.server.request.duration"

T = TypeVar("T")
Attributes = dict[str, Any]


class Collector(ThreadingHTTPServer):
    """`bodies` are the received requests with their paths. Without the event `answers` no request is answered."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.bodies: list[tuple[str, bytes]] = []
        self.status = 200
        self.answers = Event()
        self.answers.set()

    def spans(self) -> list[Span]:
        return [
            span
            for body in self._bodies("/v1/traces")
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def span(self, trace: str) -> Span:
        """Wait for the span of a trace."""
        return eventually(
            lambda: next((span for span in self.spans() if span.trace_id.hex() == trace), None)
        )

    def durations(self) -> list[HistogramDataPoint]:
        """Return the request durations of the last export."""
        bodies = self._bodies("/v1/metrics")
        return [
            point
            for body in bodies[-1:]
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == DURATION
            for point in metric.histogram.data_points
        ]

    def numbers(self) -> dict[str, dict[str, int]]:
        """Return the last values of all counters: by metric, then by connection state."""
        return {
            metric.name: {
                attributes(point).get("db.client.connection.state", ""): point.as_int
                for point in metric.sum.data_points
            }
            for body in self._bodies("/v1/metrics")[-1:]
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def services(self) -> list[Attributes]:
        """Return the resource attributes of all exports."""
        traces = map(ExportTraceServiceRequest.FromString, self._bodies("/v1/traces"))
        metrics = map(ExportMetricsServiceRequest.FromString, self._bodies("/v1/metrics"))
        return [
            *(attributes(sent.resource) for request in traces for sent in request.resource_spans),
            *(
                attributes(sent.resource)
                for request in metrics
                for sent in request.resource_metrics
            ),
        ]

    def _bodies(self, path: str) -> list[bytes]:
        return [body for sent, body in self.bodies if sent == path]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.wait()
        self.server.bodies.append((self.path, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class.
        """Log no requests."""


@contextmanager
def listening() -> Iterator[Collector]:
    with Collector() as collector:
        Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            yield collector
        finally:
            collector.answers.set()
            collector.shutdown()


def attributes(sent: Any) -> Attributes:
    """Give the attributes of a span, a point or a resource as a dictionary."""
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in sent.attributes
    }


def eventually(find: Callable[[], T | None]) -> T:
    """Wait until a search succeeds."""
    until = time.monotonic() + TIMEOUT
    while not (found := find()):
        assert time.monotonic() < until, "What was waited for did not come."
        time.sleep(0.02)
    return found
