from __future__ import annotations

import shutil
import socket
import stat
import threading

import pytest
import redis

from quintet.embedded import ports
from quintet.embedded.server import NotReady
from quintet.embedded.valkey import Valkey


@pytest.fixture
def running(valkey):
    valkey.start()
    return valkey


@pytest.fixture
def web_server():
    """Something on a port that speaks another protocol."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    yield listener.getsockname()[1]
    thread.join()
    listener.close()


def test_it_answers_whoever_knows_the_password_and_nobody_else(running):
    with redis.Redis.from_url(running.url()) as client:
        client.set("key", "value")

    port = ports.recorded(running.directory)
    with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.get("key")


def test_the_password_is_neither_among_the_arguments_nor_readable_by_others(valkey):
    launch = valkey.prepare()

    password = (valkey.directory / "password").read_text()
    assert password not in " ".join(launch.argv)
    for name in ("password", "valkey.conf"):
        assert stat.S_IMODE((valkey.directory / name).stat().st_mode) == 0o600


def test_data_survives_kill_minus_nine(running):
    with redis.Redis.from_url(running.url()) as client:
        client.set("key", "value")
        client.execute_command("WAITAOF", 1, 0, 0)

    running.process.kill()
    running.process.wait()
    running.start()

    with redis.Redis.from_url(running.url()) as client:
        assert client.get("key") == b"value"


def test_a_forgetful_one_keeps_nothing(home, stopped):
    server = Valkey(home, durable=False)
    stopped.append(server)
    server.start()
    with redis.Redis.from_url(server.url(3)) as client:
        client.set("key", "value")

    server.stop()
    server.start()

    with redis.Redis.from_url(server.url(3)) as client:
        assert client.get("key") is None


def test_another_server_on_the_port_is_not_taken_for_ours(running, home):
    impostor = Valkey(home / "impostor")
    impostor.directory.mkdir()
    for name in ("port", "password"):
        shutil.copy(running.directory / name, impostor.directory)

    with pytest.raises(NotReady, match=r"serves .*valkey, not .*impostor"):
        impostor.probe()


def test_a_server_of_another_protocol_is_not_ready(valkey, web_server):
    valkey.directory.mkdir()
    (valkey.directory / "port").write_text(str(web_server))

    with pytest.raises(NotReady, match="unexpected answer b'HTTP"):
        valkey.probe()


def test_nobody_on_the_port_is_not_ready(valkey):
    valkey.directory.mkdir()

    with pytest.raises(NotReady, match="refused"):
        valkey.probe()


def test_a_taken_port_is_replaced_before_the_start(valkey):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        valkey.directory.mkdir()
        (valkey.directory / "port").write_text(str(port))

        valkey.start()

    assert ports.recorded(valkey.directory) != port
