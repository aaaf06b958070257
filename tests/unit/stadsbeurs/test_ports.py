from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from stadsbeurs import ports
from stadsbeurs.mistakes import Mistake


@pytest.fixture
def taken_port() -> Iterator[int]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", ports.pick()))
    listener.listen()
    yield listener.getsockname()[1]
    listener.close()


def test_a_port_with_a_listener_is_not_free(taken_port: int) -> None:
    assert not ports.is_free(taken_port)


def test_a_port_just_left_is_free_again_although_its_connections_linger() -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = listener.accept()
            accepted.close()
    assert ports.is_free(port)


def test_ports_are_picked_below_those_of_outgoing_connections() -> None:
    assert all(15000 <= ports.pick() < 30000 for _ in range(20))


def test_the_ports_of_last_time_are_kept() -> None:
    first = ports.choose(["postgres", "valkey"], {})
    assert ports.choose(["postgres", "valkey"], first) == first


def test_a_port_that_was_taken_meanwhile_is_picked_anew(taken_port: int) -> None:
    free = ports.pick()
    chosen = ports.choose(["postgres", "valkey"], {"postgres": taken_port, "valkey": free})
    assert chosen["valkey"] == free
    assert chosen["postgres"] not in (taken_port, free)


def test_no_process_gets_the_port_of_the_gateway() -> None:
    port = ports.pick()
    assert ports.choose(["valkey"], {"valkey": port}, {port})["valkey"] != port


def test_one_port_known_for_two_processes_goes_to_one_of_them() -> None:
    port = ports.pick()
    chosen = ports.choose(["a", "b"], {"a": port, "b": port})
    assert chosen["a"] == port
    assert chosen["b"] != port


def test_a_taken_port_is_refused_in_a_sentence_that_names_it(taken_port: int) -> None:
    with pytest.raises(Mistake, match=f"Port {taken_port} is already in use; .* --port"):
        ports.require_free(taken_port)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_does_not_exist_is_refused(port: int) -> None:
    with pytest.raises(Mistake, match="does not exist"):
        ports.require_free(port)
