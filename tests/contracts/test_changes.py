from __future__ import annotations

import pytest

from quintet.contracts.changes import breaking, differences
from tests.contracts.documents import DOCUMENT, changed, document, in_schema

GET, POST = "GET /lamps/{id}/", "POST /lamps/"
ANSWER = ("paths", "/lamps/{id}/", "get")
ASKED = ("paths", "/lamps/", "post")


def test_the_same_breaks_nothing():
    assert breaking(DOCUMENT, document()) == []
    assert list(differences(DOCUMENT, document())) == []


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        (changed(*ANSWER), f"{GET}: it is gone"),
        (changed(*ANSWER, "security", to=[{"bearer": []}]), f"{GET}: it needs a token"),
        (
            changed(*ANSWER, "responses", to={"202": {}}),
            f"{GET}: it does not answer 200 any more",
        ),
        (
            changed(*ANSWER, "responses", "200", "content"),
            f"{GET}: the answer 200 has no body any more",
        ),
        (
            in_schema("Lamp", "required", to=["id", "status"]),
            f"{GET}: in the answer 200 name is not promised any more",
        ),
        (
            in_schema("Lamp", "properties", "note"),
            f"{GET}: in the answer 200 note is not promised any more",
        ),
        (
            in_schema("Lamp", "properties", "id", to={"type": "string"}),
            f"{GET}: in the answer 200 id may be string, and was integer",
        ),
        (
            in_schema("Lamp", "properties", "name", "nullable", to=True),
            f"{GET}: in the answer 200 name may be null, and was string",
        ),
        (
            in_schema("Lamp", "properties", "name", "maxLength", to=30),
            f"{GET}: in the answer 200 name has maxLength 30, and had maxLength 20",
        ),
        (
            in_schema("StatusEnum", "enum", to=["on", "out"]),
            f"{GET}: in the answer 200 status is never off any more",
        ),
        (
            in_schema("Lamp", "properties", "parts", "items", to={"type": "integer"}),
            f"{GET}: in the answer 200 parts[] may be integer, and was object",
        ),
        (
            changed(*ASKED, "parameters", 0, "required", to=True),
            f"{POST}: the parameter query shop has to be given",
        ),
        (
            changed(*ASKED, "parameters", to=[]),
            f"{POST}: the parameter query shop is gone",
        ),
        (
            changed(*ASKED, "parameters", 0, "schema", to={"type": "integer"}),
            f"{POST}: the parameter query shop: it may not be string any more, only integer",
        ),
        (changed(*ASKED, "requestBody"), f"{POST}: no body is taken any more"),
        (
            changed(*ASKED, "requestBody", "required", to=True),
            f"{POST}: a body has to be sent",
        ),
        (
            in_schema("LampRequest", "required", to=["name", "colour"]),
            f"{POST}: in the body colour has to be given",
        ),
        (
            in_schema("LampRequest", "properties", "note"),
            f"{POST}: in the body note is not taken any more",
        ),
        (
            in_schema("LampRequest", "properties", "note", "nullable"),
            f"{POST}: in the body note may not be null any more, only string",
        ),
        (
            in_schema("LampRequest", "properties", "colour", "enum", to=["red", "blue"]),
            f"{POST}: in the body colour may not be green any more",
        ),
        (
            in_schema("LampRequest", "properties", "name", "maxLength", to=10),
            f"{POST}: in the body name is held to maxLength 10, and was to maxLength 20",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_caller_can_stumble_over_is_named(new, sentence):
    assert breaking(DOCUMENT, new) == [sentence]


@pytest.mark.parametrize(
    "new",
    [
        changed(*ANSWER, "summary", to="A lamp"),
        changed("paths", "/shades/", to={"get": {"responses": {"204": {}}}}),
        in_schema("Lamp", "properties", "price", to={"type": "integer"}),
        in_schema("Lamp", "properties", "note", "nullable"),
        in_schema("StatusEnum", "enum", to=["on", "off", "broken"]),
        in_schema("LampRequest", "properties", "price", to={"type": "integer"}),
        in_schema("LampRequest", "required", to=[]),
        in_schema("LampRequest", "properties", "colour", "enum", to=["red", "green", "blue"]),
        in_schema("LampRequest", "properties", "name", "maxLength"),
    ],
)
def test_what_nobody_can_stumble_over_is_seen_and_breaks_nothing(new):
    assert breaking(DOCUMENT, new) == []
    assert list(differences(DOCUMENT, new))


def test_a_renamed_field_is_an_old_one_that_is_gone():
    new = in_schema("Lamp", "properties", "title", to={"type": "string"})
    new["components"]["schemas"]["Lamp"]["required"] = ["id", "status", "title"]
    del new["components"]["schemas"]["Lamp"]["properties"]["name"]

    assert breaking(DOCUMENT, new) == [f"{GET}: in the answer 200 name is not promised any more"]


def test_a_difference_is_named_by_its_path():
    new = changed(*ANSWER, "summary", to="A lamp")
    new["components"]["schemas"]["Shade"] = {}
    del new["paths"]["/lamps/"]

    assert list(differences(DOCUMENT, new)) == [
        "components > schemas > Shade is new",
        "paths > /lamps/ is gone",
        "paths > /lamps/{id}/ > get > summary is another",
    ]


def test_who_calls_what_breaks_is_named():
    found = breaking(DOCUMENT, changed(*ANSWER), callers={GET: ["shop"], POST: ["post"]})

    assert found == [f"{GET}, which shop calls: it is gone"]
