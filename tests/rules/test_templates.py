import contextlib
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.labels import Labels
from monitor.rules.template_budget import Budget
from monitor.rules.templates import BadTemplateError, Scene, check, render

LABELS = {"job": "api", "version": "v2"}


@pytest.mark.parametrize(
    "text, value, filled",
    [
        ("value {{ $value }}s", 0.5, "value 0.5s"),
        ("{{$labels.job}}/{{ .Labels.version }}", 1, "api/v2"),
        ("{{ $labels.missing }}!", 1, "!"),
        ("{{ $labels }}", 1, "map[job:api version:v2]"),
        ("{{ $value | humanizePercentage }}", 0.0123, "1.23%"),
        ("{{ humanizeDuration 93784.5 }}", 0, "1d 2h 3m 4s"),
        ('{{ printf "%.1f%% of %s" $value $labels.job }}', 12.34, "12.3% of api"),
        ('{{ $value | printf "%.2f" | toUpper }}', 2, "2.00"),
        ("{{ if gt $value 1.0 }}high{{ else }}low{{ end }}", 2, "high"),
        ("{{ if lt $value 1.0 }}a{{ else if eq $labels.job `api` }}b{{ else }}c{{ end }}", 2, "b"),
        ("{{ range $name, $text := $labels }}{{ $name }}={{ $text }};{{ end }}", 0, "job=api;version=v2;"),
        ("{{ with $labels.job }}<{{ . }}>{{ end }}", 0, "<api>"),
        ("a {{- /* note */ -}} b", 0, "ab"),
        ("{{ $x := 3 }}{{ $x }}", 0, "3"),
        ('{{ "}}" }}', 0, "}}"),
        ('{{ (printf "%d" 7) }}', 0, "7"),
        ('{{ reReplaceAll "(a)p" "$1-" $labels.job }}', 0, "a-i"),
        ("a\n{{-\n$value -}}\n b", 1, "a1b"),
        ('{{ "\\x41\\102\\u00e9\\xe4\\xb8\\xad\\t\\"" }}', 0, 'ABé中\t"'),
        (
            "{{ '\\x41' }} {{ 'é' }} {{ 0x1F }} {{ 017 }} {{ 1_000 }} {{ 0x1p-2 }}",
            0,
            "65 233 31 15 1000 0.25",
        ),
        ('{{ define "a\\x41" }}{{ . }}{{ end }}{{ template "aA" $value }}', 7, "7"),
        ("{{ or $labels.job (index 1 2) }} {{ and $labels.none (index 1 2) }}", 0, "api "),
        ("{{ toDuration $value }}", 3690.5, "1h1m30.5s"),
        ("{{ toDuration 0.0015 }}", 0, "1.5ms"),
        ("{{ html `<` `>` }} {{ slice `abc` 1 }} {{ slice `abc` 1 2 }}", 0, "&lt;&gt; bc b"),
        ("{{ gt (parseDuration `1h`) 1.0 }} {{ eq 1 2 1 }}", 0, "true true"),
    ],
)
def test_a_template_is_filled_as_go_fills_it(text: str, value: float, filled: str) -> None:
    assert render(text, LABELS, value) == filled


@pytest.mark.parametrize(
    "value, text",
    [(1.0, "1"), (0.1, "0.1"), (1e-5, "1e-05"), (1e16, "1e+16"), (123456.0, "123456"), (1234567.0, "1.234567e+06"), (1e21, "1e+21"), (-2.5, "-2.5"),
     (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (0.0, "0")],
)  # fmt: skip
def test_a_value_is_printed_as_go_prints_it(value: float, text: str) -> None:
    assert render("{{ $value }}", {}, value) == text


@pytest.mark.parametrize(
    "function, value, text",
    [
        ("humanize", 1234567.0, "1.235M"), ("humanize", 0.0012, "1.2m"), ("humanize", 0, "0"),
        ("humanize1024", 1048576, "1Mi"), ("humanizeDuration", 0.0125, "12.5ms"), ("humanizeDuration", 0, "0s"),
        ("humanizeDuration", 59.5, "59.5s"), ("humanizeDuration", 61, "1m 1s"), ("humanizeDuration", -3600, "-1h 0m 0s"),
        ("humanizePercentage", math.nan, "NaN%"), ("humanizeTimestamp", 0, "1970-01-01 00:00:00 +0000 UTC"),
    ],
)  # fmt: skip
def test_numbers_for_people_look_as_in_prometheus(function: str, value: float, text: str) -> None:
    assert render("{{ $value | " + function + " }}", {}, value) == text


def test_a_template_may_ask_the_store() -> None:
    def lookup(expr: str) -> list[tuple[Labels, float]]:
        assert expr == "up"
        return [(Labels({"job": "a"}), 3.0), (Labels({"job": "b"}), 4.0)]

    text = '{{ range query "up" }}{{ .Labels.job }}={{ .Value }} {{ end }}{{ query "up" | first | value }}'
    assert render(text, {}, 0, Scene(query=lookup)) == "a=3 b=4 3"


def test_a_mistake_is_shown_in_the_text_and_loses_no_alert() -> None:
    assert render("{{ $value | humanise }}", {}, 1).startswith(
        "<error expanding template: function 'humanise'"
    )


@pytest.mark.parametrize(
    "text",
    ["{{ $value", '{{ "a', "{{ /* far */ }}", "{{/* open }}", "{{/* a */ b }}", '{{ "\\q" }}', "{{ '' }}", "{{ 'ab' }}", "{{ 1x }}",
     "{{ 99999999999999999999 }}", "{{ `a }}", '{{ "a\nb" }}', "{{ if true }}", "{{ end }}", "{{ $valeu }}", "{{ nosuch 1 }}", "{{ | }}", "{{ ( $value }}",
     "{{ template }}", '{{ template "x" }}', "{{ break }}", '{{ define "x" }}', "{{ $value ~ }}", "{{ if true }}{{ $oops }}{{ end }}"],
)  # fmt: skip
def test_a_template_that_can_never_be_filled_is_refused_when_it_is_saved(text: str) -> None:
    with pytest.raises(BadTemplateError):
        check(text)


def test_a_template_that_needs_values_is_not_refused_when_it_is_saved() -> None:
    check('{{ with query "up" }}{{ . | first | value | humanize }}{{ end }} {{ index $labels "a" }}')


@given(st.text(alphabet='{}$.|()" -abif:=0`\n', max_size=60))
def test_no_text_breaks_the_filling(text: str) -> None:
    assert isinstance(render(text, LABELS, 1.0), str)


def test_what_no_number_can_be_is_a_mistake_in_the_text() -> None:
    assert render("{{ 08 }}", {}, 1.0).startswith("<error expanding template")


def test_a_width_that_is_none_is_said_in_place() -> None:
    assert render('{{ printf "%*s" "abc" "x" }}', {}, 1.0) == "%!(BADWIDTH)x"


NASTY = [
    "{{" + '"' * 60_000,
    '{{ "' + "\\" * 60_000,
    "{{ " + "1" * 90_000 + "x }}",
    "{{" + "'" * 60_000,
    "{{" * 40_000,
    "{{/*" + "*" * 90_000,
    "{{ " + "$a" * 40_000 + " }}",
    "{{ " + "(" * 90_000,
    "{{ if true }}" * 7_000,
    "{{ if 1 }}a" + "{{ else if 1 }}" * 6_000 + "{{ end }}",
    "{{ range 1000000000 }}{{ range 1000000000 }}{{ end }}{{ end }}",
    "{{ range 1000000 }}" + "x" * 1000 + "{{ end }}",
    '{{ printf "' + "%1000000d" * 8_000 + '" 1 }}',
    '{{ printf "%.1000000f%.1000000f" 1.0 1.0 }}',
    '{{ $x := "ab" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}{{ $x }}',
    '{{ reReplaceAll "." "' + "x" * 10_000 + '" "' + "a" * 50_000 + '" }}',
    '{{ define "a" }}{{ template "a" }}{{ template "a" }}{{ end }}{{ template "a" }}',
    "{{ " + "$value " * 14_000 + "}}",
    "{{ print " + "$value " * 14_000 + "}}",
    '{{ range 100000 }}{{ query (printf "%d" .) }}{{ end }}',
]


@pytest.mark.parametrize("text", NASTY, ids=[one[:24] for one in NASTY])
def test_no_text_takes_long_or_much(text: str) -> None:
    """CPU time of this thread alone, and far more of it than is needed."""
    began = time.thread_time()
    with contextlib.suppress(BadTemplateError):
        check(text)
    filled = render(text, LABELS, 1.0, Scene(query=lambda _expr: []))
    assert time.thread_time() - began < 5
    assert len(filled) <= 200_000


def test_templates_of_one_rule_share_one_budget() -> None:
    budget = Budget()
    texts = [render("{{ range 60000 }}{{ end }}ok", {}, 1.0, Scene(budget=budget)) for _ in range(2)]
    assert texts[0] == "ok"
    assert texts[1].startswith("<error expanding template: the templates of the rule take more than")
