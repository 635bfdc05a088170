"""The figures an operator watches, one registry per service."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_PARTITION = ("partition",)
_CONSUMER = ("consumer", "source", "partition")


class Metrics:
    """Counters and gauges of one service; two services in one process never share them."""

    def __init__(self, service: str) -> None:
        self._service = service
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            f"pharos_{service}_http_request_seconds",
            "Duration of HTTP requests.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.shed = self._counter("http_shed", "Requests sent away unread.", ("why",))
        self.queued = Histogram(
            f"pharos_{service}_http_queue_seconds",
            "How long requests waited that found no slot free.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.relayed = self._counter("relay_events", "Events numbered.", _PARTITION)
        self.head = self._gauge("relay_head", "Number of the last event in the log.", _PARTITION)
        self.acknowledged = self._gauge(
            "relay_acknowledged", "Number of the last event that the broker has.", _PARTITION
        )
        self.default_rows = self._gauge(
            "log_default_rows", "Rows in the log's default partition; should be 0.", ()
        )
        self.outbox_age = self._gauge(
            "outbox_age_seconds", "Age of the oldest event without a number.", ()
        )
        self.audit_head = self._gauge("audit_head", "Number of the last sealed change.", ())
        self.audit_age = self._gauge(
            "audit_unsealed_age_seconds", "Age of the oldest change that is not sealed.", ()
        )
        self.lease_held = self._gauge(
            "lease_held", "1 while this process holds the lease.", ("name",)
        )
        self.consumed = self._counter("consumer_events", "Events applied.", _CONSUMER)
        self.watermark = self._gauge("consumer_watermark", "Last applied number.", _CONSUMER)
        self.lag = self._gauge("consumer_lag", "Head minus watermark.", _CONSUMER)
        self.gaps = self._counter("consumer_gaps", "Gaps healed from the feed.", _CONSUMER)
        self.parked = self._counter("consumer_parked", "Events parked.", _CONSUMER)
        self.parked_open = self._gauge(
            "consumer_parked_open", "Parked events that wait for a decision.", _CONSUMER
        )
        self.stopped = self._gauge("consumer_stopped", "1 while it needs repair.", _CONSUMER)
        self.webhook_attempts = self._counter(
            "webhook_attempts", "Attempts to hand a message to a receiver.", ("outcome",)
        )

    def figure(self, name: str, text: str) -> Gauge:
        """Return a gauge of the service's own."""
        return self._gauge(name, text, ())

    def _gauge(self, name: str, text: str, labels: tuple[str, ...]) -> Gauge:
        return Gauge(f"pharos_{self._service}_{name}", text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"pharos_{self._service}_{name}", text, labels, registry=self.registry)
