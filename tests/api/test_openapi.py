"""The description of the interfaces is valid, complete, and agrees with what the doors do."""

import re
from typing import Any

import msgspec
import openapi_spec_validator
import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from monitor.api import openapi

# nothing for programs of others: what is alive, and the description itself
BESIDE = {"/api/docs"}


def served() -> set[str]:
    paths = (f"/{one.pattern}" for one in get_resolver().url_patterns if isinstance(one, URLPattern))
    found = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", one) for one in paths}
    return {one for one in found if one.startswith(("/api/", "/v1/", "/federate"))} - BESIDE


@pytest.fixture
def told(client: Client) -> Any:
    answer = client.get("/api/docs")
    assert answer.status_code == 200
    return msgspec.json.decode(answer.content)


def test_every_address_is_described_and_no_other() -> None:
    assert {one.path for one in openapi.OPERATIONS} == served()


def test_the_description_is_valid(told: Any) -> None:
    openapi_spec_validator.validate(told)


def test_what_a_generation_may_hold_is_told(told: Any) -> None:
    record = told["components"]["schemas"]["WireGeneration"]
    assert record["required"] == ["model"]
    assert {"ttft_seconds", "contexts", "tokens", "cost_usd"} <= set(record["properties"])
