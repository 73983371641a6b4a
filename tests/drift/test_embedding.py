import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import stamina

from monitor.drift import run, windows
from monitor.drift.embedders import Hashing, Remote, configured
from monitor.drift.embedding import embed_missing
from monitor.drift.models import DriftReport, DriftWatch, WatchState
from monitor.drift.subjects import Span
from monitor.outside.llm import RefusedError, UnavailableError
from monitor.store.calls import embeddings
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_outside import Outside
from tests.fixtures.fix_traffic import Traffic

HOUR = dt.timedelta(hours=1)
ENGLISH = "how do I return my order within thirty days"
CHINESE = "请帮我审查这份合同的违约责任条款"


@pytest.fixture(scope="module")
def hashing() -> Hashing:
    return Hashing()


@pytest.fixture
def watch(cast: Cast) -> DriftWatch:
    return DriftWatch.objects.create(
        project=cast.project, model="qwen", version="v1", feature="prompt_embedding",
        detector="embedding_distance", reference_hours=4,
    )  # fmt: skip


def settle(watch: DriftWatch, embedder: Hashing, now: dt.datetime) -> DriftWatch:
    for _ in range(4):
        embed_missing(embedder, now=now)
        rows = windows.traffic(watch.project_id, Span(now - run.LOOKBACK, now))
        watch.refresh_from_db()
        run.run(watch, rows, now=now)
    watch.refresh_from_db()
    return watch


@pytest.mark.django_db
def test_prompts_in_another_language_are_drift(
    now: dt.datetime, watch: DriftWatch, traffic: Traffic, hashing: Hashing
) -> None:
    traffic(6, until=now - 3 * HOUR, prompt=ENGLISH)
    traffic(3, prompt=CHINESE)
    assert settle(watch, hashing, now).state == WatchState.DRIFT


@pytest.mark.django_db
@pytest.mark.parametrize("detector", ["embedding_mmd", "embedding_classifier"])
def test_detectors_that_see_vectors_themselves_find_it_too(
    now: dt.datetime, watch: DriftWatch, traffic: Traffic, hashing: Hashing, detector: str
) -> None:
    DriftWatch.objects.update(detector=detector)
    watch.refresh_from_db()
    traffic(6, until=now - 3 * HOUR, prompt=ENGLISH)
    traffic(3, prompt=CHINESE)
    assert settle(watch, hashing, now).state == WatchState.DRIFT


@pytest.mark.django_db
def test_the_examples_are_the_new_prompts(
    now: dt.datetime, watch: DriftWatch, traffic: Traffic, hashing: Hashing
) -> None:
    from monitor.store.calls import generations

    traffic(6, until=now - HOUR, prompt=ENGLISH)
    traffic(1, prompt=ENGLISH)
    traffic(1, prompt=CHINESE, per_hour=60)
    settle(watch, hashing, now)
    report = DriftReport.objects.filter(watch=watch).first()
    assert report is not None
    shown = generations.many(watch.project_id, report.body["examples"])
    assert {call.prompt for call in shown} == {CHINESE}


@pytest.mark.django_db
def test_the_watch_waits_for_vectors_and_invents_nothing(
    now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(6, prompt=ENGLISH)
    rows = windows.traffic(watch.project_id, Span(now - run.LOOKBACK, now))
    run.run(watch, rows, now=now)
    watch.refresh_from_db()
    assert (watch.state, watch.reference) == (WatchState.LEARNING, {})
    assert "vectors" in watch.reason


@pytest.mark.django_db
def test_one_run_makes_a_bounded_number_of_vectors(
    cast: Cast, now: dt.datetime, watch: DriftWatch, traffic: Traffic, hashing: Hashing
) -> None:
    traffic(1, per_hour=400, prompt=ENGLISH)
    # for the watch all 400 prompts, for signals a share of the answers, too
    assert embed_missing(hashing, now=now) <= 550
    (group,) = embeddings.means(cast.project.id, "qwen", "v1", kind="prompt", span=(now - HOUR, now))
    assert (group.embedder, len(group.mean)) == (hashing.name, 256)


@pytest.mark.django_db
def test_an_embedder_that_fails_is_noted_on_the_watch(
    now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    class Broken:
        name = "broken"

        def embed(self, texts: Sequence[str]) -> list[list[float]]:  # noqa: ARG002 — part of the contract
            message = "http://vectors:8000/v1: no answer within 30 s"
            raise UnavailableError(message, "timeout")

    traffic(1, prompt=ENGLISH)
    assert embed_missing(Broken(), now=now) == 0
    watch.refresh_from_db()
    assert "no answer" in watch.last_error


@pytest.mark.django_db
def test_a_text_that_the_endpoint_refuses_keeps_no_other_from_its_vector(
    cast: Cast, now: dt.datetime, traffic: Traffic
) -> None:
    class Short:
        name = "short"

        def embed(self, texts: Sequence[str]) -> list[list[float]]:
            if any(len(text) > 500 or "never" in text for text in texts):
                message = "http://vectors:8000/v1: HTTP 413 for model 'short': input is too long"
                raise RefusedError(message)
            return [[1.0, 0.5] for _ in texts]

    traffic(8, prompt=ENGLISH, per_hour=30)
    traffic(1, prompt="long " * 300, per_hour=5)
    traffic(1, prompt="never", per_hour=5)
    embed_missing(Short(), now=now)
    groups = embeddings.means(cast.project.id, "qwen", "v1", kind="prompt", span=(now - 9 * HOUR, now))
    texts = embeddings.missing(cast.project.id, (now - 9 * HOUR, now), "prompt", limit=900)
    assert groups[0].n > 0
    assert {text for _, text in texts} == {"never"}


@pytest.mark.parametrize("lie", [[1e30], ["nan"], [], [0.0] * 16_001])
def test_vectors_that_could_not_be_kept_are_a_wrong_answer(
    outside: Callable[[], Outside], lie: list[object]
) -> None:
    server = outside()
    server.always(body={"data": [{"index": 0, "embedding": lie}]})
    with stamina.set_testing(True, attempts=1), pytest.raises(UnavailableError, match="wrong form"):
        configured(f"{server.url}/v1", "bge-m3", "").embed(["x"])


def test_hashed_vectors_have_length_one_and_are_the_same_each_time(hashing: Hashing) -> None:
    first, second = hashing.embed([ENGLISH, ENGLISH])
    assert first == second
    assert np.linalg.norm(first) == pytest.approx(1.0)


def test_hashing_puts_like_texts_nearer_than_other_languages(hashing: Hashing) -> None:
    one, like, other = (
        np.array(v) for v in hashing.embed([ENGLISH, ENGLISH.upper().lower() + " please", CHINESE])
    )
    assert one @ like > 0.8 > one @ other


def test_an_endpoint_of_the_settings_is_used(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(body={"data": [{"index": 0, "embedding": [0.5, 0.5]}]})
    embedder = configured(f"{server.url}/v1", "bge-m3", "")
    assert isinstance(embedder, Remote)
    assert (embedder.name, embedder.embed(["x"])) == ("bge-m3", [[0.5, 0.5]])
