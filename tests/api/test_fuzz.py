"""Whatever comes in that looks like a request: no door falls over, and every answer is one that is described."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from monitor.api import openapi
from tests.fixtures.fix_cast import Cast

EXAMPLES = 12


@schemathesis.serializer(openapi.PROTOBUF)
def as_it_is(_: Any, value: Any) -> Any:
    """Bytes are bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


CHECKS = [
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def interfaces() -> Iterator[Any]:
    schema = schemathesis.openapi.from_dict(openapi.document("test"))
    schema.app = get_wsgi_application()
    # the test's own transaction is on the connection
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield schema
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("one", openapi.OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_no_request_makes_a_door_fall_over(interfaces: Any, cast: Cast, one: openapi.Operation) -> None:
    asked = interfaces[one.path][one.method.upper()].as_strategy()

    known = b64encode(f"ada:{cast.key}".encode()).decode()
    keys = st.sampled_from(
        [
            f"Bearer {cast.key}",
            f"Basic {known}",
            "Bearer vgl_\xff",
            "Basic Og==",
            "Basic \xe9",
            "Digest a",
            "",
        ]
    )

    @given(case=asked, key=keys)
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    def every(case: Any, key: str) -> None:
        answer = case.call(headers={"authorization": key})
        case.validate_response(answer, checks=CHECKS)

    every()
