import pytest
from django.test import Client

from dashboards import docs


def test_raw_html_in_the_manual_stays_text() -> None:
    assert "&lt;script&gt;" in docs.render("<script>alert(1)</script>")


def test_a_link_between_files_becomes_an_address() -> None:
    assert 'href="/docs/send/#keys"' in docs.render("[x](send.md#keys)")


def test_a_heading_can_be_linked_to() -> None:
    assert '<h2 id="api-keys">' in docs.render("## API keys")


@pytest.mark.parametrize("leaf", [leaf.name for leaf in docs.leaves()])
def test_every_page_of_the_manual_opens(client: Client, leaf: str) -> None:
    assert client.get("/docs/" if leaf == "index" else f"/docs/{leaf}/").status_code == 200


def test_a_page_that_is_not_there_is_404(client: Client, db: None) -> None:
    assert client.get("/docs/nothing/").status_code == 404
