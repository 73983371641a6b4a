"""The same templates filled here and by a real Prometheus: word for word the same."""

import json
import math
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from monitor.core.labels import Labels
from monitor.rules.templates import Scene, render
from tests.fixtures.fix_product import free_port

PROMETHEUS = shutil.which("prometheus")
pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(
        PROMETHEUS is None,
        reason="needs Prometheus: apt-get install prometheus && systemctl disable --now prometheus",
    ),
]
PATIENCE_SECONDS = 60
URL = "http://prom.example:9090"
CASES = [
    ("{{ $value }}", 1.0),
    ("{{ $value }}", 0.1),
    ("{{ $value }}", 1e-05),
    ("{{ $value }}", 1e+21),
    ("{{ $value }}", 123456789.0),
    ("{{ $value }}", math.inf),
    ("{{ $value }}", 0.6666666666666666),
    ("{{ .Value }} {{ .Labels.job }}", 3.5),
    ("{{ humanize $value }}", 1234567.0),
    ("{{ humanize $value }}", 0.00123),
    ("{{ humanize $value }}", 0.0),
    ("{{ humanize $value }}", -1234.5),
    ("{{ humanize $value }}", 1e+30),
    ("{{ humanize $value }}", 1e-30),
    ("{{ humanize $value }}", 999.99),
    ("{{ humanize $value }}", 1000000.0),
    ("{{ humanize $value }}", 0.5),
    ("{{ humanize1024 $value }}", 1048576.0),
    ("{{ humanize1024 $value }}", 0.5),
    ("{{ humanize1024 $value }}", 123456.0),
    ("{{ humanize1024 $value }}", -2048.0),
    ("{{ humanizePercentage $value }}", 0.01234567),
    ("{{ humanizePercentage $value }}", 1.5),
    ("{{ humanizePercentage $value }}", 0.0),
    ("{{ humanizePercentage $value }}", 123456.0),
    ("{{ humanizeDuration $value }}", 0.0),
    ("{{ humanizeDuration $value }}", 1.23456),
    ("{{ humanizeDuration $value }}", 59.999),
    ("{{ humanizeDuration $value }}", 60.0),
    ("{{ humanizeDuration $value }}", 3661.0),
    ("{{ humanizeDuration $value }}", 90061.0),
    ("{{ humanizeDuration $value }}", -90061.0),
    ("{{ humanizeDuration $value }}", 0.00012),
    ("{{ humanizeDuration $value }}", 1e-09),
    ("{{ humanizeDuration $value }}", 1234567890.0),
    ("{{ humanizeDuration $value }}", 86400.0),
    ("{{ humanizeDuration $value }}", 61.9),
    ("{{ humanizeTimestamp $value }}", 1435065584.128),
    ("{{ humanizeTimestamp $value }}", 0.0),
    ("{{ humanizeTimestamp $value }}", 1.5),
    ("{{ humanizeTimestamp $value }}", -100.0),
    ('{{ printf "%.2f" $value }}', 3.14159),
    ('{{ printf "%5.1f|%-8s|%08.3f" $value "ab" $value }}', 3.14159),
    ('{{ printf "%e" $value }}', 12345.678),
    ('{{ printf "%g" $value }}', 1e+21),
    ('{{ printf "%g" $value }}', 100000.0),
    ('{{ printf "%v %s" $value $labels.job }}', 2.0),
    ('{{ printf "%d" $value }}', 2.0),
    ('{{ printf "%q" $labels.job }}', 2.0),
    ('{{ printf "%x" 255 }}', 2.0),
    ('{{ printf "%+d" 5 }}', 2.0),
    ('{{ printf "%5d|%-5d|%05d" 42 42 42 }}', 2.0),
    ('{{ printf "%s" $value }}', 2.0),
    ('{{ printf "%t" true }}', 2.0),
    ('{{ printf "%c" 65 }}', 2.0),
    ('{{ printf "%%" }}', 2.0),
    ('{{ printf "%d %d" 1 }}', 2.0),
    ('{{ printf "%d" 1 2 }}', 2.0),
    ('{{ printf "%6.2f%%" $value }}', 2.5),
    ('{{ printf "%T" $value }}', 2.5),
    ('{{ printf "%U" 65 }}', 2.0),
    ('{{ printf "%X" 255 }}', 2.0),
    ('{{ printf "%o %b" 8 5 }}', 2.0),
    ('{{ printf "%.3s" "abcdef" }}', 2.0),
    ('{{ printf "%5t" true }}', 1.0),
    ('{{ printf "%*d" 5 42 }}', 1.0),
    ('{{ printf "%[2]d %[1]d" 1 2 }}', 1.0),
    ('{{ printf "%#x" 255 }}', 1.0),
    ('{{ printf "% d" 5 }}', 1.0),
    ('{{ printf "%G" 1e-10 }}', 1.0),
    ('{{ printf "%.3g" $value }}', 1234.5),
    ('{{ printf "%s" true }}', 1.0),
    ('{{ printf "%z" 1 }}', 1.0),
    ('{{ printf "%!" }}', 1.0),
    ('{{ printf "abc%" }}', 1.0),
    ('{{ printf "%v" $labels }}', 1.0),
    ('{{ printf "%.1f" 3 }}', 1.0),
    ("{{ $labels }}", 1.0),
    ("{{ $labels.nope }}", 1.0),
    ("{{ .Labels.nope }}x", 1.0),
    ("{{ . }}", 1.0),
    ('{{ title "hello world of-things" }}', 1.0),
    ('{{ toUpper "aé" }}', 1.0),
    ('{{ toLower "ABC" }}', 1.0),
    ('{{ match "a.*" "abc" }}', 1.0),
    ('{{ match "^b" "abc" }}', 1.0),
    ('{{ reReplaceAll "a(b)c" "x${1}y" "abcabc" }}', 1.0),
    ('{{ reReplaceAll "a(b)c" "x$1y" "abc" }}', 1.0),
    ('{{ reReplaceAll "(?P<n>b)" "<$n>" "abc" }}', 1.0),
    ('{{ reReplaceAll "b" "$$" "abc" }}', 1.0),
    ('{{ stripPort "host:9090" }}', 1.0),
    ('{{ stripPort "host" }}', 1.0),
    ('{{ stripPort "[::1]:90" }}', 1.0),
    ('{{ stripPort "::1" }}', 1.0),
    ('{{ stripDomain "a.b.c:80" }}', 1.0),
    ('{{ stripDomain "10.0.0.1:80" }}', 1.0),
    ('{{ stripDomain "localhost" }}', 1.0),
    ('{{ parseDuration "1h2m" }}', 1.0),
    ('{{ parseDuration "10ms" }}', 1.0),
    ("{{ externalURL }}", 1.0),
    ("{{ pathPrefix }}", 1.0),
    ("{{ $externalLabels }}", 1.0),
    ("{{ .ExternalURL | len | gt 5 }}", 1.0),
    ('{{ tableLink "up" }}', 1.0),
    ('{{ graphLink "up" }}', 1.0),
    ('{{ query "vector(5)" | first | value }}', 1.0),
    ('{{ range query "label_replace(vector(5),\\"a\\",\\"b\\",\\"\\",\\"\\")" }}{{ .Labels.a }}={{ .Value }}{{ end }}', 1.0),
    ('{{ with query "vector(7)" }}{{ . | first | value | humanize }}{{ else }}none{{ end }}', 1.0),
    ('{{ with query "vector(7) > 8" }}x{{ else }}none{{ end }}', 1.0),
    ('{{ query "vector(7) > 8" | first | value }}', 1.0),
    ('{{ query "nope(" }}', 1.0),
    ('{{ range query "label_replace(vector(1),\\"a\\",\\"z\\",\\"\\",\\"\\") or label_replace(vector(2),\\"a\\",\\"b\\",\\"\\",\\"\\")" | sortByLabel "a" }}{{ label "a" . }}{{ .Value }};{{ end }}', 1.0),
    ('{{ (query "vector(7)" | first).Value }}', 1.0),
    ('{{ (index (query "vector(7)") 0).Labels }}', 1.0),
    ('{{ query "label_replace(vector(1),\\"__value__\\",\\"zz\\",\\"\\",\\"\\")" | first | strvalue }}', 1.0),
    ("{{ if gt $value 1.0 }}hi{{ else if eq $value 1.0 }}one{{ else }}lo{{ end }}", 1.0),
    ("{{ if and (gt $value 0.5) (lt $value 2.0) }}mid{{ end }}", 1.0),
    ("{{ if not $labels.nope }}no{{ end }}", 1.0),
    ("{{ if gt $value 1 }}x{{ end }}", 1.0),
    ('{{ if eq $labels.job "api:8080" "b" }}y{{ end }}', 1.0),
    ('{{ if ne $labels.job "z" }}y{{ end }}', 1.0),
    ('{{ if or false "" }}a{{ else }}b{{ end }}', 1.0),
    ('{{ range $i, $e := query "vector(7)" }}{{ $i }}:{{ $e.Value }}{{ end }}', 1.0),
    ("{{ range $k, $v := $labels }}{{ $k }}={{ $v }} {{ end }}", 1.0),
    ("{{ range $labels }}{{ . }} {{ end }}", 1.0),
    ('{{ range $i := query "vector(1)" }}{{ $i.Value }}{{ else }}e{{ end }}', 1.0),
    ('a  {{- " b " -}}  c', 1.0),
    ("{{/* c */}}x", 1.0),
    ("a {{- /* c */ -}} x", 1.0),
    ('{{ "a\\nb\\u00e9" }}', 1.0),
    ('{{ `raw "x"` }}', 1.0),
    ('{{ "x" | printf "%s-%s" "y" }}', 1.0),
    ("{{ 'a' }}", 1.0),
    ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", 1.0),
    ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", 1.0),
    ("{{ with $x := $labels.job }}{{ $x }}{{ end }}", 1.0),
    ("{{ if $x := $labels.job }}{{ $x }}{{ end }}", 1.0),
    ('{{ len $labels.job }} {{ index $labels "job" }} {{ slice "abcdef" 1 3 }}', 1.0),
    ('{{ html "<a>&\'\\"" }} {{ js "a\'b<" }} {{ urlquery "a b/ü" }}', 1.0),
    ('{{ print 1 2 "a" "b" 3 }}|{{ println "a" 1 }}|', 1.0),
    ('{{ args 1 "b" }}', 1.0),
    ('{{ range $k,$v := args "x" "y" }}{{ $k }}{{ $v }}{{ end }}', 1.0),
    ('{{ define "T" }}<{{ .arg0 }}>{{ end }}{{ template "T" (args "q") }}', 1.0),
    ('{{ define "U" }}u{{ . }}{{ end }}{{ template "U" $value }}', 1.0),
    ('{{ block "B" $value }}b{{ . }}{{ end }}', 1.0),
    ('{{ safeHtml "<b>" }}', 1.0),
    ('{{ $labels.job | reReplaceAll ":.*" "" | toUpper }}', 1.0),
    ("{{ $.Value }} {{ with 5 }}{{ $.Labels.job }}{{ . }}{{ end }}", 1.0),
    ('{{ $value | humanize | printf "%s!" }}', 1500.0),
    ("{{ ($value | humanize) }}", 1500.0),
    ("{{ .Nope }}", 1.0),
    ("{{ $value.x }}", 1.0),
    ('{{ first "x" }}', 1.0),
    ('{{ humanize "abc" }}', 1.0),
    ('{{ humanize "1500" }}', 1.0),
    ("{{ toTime $value }}", 1.0),
    ('{{ range query "vector(1) or label_replace(vector(2),\\"a\\",\\"b\\",\\"\\",\\"\\")" }}{{ break }}{{ end }}ok', 1.0),
    ('{{ range query "vector(1)" }}{{ continue }}x{{ end }}ok', 1.0),
    ("{{- $value -}}", 1.0),
    ("{{$value}}{{$labels.job}}", 1.0),
    ('{{ le 1 2 }} {{ ge 2.0 1.0 }} {{ lt "a" "b" }}', 1.0),
    ('{{ and 1 0 }} {{ or 0 "x" }} {{ not 1 }}', 1.0),
    ("{{ 1000000.0 }} {{ 1e6 }} {{ 1e21 }}", 1.0),
    ('{{ printf "%v" 1e6 }} {{ printf "%v" 1e21 }} {{ printf "%f" 1e6 }}', 1.0),
    ('{{ $value | printf "%.0f" }}', 0.5),
    ('{{ $value | printf "%.0f" }}', 1.5),
    ('{{ $value | printf "%.2f" }}', 2.675),
    ("{{ -5 }}", 1.0),
    ('{{ printf "%d" -5 }}', 1.0),
    ('{{ printf "%03d" -5 }}', 1.0),
    ('{{ printf "%+.2f" $value }}', 1.0),
    ('{{ printf "%08.2f" $value }}', -3.14159),
    ('{{ printf "%s" nil }}', 1.0),
    ('{{ printf "%v" nil }}', 1.0),
    ('{{ humanizeDuration "3600" }}', 1.0),
    ('{{ humanizeTimestamp "0" }}', 1.0),
    ("{{ . | len }}", 1.0),
    ("{{ $labels | len }}", 1.0),
    ('x {{ "{{" }} y', 1.0),
    ('{{ "a" -}}   b', 1.0),
    ('{{ printf "%-10.3f|" $value }}', 3.14159),
    ('{{ printf "%10s|%-10s|" "é" "é" }}', 1.0),
    ('{{ printf "%x" "hi" }}', 1.0),
    ('{{ printf "%v" true }}', 1.0),
    ('{{ printf "%6.3v" $value }}', 3.14159),
    ('{{ "\\x41\\102\\u00e9\\xe4\\xb8\\xad\\t\\"" }}', 1.0),
    ("{{ 'a' }} {{ '\\x41' }} {{ '\\'' }}", 1.0),
    ("{{ 0x1F }} {{ 017 }} {{ 1_000 }} {{ 0b11 }} {{ 0x1p-2 }}", 1.0),
    ("a\n{{-\n$value -}}\n b", 1.0),
    ("a {{- /* c */ -}} b", 1.0),
    ("a{{/* c */}}b", 1.0),
    ('{{ printf\n"%.1f"\n$value }}', 1.0),
    ("{{ `a\nb` }}", 1.0),
    ("{{ or $labels.job (index 1 2) }} {{ and $labels.none (index 1 2) }}", 1.0),
    ("{{ html `<` `>` }} {{ js `'` }} {{ urlquery `a b` `c` }}", 1.0),
    ("{{ slice `abc` 1 }} {{ slice `abc` 1 2 }}", 1.0),
    ("{{ slice `abc` 2 1 }}", 1.0),
    ("{{ slice `abc` 4 }}", 1.0),
    ("{{ index `abc` 1 }}", 1.0),
    ("{{ eq 1 2 1 }} {{ eq `a` `b` }} {{ ne 1 2 }}", 1.0),
    ("{{ ne 1 2 3 }}", 1.0),
    ("{{ lt true false }}", 1.0),
    ("{{ gt $value 1.0 }} {{ ge $value 1.0 }} {{ lt $value 1.0 }} {{ le $value 1.0 }}", math.nan),
    ('{{ printf "%*d|%-*d|" 5 1 5 2 }}', 1.0),
    ('{{ printf "%*s" "abc" "x" }}', 1.0),
    ('{{ printf "%.*f" 1 $value }}', 3.14159),
    ('{{ printf "%[2]d %[1]d" 1 2 }}', 1.0),
    ('{{ printf "%[3]d" 1 2 }}', 1.0),
    ('{{ define "a\\x41" }}{{ . }}{{ end }}{{ template "aA" $value }}', 1.0),
    ('{{ block "b" $value }}<{{ . }}>{{ end }}', 1.0),
    ("{{ range $i, $e := $labels }}{{ $i }}{{ end }}{{ range $labels }}{{ else }}none{{ end }}", 1.0),
    ("{{ nil }}", 1.0),
    ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x := 3 }}{{ end }}{{ $x }}", 1.0),
    ("{{ with $x := $labels.job }}{{ $x }}{{ else }}no{{ end }}", 1.0),
    ("{{ if $x := $labels.none }}{{ $x }}{{ else }}no{{ end }}", 1.0),
    ("{{ $labels.job.x }}", 1.0),
    ("{{ $ }}", 1.0),
    ("{{ $.Value }}", 1.0),
    ("{{ (query `vector(5)` | first).Value }} {{ query `vector(5)` | first | value | printf `%.1f` }}", 1.0),
    ("{{ humanizePercentage `0.5` }} {{ humanize1024 `2048` }}", 1.0),
    ("{{ title `hello world-wide` }} {{ stripPort `a:80` }} {{ stripDomain `a.b.c:80` }}", 1.0),
    ("{{ match `a.*` $labels.job }} {{ parseDuration `1h30m` }}", 1.0),
]  # fmt: skip
AB = 'label_replace(vector(2),"a","b","","")'
ANSWERS: dict[str, list[tuple[Labels, float]]] = {
    "vector(1)": [(Labels(), 1.0)],
    "vector(5)": [(Labels(), 5.0)],
    "vector(7)": [(Labels(), 7.0)],
    "vector(7) > 8": [],
    'label_replace(vector(5),"a","b","","")': [(Labels({"a": "b"}), 5.0)],
    'label_replace(vector(1),"__value__","zz","","")': [(Labels({"__value__": "zz"}), 1.0)],
    f'label_replace(vector(1),"a","z","","") or {AB}': [(Labels({"a": "z"}), 1.0), (Labels({"a": "b"}), 2.0)],
    f"vector(1) or {AB}": [(Labels(), 1.0), (Labels({"a": "b"}), 2.0)],
}


def promql(value: float) -> str:
    return "+Inf" if value == math.inf else f"{value:.17g}"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, str]]:
    """What Prometheus makes of each case."""
    folder = tmp_path_factory.mktemp("prometheus")
    rules = [
        {"alert": f"A{place}", "expr": f'label_replace(vector({promql(value)}), "job", "api:8080", "", "")',
         "annotations": {"t": text}}
        for place, (text, value) in enumerate(CASES)
    ]  # fmt: skip
    groups = {"groups": [{"name": "g", "interval": "1s", "rules": rules}]}
    (folder / "rules.yml").write_text(yaml.safe_dump(groups))
    (folder / "prometheus.yml").write_text("rule_files: [rules.yml]")
    port = free_port()
    process = subprocess.Popen(
        [str(PROMETHEUS), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
         f"--web.listen-address=127.0.0.1:{port}", f"--web.external-url={URL}/"],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield _alerts(f"http://127.0.0.1:{port}/api/v1/alerts", folder)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _alerts(url: str, folder: Path) -> dict[int, str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 — loopback
                alerts = json.loads(answer.read())["data"]["alerts"]
        except OSError:
            alerts = []
        if len(alerts) == len(CASES):
            return {int(one["labels"]["alertname"][1:]): one["annotations"].get("t", "") for one in alerts}
        time.sleep(0.1)
    pytest.fail(f"Prometheus did not evaluate the rules of {folder}")


def told(text: str) -> str:
    """Both say in place that a template failed; the words differ."""
    return "<error>" if text.startswith("<error expanding template") else text


def test_every_template_is_filled_as_prometheus_fills_it(filled: dict[int, str]) -> None:
    ours = {
        place: told(render(text, {"job": "api:8080"}, value, Scene(URL, ANSWERS.__getitem__)))
        for place, (text, value) in enumerate(CASES)
    }
    differing = {
        CASES[place]: (mine, told(filled[place]))
        for place, mine in ours.items()
        if mine != told(filled[place])
    }
    assert differing == {}
