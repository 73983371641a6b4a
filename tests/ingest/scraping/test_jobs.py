"""scrape_configs as they are written for Prometheus: what is read, and what is refused by which key."""

from typing import Any

import pytest
import yaml

from monitor.ingest.scraping import jobs

WHOLE = """
global: {scrape_interval: 15s, evaluation_interval: 1m, external_labels: {site: a}}
rule_files: [rules.yml]
remote_write: [{url: "http://elsewhere/write"}]
scrape_configs:
  - job_name: vllm
    scrape_timeout: 5s
    metrics_path: /m
    scheme: https
    params: {module: [a, b]}
    honor_labels: true
    honor_timestamps: false
    basic_auth: {username: u, password: p}
    sample_limit: 1000
    static_configs: [{targets: ["a:1", "b:2"], labels: {zone: z1}}]
    file_sd_configs: [{files: [/etc/prometheus/t/*.json], refresh_interval: 1m}]
    http_sd_configs: [{url: "http://sd/targets", authorization: {credentials: t0ken}}]
    relabel_configs: [{source_labels: [__address__], regex: "a:.*", action: keep}]
    metric_relabel_configs: [{source_labels: [__name__], regex: "go_.*", action: drop}]
  - {job_name: plain, static_configs: [{targets: [localhost]}]}
"""


def test_a_whole_file_is_read() -> None:
    first, second = (jobs.read(entry) for entry in jobs.load(WHOLE))
    assert (first.interval_ms, first.timeout_ms, first.scheme, first.path) == (15_000, 5_000, "https", "/m")
    assert (first.honor_labels, first.honor_timestamps, first.sample_limit) == (True, False, 1000)
    assert first.params == {"module": ("a", "b")}
    assert first.auth == jobs.Auth("Basic", username="u", password="p")
    assert first.static == (jobs.StaticGroup(("a:1", "b:2"), {"zone": "z1"}),)
    assert first.files == (jobs.FileSource(("/etc/prometheus/t/*.json",), 60_000),)
    assert first.http == (jobs.HttpSource("http://sd/targets", jobs.Auth("Bearer", "t0ken")),)
    assert (second.interval_ms, second.timeout_ms, second.honor_labels) == (15_000, 10_000, False)


def test_only_the_list_or_one_entry_will_do() -> None:
    assert jobs.load("- {job_name: a}")[0]["job_name"] == jobs.load("job_name: a")[0]["job_name"] == "a"


def test_a_global_time_out_is_cut_to_a_short_interval() -> None:
    text = "global: {scrape_timeout: 30s}\nscrape_configs: [{job_name: a, scrape_interval: 10s}]"
    assert jobs.read(jobs.load(text)[0]).timeout_ms == 10_000


@pytest.mark.parametrize(
    "more, says",
    [
        ({"job_name": ""}, "scrape_configs[0].job_name: missing"),
        ({"kubernetes_sd_configs": [{"role": "pod"}]}, "scrape_configs[0].kubernetes_sd_configs: not supported; there are static"),
        ({"tls_config": {"ca_file": "x"}}, "scrape_configs[0].tls_config: not supported; certificates"),
        ({"scrape_intervall": "5s"}, "scrape_configs[0].scrape_intervall: not known"),
        ({"scrape_interval": "soon"}, "scrape_configs[0].scrape_interval: not a duration"),
        ({"scrape_interval": "1s"}, "scrape_configs[0].scrape_interval: 1s is not between 5s and 1h"),
        ({"scrape_timeout": "2m"}, "scrape_configs[0].scrape_timeout: must be longer than 0 and not longer"),
        ({"scheme": "ftp"}, "scrape_configs[0].scheme: 'ftp'"),
        ({"honor_labels": "maybe"}, "scrape_configs[0].honor_labels: 'maybe' is not true or false"),
        ({"params": {"a": "b"}}, "scrape_configs[0].params: is not a mapping of names to lists"),
        ({"http_sd_configs": [{"url": "http://sd", "follow_redirects": True}]}, "scrape_configs[0].http_sd_configs[0].follow_redirects: not supported"),
        ({"body_size_limit": "10 MB"}, "scrape_configs[0].body_size_limit: '10 MB' is no size"),
        ({"metric_name_validation_scheme": "legacy"}, "scrape_configs[0].metric_name_validation_scheme: not supported"),
        ({"convert_classic_histograms_to_nhcb": True}, "scrape_configs[0].convert_classic_histograms_to_nhcb: not"),
        ({"sample_limit": -1}, "scrape_configs[0].sample_limit: -1"),
        ({"bearer_token_file": "/x"}, "scrape_configs[0].bearer_token_file: not supported; write the token"),
        ({"basic_auth": {"password_file": "/x"}}, "scrape_configs[0].basic_auth.password_file: not supported"),
        ({"authorization": {"credentials": "a"}, "basic_auth": {"username": "u"}}, "scrape_configs[0].authorization: at most one"),
        ({"static_configs": [{"targets": ["http://a/m"]}]}, "scrape_configs[0].static_configs[0].targets[0]: 'http://a/m' is not host:port"),
        ({"static_configs": [{"targets": "a:1"}]}, "scrape_configs[0].static_configs[0].targets: is not a list"),
        ({"static_configs": [{"tragets": ["a:1"]}]}, "scrape_configs[0].static_configs[0].tragets: not known"),
        ({"static_configs": {"targets": []}}, "scrape_configs[0].static_configs: is not a list"),
        ({"file_sd_configs": [{"files": ["a.txt"]}]}, "scrape_configs[0].file_sd_configs[0].files[0]: 'a.txt' ends"),
        ({"http_sd_configs": [{"url": "sd"}]}, "scrape_configs[0].http_sd_configs[0].url: is not"),
        ({"relabel_configs": [{"action": "keep"}, {"regex": "("}]}, "scrape_configs[0].relabel_configs[1].regex"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_refused_at_its_key(more: dict[str, Any], says: str) -> None:
    text = yaml.safe_dump({"scrape_configs": [{"job_name": "a", **more}]})
    with pytest.raises(jobs.BadJobError) as caught:
        jobs.load(text)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    "text, says",
    [
        ("a: [", "no YAML"), ("- {job_name: a, job_name: b}", "no YAML: the key 'job_name' stands there twice"), ("", "scrape_configs: missing"), ("scrape_configs: 5", "scrape_configs: is not a list"),
        ("[{job_name: a}, {job_name: a}]", "scrape_configs[1].job_name: 'a' stands there twice"),
        ("scrape_configs: [5]", "scrape_configs[0]: is not a mapping"), ("global: 5\nscrape_configs: [{job_name: a}]", "global: is not"),
        ("global: {scrape_intervall: 5s}\nscrape_configs: [{job_name: a}]", "global.scrape_intervall: not known"),
        ("scrape_config_files: [x.yml]\nscrape_configs: [{job_name: a}]", "scrape_config_files: not known"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(text: str, says: str) -> None:
    with pytest.raises(jobs.BadJobError) as caught:
        jobs.load(text)
    assert str(caught.value).startswith(says)


def test_texts_are_what_stands_there_and_flags_may_be_words() -> None:
    labels = "{version: 1.10, day: 2024-01-02, at: 12:30, on: yes, zip: 0123, live: true, size: 1e3}"
    text = f"- {{job_name: 007, honor_labels: yes, static_configs: [{{targets: [a:1], labels: {labels}}}]}}"
    job = jobs.read(jobs.load(text)[0])
    assert (job.name, job.honor_labels) == ("007", True)
    assert dict(job.static[0].labels) == {
        "version": "1.10", "day": "2024-01-02", "at": "12:30", "on": "yes", "zip": "0123", "live": "true", "size": "1e3",
    }  # fmt: skip


def test_global_limits_hold_for_every_job() -> None:
    text = "global: {sample_limit: 5, body_size_limit: 2KiB}\nscrape_configs: [{job_name: a}, {job_name: b, sample_limit: 9}]"
    first, second = (jobs.read(entry) for entry in jobs.load(text))
    assert (first.sample_limit, second.sample_limit, first.body_limit) == (5, 9, 2048)


def test_harmless_keys_are_passed_over() -> None:
    assert jobs.read({"job_name": "a", "enable_compression": False, "tls_config": {}}).name == "a"


def test_secrets_are_covered_and_kept_when_they_stay_covered() -> None:
    stored = {"job_name": "a", "basic_auth": {"username": "u", "password": "p"}, "http_sd_configs": [{"bearer_token": "t"}]}  # fmt: skip
    shown = jobs.masked(stored)
    assert shown["basic_auth"] == {"username": "u", "password": "<secret>"}
    assert jobs.unmasked({**shown, "scheme": "https"}, stored) == {**stored, "scheme": "https"}


@pytest.mark.parametrize("text", ["a: &a [*a]", "[" * 2000])
def test_what_never_ends_is_refused(text: str) -> None:
    with pytest.raises(jobs.BadJobError, match="no YAML"):
        jobs.load(text)


def test_aliases_that_repeat_aliases_are_counted_as_what_they_make() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    lines.append("scrape_configs: [{job_name: a, params: {module: *a8}, static_configs: [{targets: [b]}]}]")
    with pytest.raises(jobs.BadJobError, match="aliases make more than"):
        jobs.load("\n".join(lines))
