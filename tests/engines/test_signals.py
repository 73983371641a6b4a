import pytest

from monitor import query
from monitor.engines import signals

VLLM = {"vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"}


@pytest.mark.parametrize("signal, names, asked", [
    ("waiting", {"vllm:num_requests_waiting"}, "vllm:num_requests_waiting"),
    ("waiting", {"vllm_num_requests_waiting"}, "vllm_num_requests_waiting"),
    ("waiting", {"ray_vllm_num_requests_waiting"}, "ray_vllm_num_requests_waiting"),
    ("waiting", {"sglang_num_queue_reqs"}, "sglang_num_queue_reqs"),
    ("waiting", {"tgi_queue_size"}, "tgi_queue_size"),
    ("waiting", {"nv_inference_pending_request_count"}, "nv_inference_pending_request_count"),
    ("kv", {"vllm:gpu_cache_usage_perc"}, "vllm:gpu_cache_usage_perc"),
    ("preemptions", {"vllm:num_preemptions"}, "rate(vllm:num_preemptions["),
    ("hits", {"vllm:gpu_prefix_cache_hits_total", "vllm:gpu_prefix_cache_queries_total"}, "gpu_prefix_cache_queries_total"),
    ("hits", {"vllm:gpu_prefix_cache_hit_rate"}, "vllm:gpu_prefix_cache_hit_rate >= 0"),
    ("hits", {"sglang:cache_hit_rate"}, "avg by (job, instance)"),
    ("hits", {"nv_cache_num_hits_per_model", "nv_cache_num_misses_per_model"}, "nv_cache_num_misses_per_model"),
    ("itl", {"vllm:time_per_output_token_seconds_bucket"}, "vllm:time_per_output_token_seconds_bucket"),
    ("ttft", {"sglang:time_to_first_token_seconds"}, "rate(sglang:time_to_first_token_seconds["),
    ("ttft", {"nv_inference_first_response_histogram_ms_bucket"}, "0.001 *"),
    ("ttft", {"tgi_request_validation_duration_bucket", "tgi_request_queue_duration_bucket", "tgi_batch_forward_duration_bucket"}, 'tgi_batch_forward_duration_bucket{method="prefill"}'),
    ("waiting", {"vllm:num_requests_waiting_by_reason"}, "num_requests_waiting_by_reason"),
    ("hits", {"vllm:prompt_tokens_cached_total", "vllm:prompt_tokens_total"}, "prompt_tokens_cached_total"),
    ("hits", {"sglang:cached_tokens_total", "sglang:prompt_tokens_total"}, "cached_tokens_total"),
    ("output_tokens", {"sglang:gen_throughput"}, "gen_throughput"),
    ("queue_time", {"tgi_request_queue_duration_bucket"}, "tgi_request_queue_duration_bucket"),
    ("queue_time", {"nv_inference_queue_duration_us", "nv_inference_request_success"}, "1e-06 *"),
    ("prompt_length", {"vllm:request_prompt_tokens_sum", "vllm:request_prompt_tokens_count"}, "request_prompt_tokens_count"),
])  # fmt: skip
def test_a_signal_is_asked_by_the_name_that_there_is(signal: str, names: set[str], asked: str) -> None:
    expr = signals.expression(signal, names, "5m")
    assert expr
    assert asked in expr
    assert query.check(expr) is None


def test_engines_of_two_ages_are_asked_in_one_go() -> None:
    expr = signals.expression("kv", {"vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"}, "5m")
    assert expr
    assert expr.index("kv_cache") < expr.index(" or ") < expr.index("gpu_cache")


def test_stages_are_asked_of_the_same_instance() -> None:
    names = {
        f"tgi_{one}_bucket"
        for one in ("request_validation_duration", "request_queue_duration", "batch_forward_duration")
    }
    expr = signals.expression("ttft", names, "5m", '{job="t"}')
    assert expr
    assert query.check(expr) is None
    assert expr.count('{job="t"') == 3
    assert signals.expression("ttft", names - {"tgi_batch_forward_duration_bucket"}, "5m") is None


def test_a_signal_that_nothing_tells_is_not_asked() -> None:
    assert signals.expression("ttft", VLLM, "5m") is None
    assert signals.who({"up", "tgi_nothing"}) is None


@pytest.mark.parametrize("name, engine", [
    ("vllm:num_requests_running", "vLLM"), ("ray_vllm_num_requests_running", "vLLM"),
    ("sglang_num_queue_reqs", "SGLang"), ("tgi_queue_size", "TGI"),
    ("nv_inference_pending_request_count", "Triton"), ("nvidia_smi", ""), ("up", ""),
])  # fmt: skip
def test_a_name_says_whose_it_is(name: str, engine: str) -> None:
    assert signals.engine_of(name) == engine
