"""Query results in the exact JSON of Prometheus' HTTP API. Written by hand: it is the hot part of an answer."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from monitor.core import patience
from monitor.core.histograms import HistogramBlock, block_of
from monitor.core.labels import Labels
from monitor.core.samples import Series
from monitor.promql.numbers import api_number, bucket_list
from monitor.query import Result

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# between these the JSON encoder writes a number as Go does
PLAIN_FROM, PLAIN_TO = 1e-4, 1e15
# numbers of an answer that are texts at one time
AT_ONCE = 50_000
# percentages and small counts are most of what is asked for again and again
_SMALL = [str(number) for number in range(1_001)]


def encode_result(result: Result, stats: Mapping[str, object] | None = None) -> bytes:
    """The whole body of a successful answer, with ``stats`` of the query beside its data."""
    parts = ['{"status":"success","data":{"resultType":"', result.kind, '","result":', _data(result)]
    if stats is not None:
        parts += [',"stats":', msgspec.json.encode(stats).decode()]
    parts.append("}")
    for name, texts in (("warnings", result.warnings), ("infos", result.infos)):
        if texts:
            parts += [f',"{name}":', msgspec.json.encode(texts).decode()]
    parts.append("}")
    return "".join(parts).encode()


def _data(result: Result) -> str:
    if result.kind == "string":
        return f"[{_moment(int(result.times[0]))},{_text(result.text)}]"
    if result.kind == "scalar":
        return f'[{_moment(int(result.times[0]))},"{api_number(float(result.values[0, 0]))}"]'
    if result.raw is not None:
        return _listed(_raw(one) for one in patience.each(result.raw))
    histograms = _histograms(result)
    if result.kind == "vector":
        return _listed(_element(result, row, histograms) for row in patience.each(range(len(result.labels))))
    moments = _moments(result.times)
    points = _all_points(result, _openings(moments))
    return _listed(_rows(result, moments, points, histograms))


def _listed(parts: Iterable[str]) -> str:
    return "[" + ",".join(parts) + "]"


def _text(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _metric(labels: Labels) -> str:
    return msgspec.json.encode(dict(labels.items_sorted)).decode()


def _moment(milliseconds: int) -> str:
    """Seconds with up to three digits after the point."""
    seconds, rest = divmod(milliseconds, 1000)
    if milliseconds < 0 and rest:
        return repr(milliseconds / 1000)
    return f"{seconds}.{rest:03d}" if rest else str(seconds)


def _moments(times: Ints) -> list[str]:
    """As _moment, in bulk: whole seconds are written in one call."""
    seconds = times // 1000
    if (seconds * 1000 == times).all():
        return msgspec.json.encode(seconds.tolist())[1:-1].decode().split(",")
    return [_moment(moment) for moment in times.tolist()]


def _histograms(result: Result) -> dict[int, str]:
    """The text of every histogram by its place in the grid."""
    texts: dict[int, str] = {}
    for cells in result.histograms:
        for row, place in enumerate(patience.each(cells.place.tolist())):
            texts[place] = _histogram(cells.block, row)
    return texts


def _histogram(block: HistogramBlock, row: int) -> str:
    parts = [
        f'{{"count":"{api_number(float(block.count[row]))}","sum":"{api_number(float(block.total[row]))}"'
    ]
    buckets = [
        f'[{rule},"{api_number(lower)}","{api_number(upper)}","{api_number(count)}"]'
        for rule, lower, upper, count in bucket_list(block, row)
    ]
    if buckets:
        parts.append(f',"buckets":{_listed(buckets)}')
    return "".join(parts) + "}"


def _element(result: Result, row: int, histograms: dict[int, str]) -> str:
    moment = _moment(int(result.times[0]))
    if result.floats[row, 0]:
        sample = f'"value":[{moment},"{api_number(float(result.values[row, 0]))}"]'
    else:
        sample = f'"histogram":[{moment},{histograms[row]}]'
    return f'{{"metric":{_metric(result.labels[row])},{sample}}}'


def _rows(
    result: Result, moments: list[str], points: Callable[[int], str], histograms: dict[int, str]
) -> Iterator[str]:
    for row in range(len(result.labels)):
        patience.look()
        yield _series(result, row, moments, points(row), histograms)


def _series(result: Result, row: int, moments: list[str], points: str, histograms: dict[int, str]) -> str:
    parts = [f'{{"metric":{_metric(result.labels[row])}', points]
    if histograms:
        steps = len(moments)
        found = [
            f"[{moment},{histograms[place]}]"
            for moment, place in zip(moments, range(row * steps, (row + 1) * steps), strict=True)
            if place in histograms
        ]
        if found:
            parts.append(f',"histograms":{_listed(found)}')
    parts.append("}")
    return "".join(parts)


def _all_points(result: Result, openings: list[str]) -> Callable[[int], str]:
    """What writes the floats of a row. Small answers without gaps have their numbers written in one go."""
    steps = len(openings)
    if 0 < result.values.size <= AT_ONCE and result.floats.all():
        texts = _texts(result.values.reshape(-1))
        return lambda row: f',"values":{_points(openings, texts[row * steps : (row + 1) * steps])}'
    chosen = np.array(openings, dtype=object)

    def points(row: int) -> str:
        mask = result.floats[row]
        if mask.all() and steps:
            return f',"values":{_points(openings, _texts(result.values[row]))}'
        if not mask.any():
            return ""
        return f',"values":{_points(chosen[mask].tolist(), _texts(result.values[row][mask]))}'

    return points


def _openings(moments: list[str]) -> list[str]:
    """What stands between a value and the next one."""
    return [f'"],[{moment},"' for moment in moments]


def _points(openings: list[str], texts: list[str]) -> str:
    """``[moment,"value"]`` pairs: all pieces in one list are joined in a third of the time of pairs."""
    parts = [""] * (2 * len(texts))
    parts[0::2], parts[1::2] = openings, texts
    parts[0] = "[" + parts[0][3:]
    parts.append('"]]')
    return "".join(parts)


def _texts(values: Floats) -> list[str]:
    """As api_number, in bulk: where no number is special, one call to the encoder writes them all."""
    size = np.abs(values)
    if not (((size > PLAIN_FROM) & (size < PLAIN_TO)) | (size == 0)).all():
        return [api_number(value) for value in values.tolist()]
    whole = values.astype(np.int64)
    if (whole == values).all() and not np.signbit(values[whole == 0]).any():
        if len(whole) and whole.min() >= 0 and whole.max() < len(_SMALL):
            return [_SMALL[number] for number in whole.tolist()]
        return msgspec.json.encode(whole.tolist())[1:-1].decode().split(",")
    joined = msgspec.json.encode(values.tolist()).decode()[1:-1] + ","
    return joined.replace(".0,", ",")[:-1].split(",")


def _raw(series: Series) -> str:
    parts = [f'{{"metric":{_metric(series.labels)}']
    if len(series.times):
        openings = _openings(_moments(series.times))
        parts.append(f',"values":{_points(openings, _texts(series.values))}')
    found = [
        f"[{_moment(moment)},{_histogram(block_of(run), row)}]"
        for run in series.histograms
        for row, moment in enumerate(run.times.tolist())
    ]
    if found:
        parts.append(f',"histograms":{_listed(found)}')
    return "".join(parts) + "}"
