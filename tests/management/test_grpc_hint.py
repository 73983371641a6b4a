"""A real gRPC client on the port of OTLP over gRPC is told where to send instead."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import grpc
import pytest

from monitor.management import grpc_hint
from monitor.management.grpc_hint import MOST_CONNECTIONS, HintServer

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture
def server() -> Iterator[HintServer]:
    made = grpc_hint.start("127.0.0.1", 0, "http://vigil.example:8000")
    yield made
    made.shutdown()
    made.server_close()


def test_every_call_is_unimplemented_and_says_where_to_send(server: HintServer) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.server_address[1]}") as channel:
        for body in (b"", b"x" * 200_000):
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(EXPORT)(body, timeout=10, metadata=[("authorization", "Bearer k")])
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
            assert "http://vigil.example:8000/v1/traces" in caught.value.details()


def test_whoever_speaks_http_1_is_told_as_well(server: HintServer) -> None:
    with socket.create_connection(("127.0.0.1", server.server_address[1])) as connection:
        connection.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n")
        said = connection.makefile("rb").read()
    assert said.startswith(b"HTTP/1.1 400")
    assert b"http://vigil.example:8000/v1/traces" in said


def test_more_than_so_many_at_once_are_hung_up_on_and_cost_no_thread(
    server: HintServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[object] = []
    begin = server.process_request

    def counted(request: socket.socket, address: object) -> None:
        begun.append(address)
        begin(request, address)

    monkeypatch.setattr(server, "process_request", counted)
    place = ("127.0.0.1", int(server.server_address[1]))
    with ExitStack() as held:
        for _ in range(MOST_CONNECTIONS):
            held.enter_context(socket.create_connection(place))
        with socket.create_connection(place, timeout=10) as beyond:
            assert beyond.recv(1) == b""
        # connections are taken in turn: the one that was hung up on came last
        assert len(begun) == MOST_CONNECTIONS


def test_a_taken_port_is_an_error_of_the_system(server: HintServer) -> None:
    with pytest.raises(OSError, match="in use"):
        grpc_hint.start("127.0.0.1", int(server.server_address[1]), "http://x")
