from __future__ import annotations

import re

import pytest

from quintet.views import docs

pytestmark = pytest.mark.urls("tests.views.shelf")


@pytest.fixture(autouse=True)
def forgotten():
    docs._contract.cache_clear()
    yield
    docs._contract.cache_clear()


def test_the_contract_is_served_as_json(client):
    response = client.get("/openapi.json")

    assert response["Content-Type"] == "application/json"
    assert "/api/v1/books/" in response.json()["paths"]


def test_the_contract_is_sent_once_to_whoever_remembers_it(client):
    tag = client.get("/openapi.json")["ETag"]

    response = client.get("/openapi.json", headers={"If-None-Match": tag})

    assert (response.status_code, response.content) == (304, b"")


def test_the_page_refers_only_to_what_is_served(client):
    page = client.get("/docs/")

    named = re.findall(r'(?:href|src)="([^"]+)"', page.content.decode())
    assert len(named) == 4
    assert {client.get(f"/docs/{name}").status_code for name in named} == {200}


def test_the_page_runs_no_script_of_anybody_else(client):
    policy = client.get("/docs/")["Content-Security-Policy"]

    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy


def test_a_file_of_the_page_says_what_it_is_and_how_long_it_stays(client):
    response = client.get("/docs/swagger-ui.css")

    assert response["Content-Type"] == "text/css; charset=utf-8"
    assert response["Cache-Control"] == "public, max-age=86400"


@pytest.mark.parametrize(
    "name", ["x.js", "..%2f..%2fsettings.py", "swagger-ui-bundle.js.map", "%2e%2e"]
)
def test_no_other_file_is_served(client, name):
    assert client.get(f"/docs/{name}").status_code == 404


def test_a_service_without_the_files_says_how_to_get_them(client, monkeypatch):
    monkeypatch.setattr(docs, "_SIDECAR", "no_such_package")

    response = client.get("/docs/")

    assert response.status_code == 404
    assert "quintet[docs]" in response.json()["error"]["message"]
    assert client.get("/docs/swagger-ui.css").status_code == 404
