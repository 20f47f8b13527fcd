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


LAMPS = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Lamp"}}}}
SHADE = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
SHADES = {"content": {"application/json": {"schema": SHADE}}}


@pytest.mark.parametrize(
    ("answer", "sentences"),
    [
        (LAMPS, []),
        ({}, [f"{GET}: it may answer 202 now, which has no body"]),
        (
            SHADES,
            [
                f"{GET}: it may answer 202 now, and in it {name} is not promised any more"
                for name in ("name", "note", "parts", "status")
            ]
            + [f"{GET}: it may answer 202 now, and in it id may be string, and was integer"],
        ),
    ],
)
def test_another_success_has_to_look_like_one_that_is_promised(answer, sentences):
    """The naive version asks for the statuses alone that were there before."""
    assert breaking(DOCUMENT, changed(*ANSWER, "responses", "202", to=answer)) == sentences


def test_another_success_may_say_less_words_than_the_one_beside_it():
    few = {
        **DOCUMENT["components"]["schemas"]["Lamp"]["properties"],
        "status": {"type": "string", "enum": ["on"]},
    }
    schema = {"type": "object", "required": ["id", "name", "status"], "properties": few}
    answer = {"content": {"application/json": {"schema": schema}}}

    assert breaking(DOCUMENT, changed(*ANSWER, "responses", "202", to=answer)) == []


def test_where_no_body_was_promised_another_success_may_have_one():
    assert breaking(DOCUMENT, changed(*ASKED, "responses", "200", to=LAMPS)) == []


@pytest.mark.parametrize("word", ["multipleOf", "not", "uniqueItems", "a keyword of the future"])
def test_a_keyword_that_appears_in_a_request_may_narrow_it(word):
    new = in_schema("LampRequest", "properties", "name", word, to=5)

    assert breaking(DOCUMENT, new) == [
        f"{POST}: in the body name is held to {word} 5, and was to {word} none"
    ]


@pytest.mark.parametrize("word", ["description", "default", "example", "deprecated", "x-of-ours"])
def test_a_keyword_that_only_describes_narrows_nothing(word):
    assert breaking(DOCUMENT, in_schema("LampRequest", "properties", "name", word, to="x")) == []


def test_a_map_that_is_not_taken_any_more_is_named():
    old = in_schema("LampRequest", "additionalProperties", to={"type": "string"})

    assert breaking(old, DOCUMENT) == [f"{POST}: in the body * is not taken any more"]


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
