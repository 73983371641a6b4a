import datetime as dt
from collections.abc import Mapping

import numpy as np
import pytest

from dashboards import hinting
from dashboards.pages import engines
from monitor.core.clock import to_ms
from monitor.core.labels import Labels
from monitor.engines.hints import Hint
from monitor.engines.read import key_of
from monitor.store.samples import append
from tests.fixtures.fix_cast import NOON, Cast
from tests.fixtures.fix_world import Look

VLLM = {"job": "vllm", "instance": "h1:8000", "model_name": "qwen"}
LIMITED = {
    "vllm:num_requests_running": 64.0,
    "vllm:num_requests_waiting": 9.0,
    "vllm:gpu_cache_usage_perc": 0.4,
}


def told(cast: Cast, figures: Mapping[str, float], labels: Mapping[str, str], *, ago: int = 0) -> None:
    """Half an hour of unchanging figures that ends so many minutes before noon."""
    times = [to_ms(NOON - dt.timedelta(minutes=ago, seconds=30 * step)) for step in range(60)][::-1]
    append.samples(
        cast.project.id,
        [
            (Labels({"__name__": name, **labels}), at, value)
            for name, value in figures.items()
            for at in times
        ],
        now=NOON,
    )


def test_an_engine_is_joined_with_the_cards_of_its_host(look: Look, world: object, cast: Cast) -> None:
    told(cast, LIMITED, VLLM)
    (row,) = look("engines").context["rows"]
    assert (row.engine.engine, row.engine.models, row.engine.cards) == ("vLLM", ("qwen",), ("0", "1"))
    assert row.engine.utilisation == pytest.approx(0.5)
    assert row.state == "warn"
    assert "max-num-seqs" in row.said[0]


def test_what_an_engine_does_not_tell_is_unknown(look: Look, cast: Cast) -> None:
    told(cast, {"tgi_queue_size": 0.0}, {"job": "tgi", "instance": "t:80"})
    (row,) = look("engines").context["rows"]
    texts = dict(zip((one.name for one in engines.COLUMNS), (one.text for one in row.cells), strict=True))
    assert texts["waiting"] == "0"
    assert {name for name, text in texts.items() if not text} == {one.name for one in engines.COLUMNS} - {
        "waiting"
    }


def test_an_engine_that_fell_silent_is_unknown(look: Look, cast: Cast) -> None:
    told(cast, LIMITED, VLLM, ago=20)
    (row,) = look("engines").context["rows"]
    assert (row.state, row.said) == ("unknown", [])


def test_requests_that_wait_for_no_known_reason_are_not_good(look: Look, cast: Cast) -> None:
    told(cast, LIMITED, VLLM)
    (row,) = look("engines").context["rows"]
    assert (row.state, row.said, row.engine.cards) == ("warn", [], ())


def test_an_engine_heard_for_a_moment_is_unknown(look: Look, cast: Cast) -> None:
    points = [(Labels({"__name__": "tgi_queue_size", "job": "t", "instance": "t:1"}), to_ms(NOON), 0.0)]
    append.samples(cast.project.id, points, now=NOON)
    (row,) = look("engines").context["rows"]
    assert (row.state, row.engine.now("waiting")) == ("unknown", 0)


def test_one_engine_opens_with_its_charts_and_its_cards(look: Look, world: object, cast: Cast) -> None:
    told(cast, LIMITED, VLLM)
    told(cast, LIMITED, VLLM | {"instance": "elsewhere:8000"})
    context = look(f"engines/{key_of('vllm', 'h1:8000')}").context
    drawn = {one.id for one in [*context["charts"], *context["cards"]] if one.figure}
    assert {"engine-requests", "engine-cache", "cards-utilisation", "cards-memory"} <= drawn
    assert "engine-first" not in drawn


def test_an_unknown_engine_is_not_found(look: Look, cast: Cast) -> None:
    assert look("engines/0123456789ab").status_code == 404


EVIDENCE = dict.fromkeys(
    (
        "kv",
        "soonest",
        "likely",
        "latest",
        "per_hour",
        "waiting",
        "gpu",
        "running",
        "count",
        "now",
        "usual",
        "share",
    ),
    0.5,
)


@pytest.mark.parametrize("kind", list(hinting.TITLES))
def test_every_hint_has_a_title_and_a_sentence(kind: str) -> None:
    hint = Hint(kind, "warn", EVIDENCE)
    assert hinting.title(hint)
    assert "50" in hinting.sentence(hint)


def test_requests_that_wait_for_busy_cards_are_not_good(look: Look, world: object, cast: Cast) -> None:
    told(cast, LIMITED, VLLM | {"gpus": "7"})
    told(cast, {"gpu_utilization_ratio": 0.97}, {"host": "h1", "gpu": "7", "uuid": "GPU-7"})
    (row,) = look("engines").context["rows"]
    assert ([one.kind for one in row.engine.hints], row.state) == (["machine_bound"], "warn")


def test_a_spark_keeps_its_gaps() -> None:
    line = np.where(np.arange(96) < 48, np.nan, 1.0)
    thin = engines._thin(line)
    assert thin[:24] == [None] * 24
    assert set(thin[24:]) == {1.0}
