from __future__ import annotations

import gzip
import socket
import struct
import threading
import zlib

import pytest

from quintet import wire
from quintet.errors import DeadlineException, ExternalServiceException, UnavailableException
from tests.wire.servers import closed_port, dripping, read_head, saying, serving, talking

OK = b"HTTP/1.1 200 OK\r\n"


def ask(base_url, target="/", *, timeout_seconds=5.0, **rest):
    return wire.exchange(
        wire.Request(
            service="users",
            method=rest.pop("method", "GET"),
            base_url=base_url,
            target=target,
            headers=rest.pop("headers", {}),
            body=rest.pop("body", None),
            timeout_seconds=timeout_seconds,
        ),
        **rest,
    )


def test_the_answer_has_its_status_its_headers_in_lower_case_and_its_body():
    with serving(lambda handler: handler.reply(418, b"tea", X_Pot="short")) as server:
        answer = ask(server.url)

    assert (answer.status, answer.headers["x-pot"], answer.body) == (418, "short", b"tea")


def test_method_target_headers_and_body_arrive_as_given(peer):
    ask(peer.url, "/a?b=c", method="POST", headers={"X-Name": "value"}, body=b"payload")

    (request,) = peer.requests
    assert (request.command, request.path, request.body) == ("POST", "/a?b=c", b"payload")
    assert request.headers["X-Name"] == "value"


def test_the_prefix_of_the_base_url_stands_before_every_path(peer):
    ask(f"{peer.url}/shop/", "/a/")

    assert peer.requests[0].path == "/shop/a/"


def test_connections_are_used_again(peer):
    for _ in range(5):
        ask(peer.url)

    assert peer.connections == 1


def test_a_connection_that_was_idle_for_too_long_is_not_used_again(peer, monkeypatch):
    ask(peer.url)
    monkeypatch.setattr(wire.connections, "IDLE_SECONDS_MAX", -1.0)

    ask(peer.url)

    assert peer.connections == 2


def test_a_connection_that_the_peer_closed_is_replaced_unnoticed():
    closed = threading.Semaphore(0)

    def answer_once(sock, gone):
        read_head(sock)
        sock.sendall(OK + b"Content-Length: 2\r\n\r\nhi")
        sock.shutdown(socket.SHUT_RDWR)
        closed.release()

    with talking(answer_once) as url:
        answers = [(ask(url).body, closed.acquire()) for _ in range(3)]

    assert answers == [(b"hi", True)] * 3


def test_threads_at_the_same_time_have_connections_of_their_own(peer):
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask(peer.url).body)) for _ in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [b"hello"] * 40


def test_a_refused_connection_is_unavailable():
    with pytest.raises(UnavailableException):
        ask(f"http://127.0.0.1:{closed_port()}")


def test_a_name_that_does_not_resolve_is_unavailable():
    with pytest.raises(UnavailableException):
        ask("http://users.invalid:8000")


def test_a_peer_that_hangs_up_without_an_answer_is_unavailable():
    with talking(lambda sock, gone: read_head(sock)) as url, pytest.raises(UnavailableException):
        ask(url)


def test_a_reset_before_the_answer_is_unavailable():
    def reset(sock, gone):
        read_head(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with talking(reset) as url, pytest.raises(UnavailableException):
        ask(url)


def test_a_reset_in_the_middle_of_the_body_makes_the_answer_unusable():
    def reset(sock, gone):
        read_head(sock)
        sock.sendall(OK + b"Content-Length: 100000\r\n\r\n" + b"x" * 10)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with talking(reset) as url, pytest.raises(ExternalServiceException):
        ask(url)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.9\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", id="no status"),
        pytest.param(OK + b"Content-Length: 10\r\n\r\nhalf", id="cut off"),
        pytest.param(OK + b"Content-Length: 1, 2\r\n\r\nx", id="two lengths in a line"),
        pytest.param(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy", id="two lengths"),
        pytest.param(OK + b"Content-Length: -1\r\n\r\nx", id="a negative length"),
        pytest.param(OK + b"Content-Length: 0x1\r\n\r\nx", id="no length"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", id="no chunk size"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe", id="cut off chunk"),
        pytest.param(OK + b"X: " + b"y" * 70_000 + b"\r\n\r\n", id="a header line without end"),
        pytest.param(OK + b"X: y\r\n" * 200 + b"\r\n", id="too many headers"),
    ],
)
def test_an_answer_that_is_no_whole_http_is_of_no_use(answer):
    with talking(saying(answer)) as url, pytest.raises(ExternalServiceException) as raised:
        ask(url)

    assert raised.value.details["service_name"] == "users"


@pytest.mark.parametrize("status", [b"101 Switching Protocols", b"103 Early Hints"])
def test_an_interim_answer_never_becomes_the_answer_of_the_next_request(status):
    smuggled = OK + b"Content-Length: 8\r\n\r\nsmuggled"

    with talking(saying(b"HTTP/1.1 " + status + b"\r\n\r\n" + smuggled)) as url:
        for _ in range(2):
            with pytest.raises(ExternalServiceException, match="interim"):
                ask(url)


def test_bytes_after_the_answer_never_reach_the_next_request():
    def answer_too_much(sock, gone):
        while read_head(sock):
            sock.sendall(OK + b"Content-Length: 2\r\n\r\nhi" + OK + b"Content-Length: 1\r\n\r\n!")

    with talking(answer_too_much) as url:
        answers = [ask(url).body for _ in range(3)]

    assert answers == [b"hi"] * 3


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda sock, gone: gone.wait(), id="silence"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\nX-A", b"a"), id="a dripping head"),
        pytest.param(dripping(OK + b"Content-Length: 100000\r\n\r\n", b"x"), id="a dripping body"),
        pytest.param(
            dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
            id="a dripping chunked body",
        ),
        pytest.param(dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="endless continuing"),
    ],
)
def test_one_deadline_covers_the_whole_exchange(script):
    with talking(script) as url, pytest.raises(DeadlineException, match=r"within 0\.3 seconds"):
        ask(url, timeout_seconds=0.3)


def test_a_peer_that_reads_nothing_does_not_hold_the_sender():
    body = b"x" * 50_000_000

    with talking(lambda sock, gone: gone.wait()) as url, pytest.raises(DeadlineException):
        ask(url, method="POST", body=body, timeout_seconds=0.3)


def test_a_peer_that_accepts_no_connection_does_not_hold_the_caller():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))

        with pytest.raises(DeadlineException):
            ask(f"http://127.0.0.1:{port}", timeout_seconds=0.3)

        for sock in waiting:
            sock.close()


def test_after_a_missed_deadline_the_late_answer_is_not_taken_for_the_next_one():
    asked = []

    def answer_late(handler):
        asked.append(handler.path)
        if handler.path == "/slow":
            threading.Event().wait(0.6)
        handler.reply(200, handler.path.encode())

    with serving(answer_late) as server:
        with pytest.raises(DeadlineException):
            ask(server.url, "/slow", timeout_seconds=0.3)
        answer = ask(server.url, "/fast")

    assert answer.body == b"/fast"


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9])
def test_a_time_that_is_over_before_it_began_sends_nothing(peer, seconds):
    with pytest.raises(DeadlineException):
        ask(peer.url, timeout_seconds=seconds)

    assert peer.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(peer, status):
    with serving(lambda h: h.reply(status, Location=f"{peer.url}/")) as redirecting:
        answer = ask(redirecting.url)

    assert answer.status == status
    assert peer.requests == []


def test_a_body_of_just_the_cap_is_read_and_one_byte_more_is_not():
    with serving(lambda handler: handler.reply(200, b"x" * int(handler.path[1:]))) as server:
        body = ask(server.url, "/1000", bytes_max=1000).body
        with pytest.raises(ExternalServiceException, match="1000 bytes"):
            ask(server.url, "/1001", bytes_max=1000)

    assert len(body) == 1000


def test_an_endless_body_is_cut_off_at_the_cap():
    def pour(sock, gone):
        read_head(sock)
        sock.sendall(OK + b"\r\n")
        while not gone.is_set():
            sock.sendall(b"x" * 65536)

    with talking(pour) as url, pytest.raises(ExternalServiceException, match="more than"):
        ask(url, bytes_max=1_000_000)


def test_no_compression_is_asked_for(peer):
    ask(peer.url)

    assert peer.requests[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", bytes)]
)
def test_a_compressed_answer_is_refused_and_never_inflated(encoding, compress):
    bomb = compress(b"\0" * 10_000_000)

    with (
        serving(lambda h: h.reply(200, bomb, Content_Encoding=encoding)) as server,
        pytest.raises(ExternalServiceException, match="compressed"),
    ):
        ask(server.url)


def test_the_proxies_of_the_environment_are_ignored(peer, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")

    assert ask(peer.url).body == b"hello"


def test_the_second_address_of_a_name_is_tried_when_the_first_refuses(peer, monkeypatch):
    refusing = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", closed_port()))
    accepting = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", peer.server_port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [refusing, accepting])

    assert ask(peer.url).body == b"hello"


def test_a_name_without_an_address_is_unavailable(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])

    with pytest.raises(UnavailableException):
        ask("http://users:8000")


@pytest.mark.parametrize(
    "base_url",
    [
        "file:///etc/passwd",
        "ftp://users/",
        "gopher://users/",
        "users:8000",
        "",
        "http://",
        "http://user:password@users:8000",
        "http://users:8000?x=y",
        "http://users:8000#x",
    ],
)
def test_a_base_url_is_scheme_host_port_and_prefix_only(base_url):
    with pytest.raises(ValueError, match=r"URL|host"):
        ask(base_url)


def test_the_port_follows_from_the_scheme():
    ports = [wire.address(f"{scheme}://users").port for scheme in ("http", "https")]

    assert ports == [80, 443]


@pytest.mark.parametrize("scheme", ["ftp", "postgres"])
def test_the_password_in_a_base_url_of_another_kind_is_not_in_the_error(scheme):
    with pytest.raises(ValueError, match="is not an http") as raised:
        wire.address(f"{scheme}://jo:hunter2@users")

    assert "hunter2" not in str(raised.value)


def test_the_password_in_a_base_url_is_not_in_the_error():
    with pytest.raises(ValueError, match="userinfo") as raised:
        ask("http://user:s3cret@users:8000")

    assert "s3cret" not in str(raised.value)


def test_a_target_that_names_another_host_is_not_sent(peer):
    with pytest.raises(ExternalServiceException):
        ask(peer.url, "http://elsewhere.example/")

    assert peer.requests == []
