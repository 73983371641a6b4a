import pytest

from monitor.drift import privacy
from monitor.drift.models import DriftSketch
from tests.fixtures.fix_cast import Cast


@pytest.mark.django_db
def test_words_of_forgotten_texts_go_and_sums_stay(cast: Cast) -> None:
    for project in (cast.project, cast.other):
        for part in ("why prompt_length", "calls"):
            DriftSketch.objects.create(project=project, model="m", part=part, hour=0, body=b"words")
    assert privacy.forget(cast.project.id) == 1
    left = DriftSketch.objects.values_list("project", "part")
    assert set(left) == {
        (cast.project.id, "calls"), (cast.other.id, "calls"), (cast.other.id, "why prompt_length"),
    }  # fmt: skip
