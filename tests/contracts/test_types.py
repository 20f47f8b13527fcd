"""A promise that is changed is a type error where it is used, by mypy itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.contracts.conftest import REGISTRATION
from tests.house.source import ROOT

USE = '''
from __future__ import annotations

from shop.clients.generated.validation import QuestionRequest, ValidationApi


def may_register(name: str, email: str) -> bool:
    """Have both judged."""
    question = QuestionRequest(username=name, email=email)
    return ValidationApi().judge(question).valid
'''


@pytest.fixture
def shop(system):
    """A service that uses the contract of another one."""
    folder = system / "services" / "shop"
    (folder / "shop" / "clients").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(REGISTRATION)
    (folder / "shop" / "domain.py").write_text(USE)
    for package in ("shop", "shop/clients"):
        (folder / package / "__init__.py").touch()
    (system / "quintet.yaml").write_text(
        "services: {validation: {path: services/validation}, "
        "shop: {path: services/shop, calls: [validation]}}"
    )
    return folder


@pytest.fixture
def mypy(shop):
    """Run mypy over the service; gives the errors with their places."""

    def run():
        cache = ["--cache-dir", str(ROOT / ".quintet" / "mypy" / "tests.contracts")]
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"),
                *(*cache, "--config-file=", "--hide-error-context", "--no-error-summary", "shop"),
            ],
            cwd=shop,
            env={**os.environ, "MYPYPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.stdout.splitlines()

    return run


def renamed(document, schema, *, old, new):
    told = document["components"]["schemas"][schema]
    told["properties"][new] = told["properties"].pop(old)
    told["required"] = [new if name == old else name for name in told["required"]]


def test_a_field_that_is_renamed_is_a_type_error_where_it_is_read(quintet, contract, shop, mypy):
    assert quintet("openapi", "client").exit_code == 0
    before = mypy()

    contract(lambda document: renamed(document, "Verdict", old="valid", new="acceptable"))
    drifted = quintet("openapi", "client", "--check")
    quintet("openapi", "client")

    assert before == []
    assert (drifted.exit_code, "shop.clients.generated.validation" in drifted.output) == (1, True)
    assert 'shop/domain.py:10: error: "Verdict" has no attribute "valid"  [attr-defined]' in mypy()


def test_a_field_that_is_renamed_is_a_type_error_where_it_is_sent(quintet, contract, mypy):
    contract(lambda document: renamed(document, "QuestionRequest", old="username", new="login"))
    quintet("openapi", "client")

    (error,) = mypy()

    assert error.startswith('shop/domain.py:9: error: Unexpected keyword argument "username"')


def test_a_field_that_is_declared_as_read_and_is_gone_is_named_at_once(quintet, contract, shop):
    (shop / "pyproject.toml").write_text(REGISTRATION + 'reads = ["valid"]\n')
    contract(lambda document: renamed(document, "Verdict", old="valid", new="acceptable"))

    ended = quintet("openapi", "client", "validation", "--for", "shop")

    assert ended.exit_code == 1
    assert "what Judge reads has no valid" in ended.output
    assert "the contract promises: acceptable, reasons, score" in ended.output


def test_a_client_of_a_service_that_is_not_called_is_refused(quintet, shop, system):
    text = (system / "quintet.yaml").read_text()
    (system / "quintet.yaml").write_text(text.replace("calls: [validation]", "calls: []"))

    ended = quintet("openapi", "client")

    assert ended.exit_code == 1
    assert "add validation to the calls of shop in quintet.yaml" in ended.output


def test_a_service_without_a_contract_has_no_clients(quintet, shop, system):
    (system / "contracts" / "validation.openapi.json").unlink()

    ended = quintet("openapi", "client")

    assert (ended.exit_code, "quintet openapi write validation" in ended.output) == (1, True)


def test_a_module_is_not_hidden_by_a_package_of_its_name(quintet, shop):
    (shop / "shop" / "clients.py").touch()

    ended = quintet("openapi", "client")

    assert (ended.exit_code, "shop.clients is a module" in ended.output) == (1, True)


def test_a_client_that_was_edited_by_hand_is_found(quintet, shop):
    quintet("openapi", "client")
    file = shop / "shop" / "clients" / "generated" / "validation.py"
    file.write_text(file.read_text().replace("valid: bool", "valid: bool = True"))

    assert quintet("openapi", "client", "--check").exit_code == 1
    assert quintet("openapi", "client", "--for", "validation", "--check").exit_code == 0


@pytest.mark.parametrize(
    "told",
    [
        {"operation": 7},
        {"reads": "valid"},
        {"reads": [7]},
        {"read": []},
        {"operation": "POST /api/v1/validate/", "reads": [], "more": 1},
    ],
)
def test_a_use_that_says_something_else_is_refused(quintet, shop, told):
    lines = [f"{name} = {json.dumps(value)}" for name, value in told.items()]
    head = REGISTRATION.splitlines()[0]
    (shop / "pyproject.toml").write_text("\n".join([head, *lines]))

    ended = quintet("openapi", "client")

    assert (ended.exit_code, "declares a use of another service" in ended.output) == (1, True)


def test_a_breaking_change_names_who_calls(quintet, contract, shop):
    contract(lambda document: renamed(document, "Verdict", old="valid", new="acceptable"))

    ended = quintet("openapi", "write", "validation")

    assert "POST /api/v1/validate/, which shop calls: in the answer 200" in ended.output
