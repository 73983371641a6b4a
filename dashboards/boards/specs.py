"""Which fields the lists of a board have: overrides, transformations by kind, variables, marks on charts, links."""

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as lazy

from dashboards.boards.document import VARIABLE_KINDS
from dashboards.boards.manners import TOKENS
from dashboards.boards.reduced import CALCULATIONS
from dashboards.boards.rows import Spec, Thing
from dashboards.boards.transform import every

COLOURS = ("", *sorted(TOKENS))
BY = ("name", "regex", "names", "kind", "query")
ORDERS = ("", "up", "down", "number", "number down")
OPERATORS = ("", "+", "-", "*", "/")
CALCS = tuple(CALCULATIONS)

OVERRIDE = (
    Spec("by", lazy("Fields by"), "choice", BY),
    Spec("match", lazy("which"), "long", hint="p99"),
    Spec("others", lazy("all but these"), "flag"),
    Spec("title", lazy("Title")),
    Spec("unit", lazy("Unit"), hint="seconds"),
    Spec("decimals", lazy("Decimals"), "whole"),
    Spec("colour", lazy("Colour"), "choice", COLOURS),
    Spec("link", lazy("Link")),
    Spec("right", lazy("on the right axis"), "flag"),
    Spec("below", lazy("drawn downwards"), "flag"),
    Spec("hidden", lazy("hidden"), "flag"),
)
VARIABLE = (
    Spec("name", lazy("Name")),
    Spec("kind", lazy("Kind"), "choice", VARIABLE_KINDS),
    Spec("label", lazy("Label")),
    Spec("query", lazy("Query, or the values"), "long", hint="label_values(llm_requests_total, version)"),
    Spec("regex", lazy("Only what fits"), hint="/prod-(.*)/"),
    Spec("order", lazy("Order"), "choice", ORDERS),
    Spec("chosen", lazy("Chosen at first"), "words"),
    Spec("all_value", lazy("“All” stands for"), hint=".*"),
    Spec("many", lazy("several at once"), "flag"),
    Spec("all", lazy("offer “All”"), "flag"),
    Spec("hidden", lazy("hidden"), "flag"),
)
ANNOTATION = (
    Spec("name", lazy("Name")),
    Spec("kind", lazy("Kind"), "choice", ("alerts", "releases", "query")),
    Spec("expr", lazy("PromQL"), "long", hint="changes(llm_requests_total[5m]) > 0"),
    Spec("colour", lazy("Colour"), "choice", ("neutral", *sorted(TOKENS - {"neutral"}))),
)
LINK = (
    Spec("title", lazy("Title")),
    Spec("url", lazy("Address"), hint="/p/…"),
    Spec("keep_time", lazy("keep the time range"), "flag"),
)
STEPS: dict[str, tuple[Spec, ...]] = {
    "organize": (
        Spec("options.excludeByName", lazy("Hide, one a line"), "names"),
        Spec("options.renameByName", lazy("Rename, one a line: old => new"), "pairs"),
        Spec("options.indexByName", lazy("Order, one a line"), "order"),
    ),
    "renameByRegex": (
        Spec("options.regex", lazy("Regular expression"), hint="(.*)-(\\d+)"),
        Spec("options.renamePattern", lazy("New name"), hint="$1"),
    ),
    "filterFieldsByName": (
        Spec("options.include.pattern", lazy("Keep what fits"), hint="p99|p95"),
        Spec("options.exclude.pattern", lazy("Drop what fits")),
    ),
    "filterByRefId": (Spec("options.include", lazy("Keep the queries"), hint="A|B"),),
    "sortBy": (
        Spec("options.sort.0.field", lazy("By field")),
        Spec("options.sort.0.desc", lazy("largest first"), "flag"),
    ),
    "groupBy": (
        Spec("options.fields", lazy("One a line: a column to group by, or “Value => mean, max”"), "grouping", hint="version"),
    ),
    "filterByValue": (
        Spec("options.filters", lazy("Conditions, one a line"), "conditions", hint="Value > 5"),
        Spec("options.type", lazy("Rows that fit"), "choice", ("include", "exclude")),
        Spec("options.match", lazy("Fitting is"), "choice", ("any", "all")),
    ),
    "limit": (Spec("options.limitField", lazy("Rows"), "whole"),),
    "reduce": (
        Spec("options.reducers", lazy("Calculations"), "words", hint="mean, max"),
        Spec("options.labelsToFields", lazy("labels as fields"), "flag"),
    ),
    "labelsToFields": (
        Spec("options.valueLabel", lazy("Label that names the value")),
        Spec("options.keepLabels", lazy("Keep only the labels"), "words"),
        Spec("options.mode", lazy("as"), "choice", ("", "columns", "rows")),
    ),
    "joinByField": (
        Spec("options.byField", lazy("By field"), hint="Time"),
        Spec("options.mode", lazy("Keep rows"), "choice", ("", "outer", "inner")),
    ),
    "calculateField": (
        Spec("options.mode", lazy("Calculation"), "choice", ("", "binary", "reduceRow", "unary", "index", "cumulativeFunctions", "windowFunctions")),
        Spec("options.binary.left", lazy("left")),
        Spec("options.binary.operator", lazy("operator"), "choice", OPERATORS),
        Spec("options.binary.right", lazy("right")),
        Spec("options.reduce.reducer", lazy("Of each row"), "choice", ("", *CALCS)),
        Spec("options.cumulative.field", lazy("Running total of")),
        Spec("options.window.field", lazy("Moving window over")),
        Spec("options.window.reducer", lazy("calculated as"), "choice", ("", *CALCS)),
        Spec("options.window.windowSize", lazy("Width, as a share of all rows"), "number"),
        Spec("options.alias", lazy("New name")),
        Spec("options.replaceFields", lazy("instead of the others"), "flag"),
    ),
    "histogram": (
        Spec("options.bucketCount", lazy("Bins"), "whole"),
        Spec("options.bucketSize", lazy("Width of a bin"), "number"),
    ),
    "merge": (),
}  # fmt: skip


def override(_one: Thing) -> Sequence[Spec]:
    return OVERRIDE


def variable(_one: Thing) -> Sequence[Spec]:
    return VARIABLE


def annotation(_one: Thing) -> Sequence[Spec]:
    return ANNOTATION


def link(_one: Thing) -> Sequence[Spec]:
    return LINK


def step(one: Thing) -> Sequence[Spec]:
    """The kind, and the fields of that kind; as JSON what has no fields of its own."""
    kind = str(one.get("kind", ""))
    known = sorted({*every(), kind} - {""})
    chosen = Spec("kind", lazy("Transformation"), "choice", ("", *known))
    rest = STEPS.get(kind, (Spec("options", lazy("Options (JSON)"), "json"),) if kind else ())
    return (chosen, *rest)
