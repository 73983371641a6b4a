from monitor.engines.names import spellings


def test_old_and_new_names_find_each_other() -> None:
    assert "vllm:gpu_cache_usage_perc" in spellings("vllm:kv_cache_usage_perc")
    assert "vllm:kv_cache_usage_perc" in spellings("vllm:gpu_cache_usage_perc")


def test_a_counter_is_found_with_and_without_its_ending() -> None:
    assert "vllm:num_preemptions" in spellings("vllm:num_preemptions_total")
