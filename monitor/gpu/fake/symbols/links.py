"""PCIe and NVLink."""

from typing import Any

from monitor.gpu.fake.abi import need, number, put, symbol
from monitor.gpu.fake.library import FakeLibrary


@symbol("nvmlDeviceGetPcieReplayCounter")
def _replays(lib: FakeLibrary, device: Any, count: Any) -> None:
    lib.whole(device)
    put(count, 0)


@symbol("nvmlDeviceGetCurrPcieLinkGeneration", "nvmlDeviceGetMaxPcieLinkGeneration")
def _generation(lib: FakeLibrary, device: Any, value: Any) -> None:
    put(value, lib.whole(device).model.generation)


@symbol("nvmlDeviceGetCurrPcieLinkWidth", "nvmlDeviceGetMaxPcieLinkWidth")
def _width(lib: FakeLibrary, device: Any, value: Any) -> None:
    lib.whole(device)
    put(value, 16)


@symbol("nvmlDeviceGetPcieThroughput")
def _throughput(lib: FakeLibrary, device: Any, which: Any, kilobytes: Any) -> None:
    card = lib.whole(device, uncut=True)
    put(kilobytes, round((200_000 if number(which) else 60_000) * card.load(lib.now)))


@symbol("nvmlDeviceGetNvLinkState")
def _link_state(lib: FakeLibrary, device: Any, link: Any, active: Any) -> None:
    card = lib.whole(device)
    need(has=number(link) < card.model.nvlinks)
    put(active, 0 if number(link) in card.links_down else 1)


@symbol("nvmlDeviceGetNvLinkErrorCounter")
def _link_errors(lib: FakeLibrary, device: Any, link: Any, kind: Any, count: Any) -> None:
    card = lib.whole(device)
    need(has=number(link) < card.model.nvlinks and number(kind) < 4)
    put(count, 3 if number(link) in card.links_down and number(kind) == 0 else 0)
