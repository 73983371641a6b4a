from typing import Any

import pytest
from django.test import Client

from monitor.drift.detectors import DETECTORS
from monitor.drift.models import DriftWatch
from tests.fixtures.fix_cast import Cast

ADD = "/admin/monitor/driftwatch/add/"


@pytest.fixture
def admin(client: Client, cast: Cast) -> Client:
    client.force_login(cast.ada)
    return client


def typed(cast: Cast, **changes: Any) -> dict[str, Any]:
    return {
        "project": cast.project.pk, "model": "qwen", "version": "v1", "feature": "prompt_length",
        "detector": "wasserstein", "window_seconds": "3600", "enabled": "on", "reference_hours": "12",
        "setting_scale": "linear", **changes,
    }  # fmt: skip


def test_the_list_of_detectors_says_what_each_is_for(admin: Client) -> None:
    page = admin.get(ADD).content.decode()
    assert all(f"?detector={name}" in page for name in DETECTORS)


def test_a_watch_is_stored_with_its_detectors_settings(admin: Client, cast: Cast) -> None:
    assert admin.post(ADD, typed(cast)).status_code == 302
    assert DriftWatch.objects.get().settings == {"scale": "linear"}


def test_a_detector_of_vectors_for_lengths_is_refused(admin: Client, cast: Cast) -> None:
    page = admin.post(ADD, typed(cast, detector="embedding_distance")).content.decode()
    assert "choose a feature that fits" in page
    assert not DriftWatch.objects.exists()


def test_half_a_reference_is_refused(admin: Client, cast: Cast) -> None:
    page = admin.post(
        ADD, typed(cast, reference_from_0="2026-11-17", reference_from_1="00:00")
    ).content.decode()
    assert "both ends" in page


def test_another_reference_is_pinned_anew_and_its_evidence_void(admin: Client, cast: Cast) -> None:
    admin.post(ADD, typed(cast))
    DriftWatch.objects.update(reference={"blocks": []}, progress={"paged": True})
    watch = DriftWatch.objects.get()
    given = {
        "reference_from_0": "2026-11-17", "reference_from_1": "00:00", "reference_to_0": "2026-11-18",
        "reference_to_1": "00:00",
    }  # fmt: skip
    admin.post(f"/admin/monitor/driftwatch/{watch.pk}/change/", typed(cast, **given))
    watch.refresh_from_db()
    assert (watch.reference, watch.progress) == ({}, {})
    assert watch.reference_from is not None


def test_the_last_day_can_be_made_the_new_normal(admin: Client, cast: Cast) -> None:
    admin.post(ADD, typed(cast))
    watch = DriftWatch.objects.get()
    admin.post("/admin/monitor/driftwatch/", {"action": "new_normal", "_selected_action": [watch.pk]})
    watch.refresh_from_db()
    assert watch.reference_from is not None
    assert watch.reference_to is not None


def test_an_attribute_is_watched_by_its_name(admin: Client, cast: Cast) -> None:
    assert admin.post(ADD, typed(cast, feature="number:", attribute="score")).status_code == 302
    watch = DriftWatch.objects.get()
    assert watch.feature == "number:score"
    page = admin.get(f"/admin/monitor/driftwatch/{watch.pk}/change/").content.decode()
    assert 'value="score"' in page
    assert '<option value="number:" selected' in page


def test_an_attribute_without_a_name_is_asked_for(admin: Client, cast: Cast) -> None:
    assert "Say which attribute" in admin.post(ADD, typed(cast, feature="category:")).content.decode()
    assert not DriftWatch.objects.exists()
