from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from monitor.ingest.models import ScrapeJob, ScrapeTarget
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
FILE = """
global: {scrape_interval: 10s}
scrape_configs:
  - job_name: vllm
    static_configs: [{targets: ["10.0.0.1:8000", "10.0.0.2:8000"]}]
  - job_name: far
    http_sd_configs: [{url: "http://127.0.0.1:1/targets"}]
"""


def run(path: Path, text: str) -> str:
    path.write_text(text)
    out = StringIO()
    call_command("scrape", "import", str(path), "--project", "shop", stdout=out)
    return out.getvalue()


def test_the_jobs_of_a_prometheus_file_are_taken(cast: Cast, tmp_path: Path) -> None:
    said = run(tmp_path / "prometheus.yml", FILE).splitlines()
    assert said[0].startswith("far: not yet: http_sd_configs: 127.0.0.1")
    assert said[1] == "vllm: 2 targets"
    assert {one.interval_seconds for one in ScrapeTarget.objects.all()} == {10}


def test_importing_again_replaces(cast: Cast, tmp_path: Path) -> None:
    run(tmp_path / "a.yml", FILE)
    said = run(tmp_path / "a.yml", FILE.replace(', "10.0.0.2:8000"', ""))
    assert "vllm: 1 targets (replaced)" in said
    assert ScrapeJob.objects.count() == 2


def test_a_key_that_is_not_supported_is_named_and_nothing_is_taken(cast: Cast, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"a\.yml: scrape_configs\[1\]\.consul_sd_configs: not supported"):
        run(tmp_path / "a.yml", FILE.replace("http_sd_configs", "consul_sd_configs"))
    assert not ScrapeJob.objects.exists()
