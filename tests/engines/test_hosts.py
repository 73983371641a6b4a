import pytest

from monitor.engines.hosts import Place, place_of, without_port


@pytest.mark.parametrize("labels, host, by", [
    ({"instance": "gpu-1:8000"}, "gpu-1", "instance"),
    ({"instance": "gpu-1.dc.example:8000"}, "gpu-1", "instance"),
    ({"instance": "10.0.0.7:8000", "node": "gpu-2"}, "gpu-2", "node"),
    ({"instance": "10.0.0.7:8000", "Hostname": "GPU-2"}, "gpu-2", "Hostname"),
    ({"instance": "10.0.0.9:8000"}, "10.0.0.9", "instance"),
    ({"host": "engine-pod-4", "instance": "gpu-1:8000"}, "gpu-1", "instance"),
    ({"host": "gpu-1", "gpu_host": "gpu-2", "instance": "gpu-1:1"}, "gpu-2", "gpu_host"),
    ({"gpu_host": "silent", "instance": "gpu-1:1"}, "silent", "gpu_host"),
    ({"instance": "10.0.0.8:8000", "host": "elsewhere"}, "", ""),
    ({}, "", ""),
])  # fmt: skip
def test_an_engine_is_where_its_labels_name_a_host_with_cards(
    labels: dict[str, str], host: str, by: str
) -> None:
    place = place_of(labels, ["gpu-1", "gpu-2", "10.0.0.9"])
    assert (place.host, place.label) == (host, by)


def test_a_short_name_that_fits_two_hosts_names_none() -> None:
    assert place_of({"instance": "gpu-1:8000"}, ["gpu-1.north", "gpu-1.south"]) == Place()


def test_an_engine_at_localhost_is_on_the_only_host_polled_here() -> None:
    assert place_of({"instance": "localhost:8000"}, ["a", "b"], own=["b"]).host == "b"
    assert place_of({"instance": "127.0.0.1:8000"}, ["a", "b"], own=["a", "b"]) == Place()


def test_a_label_may_name_the_cards() -> None:
    assert place_of({"instance": "gpu-1:8000", "gpus": "0, 3"}, ["gpu-1"]).cards == {"0", "3"}


@pytest.mark.parametrize("name, bare", [
    ("gpu-1:8000", "gpu-1"), ("gpu-1", "gpu-1"), ("[::1]:8000", "::1"), ("fe80::1", "fe80::1"), ("", ""),
])  # fmt: skip
def test_a_port_is_no_part_of_a_name(name: str, bare: str) -> None:
    assert without_port(name) == bare
