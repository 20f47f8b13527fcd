"""A small OpenAPI document, and ways to change it."""

from __future__ import annotations

from copy import deepcopy

LAMP = {
    "type": "object",
    "required": ["id", "name", "status"],
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string", "maxLength": 20},
        "note": {"type": "string", "nullable": True},
        "status": {"allOf": [{"$ref": "#/components/schemas/StatusEnum"}], "readOnly": True},
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Lamp"}},
    },
}
DOCUMENT = {
    "openapi": "3.0.3",
    "paths": {
        "/lamps/{id}/": {
            "get": {
                "summary": "One lamp",
                "parameters": [
                    {"in": "path", "name": "id", "required": True, "schema": {"type": "integer"}}
                ],
                "security": [{"bearer": []}, {}],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Lamp"}}
                        }
                    },
                    "404": {"$ref": "#/components/responses/NotFound"},
                },
            }
        },
        "/lamps/": {
            "post": {
                "parameters": [
                    {"in": "query", "name": "shop", "schema": {"type": "string"}},
                ],
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/LampRequest"}}
                    }
                },
                "responses": {"204": {}},
            }
        },
    },
    "components": {
        "schemas": {
            "Lamp": LAMP,
            "LampRequest": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 20},
                    "colour": {"type": "string", "enum": ["red", "green"]},
                    "note": {"type": "string", "nullable": True},
                },
            },
            "StatusEnum": {"type": "string", "enum": ["on", "off"]},
        }
    },
}


def document():
    """A document of one's own."""
    return deepcopy(DOCUMENT)


def changed(*steps, to=None):
    """The document with another value at a place, or without it."""
    made = document()
    place = made
    for step in steps[:-1]:
        place = place[step]
    if to is None:
        del place[steps[-1]]
    else:
        place[steps[-1]] = to
    return made


def in_schema(name, *steps, to=None):
    """The document with another schema."""
    return changed("components", "schemas", name, *steps, to=to)
