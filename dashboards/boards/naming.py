"""How forms call what documents write as one word: kinds of panels, choices, calculations, roles."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

NAMES: Mapping[str, str | Promise] = {
    # kinds of panels
    "timeseries": lazy("lines over time"), "stat": lazy("number"), "gauge": lazy("dial"), "bargauge": lazy("bars in a list"),
    "bar": lazy("bar chart"), "pie": lazy("shares of a whole"), "histogram": lazy("histogram"), "heatmap": lazy("heatmap"),
    "table": lazy("table"), "states": lazy("states over time"), "compare": lazy("two versions"), "text": lazy("text"), "row": lazy("row"),
    # how they are drawn
    "line": lazy("line"), "bars": lazy("bars"), "points": lazy("points"), "normal": lazy("on top of each other"),
    "percent": lazy("shares in percent"), "list": lazy("list"), "hidden": lazy("hidden"), "value": lazy("the number"),
    "background": lazy("the background"),
    # calculations
    "lastNotNull": lazy("last known"), "last": lazy("last"), "current": lazy("last"), "firstNotNull": lazy("first known"),
    "first": lazy("first"), "mean": lazy("mean"), "avg": lazy("mean"), "median": lazy("median"), "min": lazy("least"), "max": lazy("largest"),
    "sum": lazy("sum"), "total": lazy("sum"), "count": lazy("number of points"), "range": lazy("largest less least"), "delta": lazy("growth of a counter"),
    "step": lazy("least step"), "diff": lazy("last less first"), "diffperc": lazy("last less first, in percent"), "variance": lazy("variance"),
    "stdDev": lazy("standard deviation"), "distinctCount": lazy("different values"), "changeCount": lazy("changes"), "logmin": lazy("least above zero"),
    "allIsZero": lazy("whether all is zero"),
    # fields, variables, marks, orders
    "name": lazy("name"), "regex": lazy("regular expression"), "names": lazy("names"), "kind": lazy("kind of field"), "query": lazy("query"),
    "custom": lazy("written values"), "interval": lazy("durations"), "constant": lazy("constant"), "datasource": lazy("data source"),
    "alerts": lazy("alerts"), "releases": lazy("releases"), "up": lazy("ascending"), "down": lazy("descending"),
    "number": lazy("by number"), "number down": lazy("by number, descending"),
    # colours
    "good": lazy("good"), "warn": lazy("warning"), "bad": lazy("bad"), "neutral": lazy("neutral"),
    # transformations
    "outer": lazy("all rows"), "inner": lazy("rows found in all"), "columns": lazy("columns"), "rows": lazy("rows"),
    "binary": lazy("of two columns"), "reduceRow": lazy("of each row"), "unary": lazy("of one column"), "index": lazy("number of the row"),
    "cumulativeFunctions": lazy("running total"), "windowFunctions": lazy("moving window"),
    "include": lazy("are kept"), "exclude": lazy("are left out"), "any": lazy("one of the conditions"), "all": lazy("all conditions"),
    # roles
    "viewer": lazy("viewer"), "labeller": lazy("labeller"), "editor": lazy("editor"), "admin": lazy("admin"),
}  # fmt: skip

# parts of a document, as the list of what differs between two versions calls them
PARTS: Mapping[str, str | Promise] = {
    "title": lazy("title"), "about": lazy("description"), "range": lazy("time range"), "refresh": lazy("refresh"), "tags": lazy("tags"),
    "variables": lazy("variables"), "annotations": lazy("marks"), "links": lazy("links"), "kind": lazy("kind"), "queries": lazy("queries"),
    "unit": lazy("unit"), "decimals": lazy("decimals"), "low": lazy("scale from"), "high": lazy("scale to"), "thresholds": lazy("thresholds"),
    "in_percent": lazy("thresholds in percent"), "wordings": lazy("texts for values"), "overrides": lazy("overrides"), "options": lazy("options"),
    "transformations": lazy("transformations"), "repeat": lazy("repeat"), "downwards": lazy("repeated downwards"), "collapsed": lazy("folded"),
    "x": lazy("column"), "y": lazy("line"), "w": lazy("width"), "h": lazy("height"),
}  # fmt: skip


def called(word: str) -> str:
    """The word as people read it; one that has no other name as it is."""
    return str(NAMES.get(word, word))


def part(name: str) -> str:
    """A field of a document as people read it."""
    return str(PARTS.get(name, name))
