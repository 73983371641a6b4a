"""Tables on boards: where their cells lead."""

import datetime as dt

import pytest

from dashboards.boards.document import Override, Panel
from dashboards.boards.fill import Scope, Value
from dashboards.boards.kinds import Drawing, lists
from dashboards.boards.tables import Table, numbers, texts
from dashboards.span import Span
from tests.fixtures.fix_cast import NOON

SCOPE = Scope(Span(NOON - dt.timedelta(hours=1), NOON, "1h"), {"ns": Value(("a b",))})
PODS = Table("A", (texts("pod", ["p 1"]), numbers("Value", [2.0]), texts("node", ["n/1"])))


@pytest.mark.parametrize(
    "link, address",
    [
        ("/d/x?var-ns=$ns&var-pod=${__data.fields.pod}", "/d/x?var-ns=a%20b&amp;var-pod=p%201"),
        ('/d/x?n=${__data.fields["node"]}', "/d/x?n=n%2F1"),
        ("/d/x?c=$__cell_2&v=${__value.raw}", "/d/x?c=n%2F1&amp;v=p%201"),
        ("/d/x?gone=${__data.fields.other}.", "/d/x?gone=."),
    ],
)
def test_a_link_of_a_cell_says_what_its_row_says(link: str, address: str) -> None:
    panel = Panel(
        1, "table", overrides=[Override("name", "pod", link=link), Override("name", "node", hidden=True)]
    )
    found = lists.draw(Drawing("1", panel, [PODS], SCOPE)).html
    assert f'href="{address}"' in found


def test_a_link_that_runs_a_script_leads_nowhere() -> None:
    panel = Panel(1, "table", overrides=[Override("name", "pod", link="javascript:${__data.fields.pod}")])
    assert "href" not in lists.draw(Drawing("1", panel, [PODS], SCOPE)).html
