from __future__ import annotations

import json

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests.views import shelf

ERRORS = {"400", "401", "405", "406", "429", "500", "502", "503", "504"}


@pytest.fixture(scope="module")
def contract():
    generated = SchemaGenerator(patterns=shelf.urlpatterns).get_schema(request=None, public=True)
    return json.loads(json.dumps(generated, default=str))


def operation(contract, path, method):
    return contract["paths"][path][method]


def answers(contract, described):
    """The answers of an operation, also those that it shares with others."""
    shared = contract["components"]["responses"]
    return {
        status: shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        for status, answer in described["responses"].items()
    }


def operations(contract):
    return [op for methods in contract["paths"].values() for op in methods.values()]


def test_the_contract_is_valid(contract):
    validate_schema(contract)


def test_generating_the_contract_warns_of_nothing(capsys):
    SchemaGenerator(patterns=shelf.urlpatterns[:2]).get_schema(request=None, public=True)

    assert "could not be paginated" not in capsys.readouterr().err


def test_every_operation_lists_its_errors_in_both_shapes_with_an_example(contract):
    for described in operations(contract):
        told = answers(contract, described)
        assert told.keys() >= ERRORS
        for status in told.keys() & ERRORS:
            content = told[status]["content"]
            envelope = content["application/json"]["example"]["error"]
            assert envelope.keys() == {
                "code", "message", "details", "correlation_id", "service", "timestamp",
            }  # fmt: skip
            assert content["application/problem+json"]["example"]["status"] == int(status)


def test_the_examples_carry_the_code_of_their_status(contract):
    told = answers(contract, operation(contract, "/api/v1/books/{id}/", "put"))

    codes = {
        status: told[status]["content"]["application/json"]["example"]["error"]["code"]
        for status in ("400", "404", "406", "409", "413", "415", "422", "500", "502")
    }
    assert codes == {
        "400": "VALIDATION_ERROR",
        "404": "NOT_FOUND",
        "406": "API_ERROR",
        "409": "CONFLICT",
        "413": "PAYLOAD_TOO_LARGE",
        "415": "API_ERROR",
        "422": "BUSINESS_LOGIC_ERROR",
        "500": "INTERNAL_ERROR",
        "502": "EXTERNAL_SERVICE_ERROR",
    }


def test_operations_whose_errors_are_the_same_share_them(contract):
    missing = {
        json.dumps(operation(contract, "/api/v1/books/{id}/", method)["responses"]["404"])
        for method in ("get", "put")
    }

    assert missing == {'{"$ref": "#/components/responses/NotFound"}'}


def test_only_what_has_a_body_can_be_of_the_wrong_kind(contract):
    assert "415" not in operation(contract, "/api/v1/books/", "get")["responses"]


def test_what_needs_a_token_says_so(contract):
    assert operation(contract, "/api/v1/books/", "get")["security"] == [{"bearer": []}]
    assert operation(contract, "/api/v1/basket/", "post")["security"] == [{"bearer": []}, {}]
    assert contract["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_what_is_public_forbids_nothing(contract):
    assert "403" not in operation(contract, "/api/v1/basket/", "post")["responses"]
    assert "403" in operation(contract, "/api/v1/books/", "post")["responses"]


def test_a_list_is_described_as_a_page(contract):
    page = contract["components"]["schemas"]["PaginatedBookList"]

    assert page["properties"]["pagination"]["required"] == [
        "page", "page_size", "count", "pages", "next", "previous",
    ]  # fmt: skip


def test_the_bounds_of_a_page_are_described(contract):
    parameters = operation(contract, "/api/v1/books/", "get")["parameters"]
    schemas = {parameter["name"]: parameter["schema"] for parameter in parameters}

    assert schemas["page_size"] == {"type": "integer", "minimum": 1, "maximum": 100}
    assert schemas["page"] == {"type": "integer", "minimum": 1}


def test_a_strict_body_is_described_as_strict(contract):
    schemas = contract["components"]["schemas"]

    assert schemas["BasketRequest"]["additionalProperties"] is False
    assert schemas["LineRequest"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["Receipt"]


def test_the_examples_of_a_view_are_kept(contract):
    body = operation(contract, "/api/v1/basket/", "post")["requestBody"]

    assert body["content"]["application/json"]["examples"]["One"]["value"] == {
        "lines": [{"quantity": 1}]
    }
