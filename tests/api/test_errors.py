import pytest
from django.test import RequestFactory

from monitor.api import errors


@pytest.mark.parametrize(
    ("path", "kind"), [("/api/v1/query", "application/json"), ("/p/shop/overview/", "text/html")]
)
def test_a_failure_of_ours_answers_programs_in_their_shape(path: str, kind: str) -> None:
    answer = errors.broken(RequestFactory().get(path))
    assert answer.status_code == 500
    assert answer["Content-Type"].startswith(kind)
