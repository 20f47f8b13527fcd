from __future__ import annotations

import pytest
from django.test import RequestFactory

from quintet.middleware.network import client_ip, is_internal
from tests.project.settings import ProjectSettings


@pytest.fixture
def trusting(settings):
    def trust(**environ):
        declared = {"SERVICE_ENVIRONMENT": "test", "SECRET_KEY": "k", **environ}
        settings.QUINTET = ProjectSettings.load(environ=declared)

    trust(TRUSTED_PROXIES="10.0.0.0/8,fd00::/8")
    return trust


def request(peer, forwarded=None, **headers):
    if forwarded is not None:
        headers["X-Forwarded-For"] = forwarded
    return RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.7", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.9, 10.0.0.7", "10.0.0.9"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("fd00::1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "fe80::1%<script>", "fe80::1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, <script>", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "," * 5000, "10.0.0.1"),
        ("", "198.51.100.1", ""),
        ("/run/socket", None, ""),
    ],
)
def test_the_client_is_the_first_address_that_no_trusted_proxy_has(
    trusting, peer, forwarded, client
):
    assert client_ip(request(peer, forwarded)) == client


def test_without_trusted_proxies_nobody_is_believed(trusting):
    trusting()

    assert client_ip(request("10.0.0.1", "198.51.100.1")) == "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "headers", "internal"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {}, True),
        ("::ffff:127.0.0.1", {}, True),
        ("203.0.113.9", {}, False),
        ("", {}, False),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, False),
        ("127.0.0.1", {"X-Forwarded-For": ""}, False),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, False),
        ("127.0.0.1", {"X-Real-IP": "127.0.0.1"}, False),
    ],
)
def test_the_internal_side_is_the_peer_itself_and_forwards_for_nobody(
    trusting, peer, headers, internal
):
    assert is_internal(request(peer, **headers)) is internal


def test_the_internal_networks_are_a_setting(trusting):
    trusting(INTERNAL_NETWORKS="203.0.113.0/24")

    assert is_internal(request("203.0.113.9"))
    assert not is_internal(request("127.0.0.1"))
