from __future__ import annotations

import uuid

import pytest

from quintet.clients import ServiceClient, path
from quintet.clients.paths import judged, query
from quintet.errors import ValidationException


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        (7, "7"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("a b", "a%20b"),
        ("a@b.example", "a%40b.example"),
        ("ü", "%C3%BC"),
        ("a:b", "a%3Ab"),
        ("...", "..."),
    ],
)
def test_a_value_becomes_one_encoded_segment(value, segment):
    assert path("/users/{id}/", id=value) == f"/users/{segment}/"
    assert judged(path("/users/{id}/", id=value)) == f"/users/{segment}/"


@pytest.mark.parametrize(
    "value",
    [
        *("", ".", "..", "../admin", "a/b", "/", "\\", "..\\x", "a?b", "a#b", "a%2fb", "%2e%2e"),
        *("a\nb", "a\r\nHost: evil", "a\0b", "a\u2028b", "a\u202eb", "\x7f", " \t"),
    ],
)
def test_a_value_that_could_change_the_route_is_refused(value):
    with pytest.raises(ValidationException) as raised:
        path("/users/{id}/profile/", id=value)

    assert raised.value.details["field_errors"].keys() == {"id"}


@pytest.mark.parametrize("values", [{}, {"name": 1}, {"id": 1, "name": 2}])
def test_the_values_are_those_of_the_template(values):
    with pytest.raises(TypeError, match="id"):
        path("/users/{id}/", **values)


def test_a_value_is_not_filled_in_twice():
    assert path("/{a}/{b}/", a="{b}", b="x") == "/%7Bb%7D/x/"


ELSEWHERE = [
    "http://evil.example/",
    "https://evil.example/",
    "HTTP://evil.example/",
    "file:///etc/passwd",
    "gopher://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example\\",
    "/a//evil.example/",
    "@evil.example/",
    "/@evil.example/",
    ":80@evil.example/",
    ".evil.example/",
    "evil.example",
    "http:/evil.example",
    "http:evil.example",
    "169.254.169.254/latest/meta-data/",
    "[::1]/",
    "",
    " /a/",
    "/a/ ",
    "\t/a/",
    "/a\n/",
    "/a\r\nHost: evil.example\r\n",
    "/a HTTP/1.1\r\nX: y",
    "/a\0b/",
    "/a\x7f/",
    "/a\u2028/",
    "/é/",
    "/a?b=c",
    "/a#b",
    "/../admin/",
    "/a/../admin/",
    "/a/..",
    "/./a/",
    "/a/./",
    "/%2e%2e/admin/",
    "/%2E./admin/",
    "/a/..%2fadmin/",
    "/a%2Fb/",
    "/a/%5c..%5cadmin/",
    "/%252e%252e/admin/",
    "/a%00/",
    "/a%0d%0aX:%20y/",
    "/a%3fb=c",
    "/a%23b",
    "/%zz/",
    "/a%",
    "/{id}/",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_a_path_that_leads_elsewhere_is_never_sent(users, target):
    with pytest.raises(ValueError, match=r"path|route|segment"):
        ServiceClient("users").get(target)

    assert users.requests == []


@pytest.mark.parametrize(
    "target", ["/", "/a", "/api/v1/users/7/", "/a-b_c.d~e/", "/a%20b/", "/a:b/", "/.well-known/x"]
)
def test_a_plain_path_is_sent_as_it_is(users, target):
    ServiceClient("users").get(target)

    assert users.requests[0].path == target


@pytest.mark.parametrize(
    ("params", "written"),
    [
        (None, ""),
        ({}, ""),
        ({"a": None}, ""),
        ({"a": 1, "b": "x y"}, "?a=1&b=x+y"),
        ({"a": True, "b": False}, "?a=true&b=false"),
        ({"a": [1, None, 2], "b": ()}, "?a=1&a=2"),
        ({"a": "1&admin=1#x"}, "?a=1%26admin%3D1%23x"),
        ({"a": "\r\nHost: evil"}, "?a=%0D%0AHost%3A+evil"),
    ],
)
def test_parameters_are_written_so_that_they_stay_values(params, written):
    assert query(params) == written
