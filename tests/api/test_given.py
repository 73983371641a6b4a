"""What a request asks with: read as Django reads it, without its price."""

import pytest
from django.core.exceptions import TooManyFieldsSent
from django.http import HttpRequest
from django.test import RequestFactory
from hypothesis import given as whatever
from hypothesis import settings
from hypothesis import strategies as st

from monitor.api import parameters
from monitor.api.given import given

FORM = "application/x-www-form-urlencoded"
TEXTS = st.text(st.sampled_from("ab=&+%4é 2F;#"), max_size=12)


def as_django_says(request: HttpRequest) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    return dict(request.POST.lists()), dict(request.GET.lists())


@settings(max_examples=60)
@whatever(TEXTS, TEXTS)
def test_form_and_address_are_what_django_reads(address: str, form: str) -> None:
    def asked() -> HttpRequest:
        return RequestFactory().post(
            "/", form.encode(), content_type=FORM, QUERY_STRING=address.encode().decode("latin-1")
        )

    assert given(asked()) == as_django_says(asked())


def test_a_form_in_parts_is_read_too() -> None:
    assert given(RequestFactory().post("/?x=1", {"query": "up"})) == ({"query": ["up"]}, {"x": ["1"]})


def test_of_what_is_given_twice_the_first_counts() -> None:
    assert parameters.text(RequestFactory().get("/?query=&query=b"), "query") == ""
    assert parameters.text(RequestFactory().get("/?query=a&query=b"), "query") == "a"


def test_too_many_fields_are_refused() -> None:
    with pytest.raises(TooManyFieldsSent):
        given(RequestFactory().get("/", QUERY_STRING="&".join(["a=1"] * 1_001)))
