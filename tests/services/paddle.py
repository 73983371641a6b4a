"""A small inference service as people write them: FastAPI, prometheus_client, nothing of ours.

It answers at once and books the latency it is told to have, so that tests need not wait for slow answers.
"""

from dataclasses import dataclass

from fastapi import FastAPI, HTTPException, Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from pydantic import BaseModel

VERSIONS = ("v1", "v2")

requests = Counter("paddle_model_requests_total", "Requests to the model", ["version"])
errors = Counter("paddle_model_errors_total", "Requests that failed", ["version"])
latency = Histogram(
    "paddle_model_latency_seconds",
    "Time to answer",
    ["version"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
app = FastAPI()


@dataclass
class Behaviour:
    """How a version answers; ``owed`` are errors that its rate has added up to."""

    error_rate: float = 0.0
    latency_seconds: float = 0.05
    owed: float = 0.0


class Change(BaseModel):
    version: str
    error_rate: float | None = None
    latency_seconds: float | None = None


class Load(BaseModel):
    version: str
    count: int = 1


behaviours = {version: Behaviour() for version in VERSIONS}
for _version in VERSIONS:
    # a series that begins with its first error would hide that error from rate()
    requests.labels(_version)
    errors.labels(_version)
    latency.labels(_version)


def _predict(version: str) -> bool:
    """Whether the answer was a good one."""
    behaviour = behaviours[version]
    requests.labels(version).inc()
    latency.labels(version).observe(behaviour.latency_seconds)
    behaviour.owed += behaviour.error_rate
    if behaviour.owed < 1:
        return True
    behaviour.owed -= 1
    errors.labels(version).inc()
    return False


@app.post("/predict")
def predict(load: Load) -> dict[str, str]:
    """One request to the model."""
    if not _predict(load.version):
        raise HTTPException(500, "the model failed")
    return {"answer": f"{load.version} says hello"}


@app.post("/load")
def put_load(load: Load) -> dict[str, int]:
    """As many requests as ``count``; how many failed."""
    return {"failed": sum(not _predict(load.version) for _ in range(load.count))}


@app.put("/behaviour")
def behave(change: Change) -> Change:
    behaviour = behaviours[change.version]
    if change.error_rate is not None:
        behaviour.error_rate = change.error_rate
    if change.latency_seconds is not None:
        behaviour.latency_seconds = change.latency_seconds
    return change


@app.get("/metrics")
def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
