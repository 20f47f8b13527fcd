from __future__ import annotations

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest

from quintet.cli import CommandError
from quintet.clients import ServiceClient, use_transport
from quintet.contracts.client import TAKEN, rendered
from quintet.contracts.uses import Use
from quintet.errors import ExternalServiceException
from quintet.settings import ServiceSettings, addresses
from quintet.testing import Downstream
from tests.contracts.documents import DOCUMENT, changed, document, in_schema
from tests.house.source import ROOT

GET, POST = "GET /lamps/{id}/", "POST /lamps/"
ALL = [Use(name="lamp", operation=GET, reads=None), Use(name="make", operation=POST, reads=None)]


def made(contract=DOCUMENT, uses=ALL):
    return rendered("lamps", caller="shop", document=contract, uses=uses)


def reading(*fields):
    return [Use(name="lamp", operation=GET, reads=fields)]


class Shop(ServiceSettings):
    LAMPS_SERVICE_URL: str = addresses(default="http://lamps.invalid")


@pytest.fixture
def lamps(settings):
    """The other service."""
    given = {"SERVICE_NAME": "shop", "SECRET_KEY": "k", "SERVICE_ENVIRONMENT": "test"}
    settings.QUINTET = Shop.load(environ=given)
    downstream = Downstream()
    with use_transport(downstream):
        yield downstream


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Import a generated client."""

    def load(text):
        file = tmp_path / "generated_lamps.py"
        file.write_text(text)
        spec = spec_from_file_location("generated_lamps", file)
        found = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "generated_lamps", found)
        spec.loader.exec_module(found)
        return found

    return load


LAMP = {"id": 7, "name": "Globe", "status": "dimmed"}


def test_an_answer_has_the_types_of_the_contract(lamps, module):
    lamps.answer("lamps", "GET", "/lamps/{id}/", json={**LAMP, "parts": [LAMP], "colour": "red"})
    generated = module(made())

    found = generated.LampsApi().lamp(7)

    part = generated.Lamp(id=7, name="Globe", status="dimmed")
    assert found == generated.Lamp(id=7, name="Globe", status="dimmed", parts=(part,))
    assert found.note is None


def test_what_is_not_read_need_not_be_there(lamps, module):
    lamps.answer("lamps", "GET", "/lamps/{id}/", json={"parts": [{"id": 7}], "name": 5})
    generated = module(made(uses=reading("parts.id")))

    found = generated.LampsApi().lamp(7)

    assert found == generated.LampAnswer(parts=(generated.LampLamp(id=7),))


def test_an_answer_that_breaks_the_contract_is_the_fault_of_the_other_service(lamps, module):
    lamps.answer("lamps", "GET", "/lamps/{id}/", json={**LAMP, "id": None})

    with pytest.raises(ExternalServiceException, match=r"lamps answered with.*\$\.id"):
        module(made()).LampsApi().lamp(7)


def test_a_body_is_sent_as_the_contract_wants_it(lamps, module):
    lamps.answer("lamps", "POST", "/lamps/")
    generated = module(made())

    body = generated.LampRequest(name="Globe", colour="red")
    answer = generated.LampsApi().make(body, idempotency_key="deed-1")

    (call,) = lamps.calls
    assert (answer, call.json) == (None, {"name": "Globe", "colour": "red"})
    assert call.headers["Idempotency-Key"] == "deed-1"


def with_key(*, required):
    header = {"in": "header", "name": "Idempotency-Key", "schema": {"type": "string"}}
    return changed("paths", "/lamps/", "post", "parameters", to=[{**header, "required": required}])


def test_a_key_that_the_contract_requires_has_to_be_given(module):
    generated = module(made(with_key(required=True)))

    with pytest.raises(TypeError, match="idempotency_key"):
        generated.LampsApi().make(generated.LampRequest(name="Globe"))


def test_parameters_of_a_query_may_be_left_out_unless_they_are_required(lamps, module):
    parameters = [
        {"in": "path", "name": "id", "required": True, "schema": {"type": "integer"}},
        {"in": "query", "name": "page", "schema": {"type": "integer"}},
        {"in": "query", "name": "from", "required": True, "schema": {"type": "string"}},
    ]
    lamps.answer("lamps", "GET", "/lamps/{id}/", json=LAMP)
    generated = module(made(changed("paths", "/lamps/{id}/", "get", "parameters", to=parameters)))

    generated.LampsApi().lamp(7, from_="here")

    assert lamps.calls[0].params == {"from": ["here"]}


@pytest.mark.parametrize(
    ("contract", "uses", "says"),
    [
        (changed("paths", "/lamps/{id}/"), ALL, "lamps does not promise GET /lamps/"),
        (DOCUMENT, reading("title"), "what Lamp reads has no title"),
        (DOCUMENT, reading("parts.title"), "what Lamp reads has no title"),
        (
            in_schema("Lamp", "properties", "two-words", to={"type": "string"}),
            ALL,
            "'two-words' cannot be the name of a field",
        ),
        (
            changed(
                "paths",
                "/lamps/",
                "post",
                "parameters",
                0,
                "required",
                to=True,
            ),
            ALL,
            "no client can be made of POST /lamps/",
        ),
        (
            changed("paths", "/lamps/{id}/", "get", "responses", "202", to={}),
            ALL,
            "no client can be made of GET /lamps/",
        ),
    ],
)
def test_what_no_client_can_be_made_of_is_refused(contract, uses, says):
    with pytest.raises(CommandError, match=says):
        made(contract, uses)


FORMATS = {
    "at": {"type": "string", "format": "date-time"},
    "on": {"type": "string", "format": "date", "nullable": True},
    "key": {"type": "string", "format": "uuid"},
    "price": {"type": "number"},
    "date": {"type": "integer"},
    "tags": {"type": "object", "additionalProperties": {"type": "string"}},
    "rest": {"type": "object", "additionalProperties": {}},
    "any": {},
    "either": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
    "box": {"type": "object", "properties": {"width": {"type": "integer"}}},
    "why": {"type": "string", "enum": [f"a_rather_long_reason_number_{n}" for n in range(9)]},
    "code": {"type": "string", "enum": [f"code {n}" for n in range(99)]},
}


def everything():
    contract = document()
    for name in ("Lamp", "LampRequest"):
        contract["components"]["schemas"][name]["properties"].update(FORMATS)
    return contract


def test_every_type_has_its_counterpart(module):
    generated = module(made(everything()))

    assert {name: generated.Lamp.__annotations__[name] for name in FORMATS} == {
        "at": "datetime | None",
        "on": "date | None",
        "key": "UUID | None",
        "price": "float | None",
        "date": "int | None",
        "tags": "dict[str, str] | None",
        "rest": "dict[str, Any] | None",
        "any": "Any | None",
        "either": "int | str | None",
        "box": "LampBox | None",
        "why": "str | None",
        "code": "str | None",
    }
    assert "Literal['red', 'green']" in generated.LampRequest.__annotations__["colour"].replace(
        '"', "'"
    )
    assert generated.LampRequest.__annotations__["code"] == "str | UnsetType"
    assert generated.LampRequest.__annotations__["why"] == "MakeWhy | UnsetType"
    assert len(generated.MakeWhy.__args__) == 9


@pytest.mark.parametrize("contract", [DOCUMENT, everything(), with_key(required=False)])
def test_what_is_generated_is_as_the_linter_and_the_formatter_want_it(contract, tmp_path):
    file = tmp_path / "lamps.py"
    file.write_text(made(contract))
    options = ["--config", f"{ROOT}/pyproject.toml"]

    for words in (["check", *options, "--ignore", "INP001"], ["format", "--diff", *options]):
        ended = subprocess.run(
            [sys.executable, "-m", "ruff", *words, file],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("name", ["get", "_call"])
def test_an_operation_hides_nothing_of_the_client(name):
    """The naive version calls itself."""
    with pytest.raises(CommandError, match=f"an operation named '{name}'"):
        made(uses=[Use(name=name, operation=GET, reads=None)])


def test_what_a_client_has_already_is_known():
    assert {name for name in dir(ServiceClient) if not name.startswith("_")} | {"name"} == TAKEN


def test_the_same_contract_makes_the_same_client():
    assert made() == made(document())
