import re
from urllib.parse import unquote

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


def written() -> dict[str, str]:
    """Every file of the manual as HTML."""
    return {path.name: str(docs.render(path.read_text("utf-8"))) for path in docs.folder().glob("*.md")}


def test_every_link_between_pages_leads_to_a_page_and_a_heading_in_its_own_language() -> None:
    pages = written()
    lost = []
    for name, html in pages.items():
        ending = ".zh.md" if name.endswith(".zh.md") else ".md"
        for page, anchor in re.findall(r'href="(?:/docs/(?:([a-z0-9-]+)/)?|(?=#))(?:#([^"]*))?"', html):
            target = pages.get(f"{page}{ending}" if page else name if anchor else f"index{ending}", "")
            if not target or (anchor and f'id="{unquote(anchor)}"' not in target):
                lost.append((name, page, unquote(anchor)))
    assert lost == []
