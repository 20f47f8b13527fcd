from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quintet.telemetry.statements import LONGEST_READ, LONGEST_SHOWN, operation_of, shape_of

SECRET = "hunter2"
SHAPES = {
    "parameters stay": (
        'SELECT "a"."id" FROM "a" WHERE "a"."id" = %s LIMIT 21',
        'SELECT "a"."id" FROM "a" WHERE "a"."id" = %s LIMIT ?',
    ),
    "text": ("SELECT 'hunter2'", "SELECT ?"),
    "a quote in a text": ("SELECT 'it''s hunter2', 'hunter2'", "SELECT ?, ?"),
    "a backslash that ends a text": (r"SELECT 'C:\', 'hunter2'", "SELECT ?, ?"),
    "a backslash that escapes": (r"SELECT E'it\'s hunter2', 'hunter2'", "SELECT ?, ?"),
    "a text of Unicode": ("SELECT U&'hunter2'", "SELECT U&?"),
    "a text in dollars": ("SELECT $$hunter2$$, $a$hunter2 $$ $a$", "SELECT ?, ?"),
    "a text that is cut": ("SELECT 'hunter2", "SELECT ?"),
    "a text in dollars that is cut": ("SELECT $a$hunter2", "SELECT ?"),
    "a quote in a name": ('SELECT "it\'s" FROM "b""\'s" WHERE c = \'hunter2\'', None),
    "a quote in a comment": ("SELECT 1 -- it's hunter2\n, 'hunter2'", "SELECT ? , ?"),
    "a comment within": ("SELECT /* it's hunter2 */ 'hunter2'", "SELECT ?"),
    "numbers": ("SELECT 1, -2.5, 3e10, 0x1F, a1, b.c2", "SELECT ?, -?, ?, ?, a1, b.c2"),
    "a list of parameters": ("id IN (%s, %s, %s) AND x = (%s)", "id IN (%s, …) AND x = (%s)"),
    "a list of values": ("WHERE id IN (1, 2,3)", "WHERE id IN (?, …)"),
    "line ends": ("SELECT\n    1\t,\n  2", "SELECT ? , ?"),
    "a numbered parameter": ("SELECT $1", "SELECT $1"),
}


@pytest.mark.parametrize(("sql", "shape"), SHAPES.values(), ids=SHAPES)
def test_a_shape_has_no_values(sql, shape):
    found = shape_of(sql)

    assert SECRET not in found
    if shape is not None:
        assert found == shape


def test_a_name_with_a_quote_stays_a_name():
    assert shape_of('SELECT "it\'s" FROM t') == 'SELECT "it\'s" FROM t'


@pytest.mark.parametrize(
    ("sql", "operation"),
    [
        ("SELECT 1", "SELECT"),
        ("  insert into a", "INSERT"),
        ("(SELECT 1) UNION (SELECT 2)", "SELECT"),
        ("SAVEPOINT s1", "SAVEPOINT"),
        ("", ""),
        ("'hunter2'", ""),
    ],
)
def test_the_operation_is_the_first_word(sql, operation):
    assert operation_of(shape_of(sql)) == operation


def test_a_shape_is_bounded():
    assert len(shape_of("SELECT " + "a, " * LONGEST_READ)) == LONGEST_SHOWN


@given(st.text(alphabet="ab1'\"$E\\-/*(), %s\n"))
def test_no_statement_is_too_strange(sql):
    assert "\n" not in shape_of(sql)


@given(st.text(alphabet=st.characters(exclude_characters="'\x00")), st.booleans())
def test_whatever_is_in_a_text_is_not_in_the_shape(value, numbered):
    before = "SELECT %s, 1, " if numbered else "SELECT "

    assert shape_of(f"{before}'{value}{SECRET}'").endswith("?")
