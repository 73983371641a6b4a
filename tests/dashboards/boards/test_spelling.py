import pytest

from dashboards.boards.spelling import missing, present, renewed


@pytest.mark.parametrize(
    "old, new",
    [
        ("vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"),
        (
            'rate(vllm:gpu_prefix_cache_hits_total{a="b"}[5m])',
            'rate(vllm:prefix_cache_hits_total{a="b"}[5m])',
        ),
        (
            "rate(vllm:time_per_output_token_seconds_bucket[5m])",
            "rate(vllm:inter_token_latency_seconds_bucket[5m])",
        ),
        ("ray_vllm_gpu_cache_usage_perc", "ray_vllm_kv_cache_usage_perc"),
        ('vllm:avg_generation_throughput_toks_per_s{m="x"}', 'rate(vllm:generation_tokens_total{m="x"}[1m])'),
    ],
)
def test_a_name_that_died_becomes_todays(old: str, new: str) -> None:
    assert renewed(old)[0] == new


def test_every_rename_is_told() -> None:
    assert renewed("vllm:gpu_cache_usage_perc + 1")[1] == [
        ("vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc")
    ]


def test_a_name_without_successor_is_told_and_left() -> None:
    assert renewed("vllm:num_requests_swapped") == (
        "vllm:num_requests_swapped",
        [],
        ["vllm:num_requests_swapped"],
    )


def test_texts_in_quotes_are_no_names() -> None:
    expr = 'up{job="vllm_gpu_cache_usage_perc"}'
    assert renewed(expr)[0] == expr


@pytest.mark.parametrize(
    "asked, there",
    [
        ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
        ("vllm:kv_cache_usage_perc", "ray_vllm_kv_cache_usage_perc"),
        ("sglang:num_running_reqs", "sglang_num_running_reqs"),
        ("vllm:prompt_tokens_total", "vllm:prompt_tokens"),
        ("ray_vllm:request_prompt_tokens_sum", "ray_vllm_request_prompt_tokens_sum"),
        ("http_requests", "http_requests_total"),
    ],
)
def test_a_name_the_project_spells_otherwise_is_found(asked: str, there: str) -> None:
    assert present(f"sum(rate({asked}[5m]))", {there, "up"}) == f"sum(rate({there}[5m]))"


def test_what_nobody_sends_is_named() -> None:
    expr = 'sum by (pod_name) (rate(my_total{a_b="c_d"}[5m])) / on (x_y) other_sum offset 5m'
    assert missing(expr, {"other_sum"}) == ["my_total"]


def test_a_name_that_is_there_stays() -> None:
    assert (
        present("vllm:kv_cache_usage_perc", {"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"})
        == "vllm:kv_cache_usage_perc"
    )
