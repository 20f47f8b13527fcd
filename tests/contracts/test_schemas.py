from __future__ import annotations

from copy import deepcopy

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


BOTH = {
    "allOf": [
        {"type": "object", "required": ["a"], "properties": {"a": WHOLE, "c": {"minimum": 1}}},
        {"type": "object", "required": ["b"], "properties": {"b": TEXT, "c": {"maximum": 9}}},
    ]
}


def one_of_both(number, *, required=(), **properties):
    """``BOTH`` with another schema at one of its places."""
    made = deepcopy(BOTH)
    made["allOf"][number]["properties"].update(properties)
    made["allOf"][number]["required"] += required
    return made


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"c": {"minimum": 2}}, [(Kind.BOUND, "c")]),
        ({"a": TEXT}, [(Kind.TYPE, "a")]),
        ({"required": ("c",)}, [(Kind.MISSING, "c")]),
    ],
)
def test_all_schemas_of_an_all_of_hold(number, change, found):
    """The naive version compares an object without fields."""
    expected = one_of_both(number, **change)
    if number and "a" in change:
        found = [(Kind.BOUND, "a")]  # of no type at all

    assert kinds(expected, BOTH) == found


def test_what_stands_beside_an_all_of_and_an_any_of_holds_as_well():
    short = {"type": "string", "maxLength": 3}

    assert kinds({"allOf": [TEXT], "maxLength": 3}, TEXT) == [(Kind.BOUND, "")]
    assert kinds({"anyOf": [TEXT, WHOLE], "maxLength": 3}, TEXT) == [(Kind.BOUND, "")]
    assert kinds(short, {"allOf": [TEXT], "maxLength": 2}) == []
    assert kinds({"anyOf": [{**TEXT, "nullable": True}], "maxLength": 3}, {"type": "null"}) == []


@pytest.mark.parametrize(
    ("one", "other", "meant"),
    [
        ({"maximum": 5}, {"maximum": 3}, {"maximum": 3}),
        ({"minimum": 5}, {"minimum": 3}, {"minimum": 5}),
        ({"enum": [1, 2]}, {"enum": [2, 3]}, {"enum": [2]}),
        ({"nullable": True}, {"nullable": True}, {"nullable": True}),
        ({"nullable": True}, {}, {}),
        ({"title": "a"}, {"title": "b"}, {}),
        ({"items": {"maximum": 5}}, {"items": {"maximum": 3}}, {"items": {"maximum": 3}}),
    ],
)
def test_an_all_of_allows_what_all_of_its_schemas_do(one, other, meant):
    merged = {"allOf": [{**WHOLE, **one}, {**WHOLE, **other}]}

    assert kinds(merged, {**WHOLE, **meant}) == kinds({**WHOLE, **meant}, merged) == []


def test_what_cannot_be_merged_has_to_stay_as_it_is():
    patterns = [{"type": "string", "pattern": it} for it in ("a", "b", "c")]
    two, three = {"allOf": patterns[:2]}, {"allOf": patterns}

    assert kinds(two, two) == []
    assert kinds(three, two) == [(Kind.BOUND, "")]
    assert kinds({"allOf": [TEXT, WHOLE]}, TEXT) == [(Kind.BOUND, "")]


def test_a_keyword_that_is_not_known_is_looked_at_behind_its_references():
    barred = {"type": "string", "not": {"$ref": "#/Barred"}}

    def among(*words):
        barred_words = {"enum": list(words), "title": {"$ref": "#/Barred"}}
        return Part(schema=barred, document={"Barred": barred_words})

    assert list(misfits(among("a"), among("a"))) == []
    assert [it.kind for it in misfits(among("a", "b"), among("a"))] == [Kind.BOUND]


@pytest.mark.parametrize(
    ("expected", "given", "kept", "found"),
    [
        (False, WHOLE, False, [(Kind.UNKNOWN, "*")]),
        (False, True, False, [(Kind.UNKNOWN, "*")]),
        (False, None, False, []),
        (WHOLE, True, False, [(Kind.TYPE, "*")]),
        (WHOLE, None, False, []),
        (WHOLE, False, False, []),
        (WHOLE, False, True, [(Kind.MISSING, "*")]),
        (WHOLE, None, True, [(Kind.MISSING, "*")]),
        ({}, False, True, [(Kind.MISSING, "*")]),
        ({}, None, True, []),
    ],
)
def test_a_map_is_compared_with_what_is_no_map(expected, given, kept, found):
    def object_with(rest):
        return {"type": "object"} | ({} if rest is None else {"additionalProperties": rest})

    assert kinds(object_with(expected), object_with(given), kept=kept) == found


def test_a_schema_that_contains_itself_is_compared_once():
    node = {"$ref": "#/Node"}
    schema = {"type": "object", "properties": {"next": node, "value": WHOLE}}
    other = {"type": "object", "properties": {"next": node, "value": TEXT}}

    found = misfits(
        Part(schema=node, document={"Node": schema}), Part(schema=node, document={"Node": other})
    )

    assert [it.at for it in found] == ["value"]
