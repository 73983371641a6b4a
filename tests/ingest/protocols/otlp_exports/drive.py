"""Runs inside an environment that has the instrumentation: one set-up, a few calls, everything exported.

``python drive.py SETUP OTLP_URL MODEL_URL``; ``record.py`` calls it.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

RESOURCE = {
    "service.name": "shop-assistant",
    "service.version": "r8",
    "service.instance.id": "one",
    "deployment.environment.name": "staging",
}


def openllmetry() -> None:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()


def openllmetry_events() -> None:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor(use_legacy_attributes=False).instrument()


def openai_v2() -> None:
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()


def openinference() -> None:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()


def openlit() -> None:
    import openlit

    # the providers that are set already are used
    openlit.init(service_name="shop-assistant", environment="staging")


def nested() -> None:
    """LangChain's own spans around those of the client."""
    from openinference.instrumentation.langchain import LangChainInstrumentor

    LangChainInstrumentor().instrument()
    openinference()


def langfuse() -> None:
    """Langfuse's SDK is OpenTelemetry with an exporter of its own: it gets our address and no second one."""


def langfuse_calls(model_url: str) -> None:
    from langfuse import Langfuse, propagate_attributes
    from langfuse.openai import OpenAI

    told = Langfuse(public_key="pk-lf-1", secret_key="sk-lf-1", environment="staging", release="r8")
    with propagate_attributes(user_id="u-1", session_id="s-1", trace_name="handbook"):
        calls(model_url, OpenAI)
    told.flush()
    told.shutdown()


def calls(model_url: str, kind: Any = None) -> None:
    import openai

    client = (kind or openai.OpenAI)(base_url=model_url, api_key="none", max_retries=0)
    asked: list[Any] = [
        {"role": "system", "content": "You answer questions about the handbook."},
        {"role": "user", "content": "Can I carry my leave over?"},
    ]
    client.chat.completions.create(model="gpt-5-mini", messages=asked, temperature=0.2, max_tokens=64)
    streamed = client.chat.completions.create(
        model="gpt-5-mini", messages=asked, stream=True, stream_options={"include_usage": True}
    )
    for _ in streamed:
        pass
    tool: Any = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
    client.chat.completions.create(model="gpt-5-mini", messages=asked, tools=[tool])
    with contextlib.suppress(openai.RateLimitError):
        client.chat.completions.create(model="refused", messages=asked)
    client.embeddings.create(model="embed-small", input="leave")


def chain(model_url: str) -> None:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model="gpt-5-mini", base_url=model_url, api_key="none", max_retries=0)
    model.invoke("Can I carry my leave over?")


SETUPS: dict[str, tuple[Callable[[], None], Callable[[str], None]]] = {
    "openllmetry": (openllmetry, calls),
    "openllmetry-events": (openllmetry_events, calls),
    "openai-v2": (openai_v2, calls),
    "openai-v2-latest": (openai_v2, calls),
    "openinference": (openinference, calls),
    "openlit": (openlit, calls),
    "nested": (nested, chain),
    "langfuse": (langfuse, langfuse_calls),
}


def main() -> None:
    name, otlp, model_url = sys.argv[1:]
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = (
        "SPAN_ONLY" if name.endswith("latest") else "true"
    )
    if name.endswith("latest"):
        os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
    resource = Resource.create(RESOURCE)
    spans = TracerProvider(resource=resource)
    if name == "langfuse":
        os.environ["LANGFUSE_BASE_URL"] = os.environ["LANGFUSE_HOST"] = otlp
    else:
        spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{otlp}/v1/traces")))
    trace.set_tracer_provider(spans)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{otlp}/v1/metrics"), 600_000)
    numbers = MeterProvider([reader], resource=resource)
    metrics.set_meter_provider(numbers)
    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{otlp}/v1/logs")))
    _logs.set_logger_provider(logs)
    setup, drive = SETUPS[name]
    setup()
    drive(model_url)
    for provider in (spans, numbers, logs):
        provider.force_flush()
        provider.shutdown()


if __name__ == "__main__":
    main()
