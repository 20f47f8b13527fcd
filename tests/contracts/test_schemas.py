from __future__ import annotations

import pytest

from quintet.contracts.schemas import Kind, Part, misfits

WHOLE = {"type": "integer"}
TEXT = {"type": "string"}


def kinds(expected, given, **options):
    parts = (Part(schema=schema, document={}) for schema in (expected, given))
    return [(it.kind, it.at) for it in misfits(*parts, **options)]


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        ({}, TEXT),
        ({"type": "number"}, WHOLE),
        ({"type": ["string", "null"]}, TEXT),
        ({"anyOf": [WHOLE, {"type": "null"}]}, {"type": "integer", "nullable": True}),
        ({"oneOf": [WHOLE, TEXT]}, {"enum": ["a", 1]}),
        ({"type": "integer", "format": "int32"}, WHOLE),
        ({"type": "string", "maxLength": 1}, {"enum": ["a"]}),
        (
            {"type": "object", "additionalProperties": WHOLE},
            {"type": "object", "additionalProperties": WHOLE},
        ),
    ],
)
def test_what_is_given_may_be_less_than_what_is_expected(expected, given):
    assert kinds(expected, given) == []


@pytest.mark.parametrize(
    ("expected", "given", "kind", "at"),
    [
        (TEXT, {}, Kind.TYPE, ""),
        (WHOLE, {"type": "number"}, Kind.TYPE, ""),
        (TEXT, {"type": ["string", "null"]}, Kind.TYPE, ""),
        ({"enum": ["a"]}, TEXT, Kind.WORD, ""),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}, Kind.WORD, ""),
        ({"type": "string", "format": "date-time"}, TEXT, Kind.BOUND, ""),
        ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 0}, Kind.BOUND, ""),
        (
            {"type": "object", "additionalProperties": WHOLE},
            {"type": "object", "additionalProperties": TEXT},
            Kind.TYPE,
            "*",
        ),
        (
            {"type": "object", "required": ["a"], "properties": {"a": WHOLE}},
            {"type": "object", "properties": {"a": WHOLE}},
            Kind.MISSING,
            "a",
        ),
    ],
)
def test_what_is_given_may_not_be_more(expected, given, kind, at):
    assert kinds(expected, given) == [(kind, at)]


def test_a_schema_that_contains_itself_is_compared_once():
    node = {"$ref": "#/Node"}
    schema = {"type": "object", "properties": {"next": node, "value": WHOLE}}
    other = {"type": "object", "properties": {"next": node, "value": TEXT}}

    found = misfits(
        Part(schema=node, document={"Node": schema}), Part(schema=node, document={"Node": other})
    )

    assert [it.at for it in found] == ["value"]
