"""What a team would assemble instead, each package set up as its documentation says."""

from __future__ import annotations

from typing import Any

import structlog


def everything() -> dict[str, Any]:
    """django-prometheus, django-structlog, django-guid, drf-standardized-errors, health-check."""
    configure_structlog()
    return {
        "INSTALLED_APPS": [
            "rest_framework",
            "django_prometheus",
            "django_structlog",
            "django_guid",
            "drf_standardized_errors",
            "health_check",
        ],
        "MIDDLEWARE": [
            "django_prometheus.middleware.PrometheusBeforeMiddleware",
            "django_guid.middleware.guid_middleware",
            "django_structlog.middlewares.RequestMiddleware",
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
            "django_prometheus.middleware.PrometheusAfterMiddleware",
        ],
        "DJANGO_GUID": {"GUID_HEADER_NAME": "Correlation-ID", "VALIDATE_GUID": True},
        "LOGGING": LOGGING,
        "REST_FRAMEWORK": {
            "UNAUTHENTICATED_USER": None,
            "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
        },
    }


def traced() -> dict[str, Any]:
    """The same with OpenTelemetry's instrumentation of Django; spans go nowhere."""
    from opentelemetry import trace
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Nowhere(SpanExporter):
        """Takes every span and keeps none."""

        def export(self, spans: Any) -> SpanExportResult:  # noqa: ARG002 - the exporter's signature
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    trace.set_tracer_provider(provider)
    settings = everything()
    settings["INSTRUMENT"] = DjangoInstrumentor().instrument
    return settings


def naive() -> dict[str, Any]:
    """The middleware of a tutorial: a metric per path, two lines per request."""
    return {
        "INSTALLED_APPS": ["rest_framework"],
        "MIDDLEWARE": [
            "stacks.tutorial.CorrelationMiddleware",
            "stacks.tutorial.LoggingMiddleware",
            "stacks.tutorial.MetricsMiddleware",
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        "LOGGING": {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}
            },
            "root": {"handlers": ["stdout"], "level": "INFO"},
        },
    }


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "structlog.stdlib.ProcessorFormatter", "processor": None}},
    "filters": {"correlation_id": {"()": "django_guid.log_filters.CorrelationId"}},
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "json",
            "filters": ["correlation_id"],
        }
    },
    "loggers": {"django_structlog": {"handlers": ["stdout"], "level": "INFO"}},
}


CHAIN = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.filter_by_level,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    structlog.processors.UnicodeDecoder(),
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]


def configure_structlog() -> None:
    """Set structlog up as django-structlog's "getting started" does, with JSON."""
    LOGGING["formatters"]["json"]["processor"] = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=CHAIN,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
