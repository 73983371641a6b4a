import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.labels import Labels
from monitor.rules.templates import BadTemplateError, check, render

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
    assert render(text, {}, 0, query=lookup) == "a=3 b=4 3"


def test_a_mistake_is_shown_in_the_text_and_loses_no_alert() -> None:
    assert render("{{ $value | humanise }}", {}, 1).startswith(
        "<error expanding template: function 'humanise'"
    )


@pytest.mark.parametrize(
    "text",
    ["{{ $value", "{{ if true }}", "{{ end }}", "{{ $valeu }}", "{{ nosuch 1 }}", "{{ | }}", "{{ ( $value }}",
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


@pytest.mark.parametrize(
    "text", ["{{ 08 }}", '{{ printf "%.999999999999f" $value }}', '{{ printf "%*s" "abc" "x" }}']
)
def test_what_no_number_can_be_is_a_mistake_in_the_text(text: str) -> None:
    assert render(text, {}, 1.0).startswith("<error expanding template")
