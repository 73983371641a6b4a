"""Random questions over floats, native histograms, both in one series, gaps and markers: an answer or a refusal,
and nothing else.
"""

from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import query
from monitor.api.encode import encode_result
from monitor.promql.errors import QueryError
from monitor.promql.functions.registry import FUNCTIONS, Function
from monitor.promql.values import Grid
from tests.promql.language import cases, memory

WIDTHS = st.sampled_from(["15s", "1m", "37s", "5m", "step() + 1s", "2 * 30s"])
MOVED = st.sampled_from(
    ["", "", "", " offset 30s", " offset -1m", " @ 100", " @ start()", " @ end()", " offset step()"]
)
NUMBERS = st.sampled_from(
    ["0", "1", "-1", "0.5", "NaN", "Inf", "1e308", "step()", "time()", "scalar(m)", "pi()"]
)
TEXTS = st.sampled_from(['"a"', '""', '"$1"', '"(.*)"', '"le"', '"__name__"', '"x.y"'])
SELECTORS = st.tuples(
    st.sampled_from(["m", "h", '{a="x"}', '{a=~".+"}', 'm{a="z"}', "nothing", "up", '{__name__=~"m|h"}']),
    MOVED,
).map("".join)
OPERATORS = "+ - * / % ^ atan2 == != > < >= <= == bool > bool and or unless".replace(" bool", "_bool").split()
MATCHING = [
    "",
    "on(a)",
    "ignoring(le)",
    "on()",
    "on(a) group_left()",
    "ignoring(le) group_right(a)",
    "fill(0)",
]
AGGREGATES = [
    "sum",
    "min",
    "avg",
    "group",
    "stddev",
    "count",
    'count_values "v",',
    "topk 1,",
    "quantile 0.5,",
    "limitk 2,",
]
GROUPS = st.sampled_from(["", "by (a)", "without (a)", "by (le, a)", "by ()", "by (__name__)"])


MIXED = next(cases(Path(__file__).parent / "mixed.data")).series


def called(one: Function, inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    plain = SELECTORS.filter(lambda text: "offset" not in text and "@" not in text)
    ranges = st.one_of(
        st.builds("{}[{}]{}".format, plain, WIDTHS, MOVED),
        st.builds("({})[{}:{}]".format, inner, WIDTHS, st.one_of(st.just(""), WIDTHS)),
    )
    kinds = {"scalar": NUMBERS, "string": TEXTS, "vector": inner, "matrix": ranges}
    if one.name == "info":
        return inner.map('info({}, {{v=~".*"}})'.format)
    return st.tuples(*(kinds[kind] for kind in one.kinds)).map(lambda args: f"{one.name}({', '.join(args)})")


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    sides = st.tuples(
        inner, st.sampled_from(OPERATORS), st.sampled_from(MATCHING), st.one_of(inner, inner, NUMBERS)
    )
    aggregated = st.tuples(st.sampled_from(AGGREGATES), GROUPS, inner)
    return st.one_of(
        st.sampled_from(sorted(FUNCTIONS)).flatmap(lambda name: called(FUNCTIONS[name], inner)),
        sides.map(lambda p: f"({p[0]}) {p[1].replace('_', ' ')} {p[2]} ({p[3]})"),
        aggregated.map(lambda p: "{0} {2} ({1}{3})".format(*p[0].partition(" ")[::2], p[1], p[2])),
    )


GRIDS = st.sampled_from(
    [
        (100_000, 100_000, 1),
        (77_777, 77_777, 1),
        (0, 300_000, 15_000),
        (-30_000, 300_000, 7_001),
        (60_000, 600_001, 400_000),
    ]
)


@settings(max_examples=300, deadline=None)
@given(expr=st.recursive(SELECTORS, compound, max_leaves=4), span=GRIDS)
def test_no_question_breaks_the_engine(expr: str, span: tuple[int, int, int]) -> None:
    grid = Grid(*span)
    with suppress(QueryError):
        encode_result(query.ask(memory(MIXED), expr, grid, at_once=grid.steps == 1), None)
