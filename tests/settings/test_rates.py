from __future__ import annotations

import pytest

from quintet.settings import ServiceSettings, SettingsError
from quintet.settings.rates import LARGEST_AMOUNT, Rate, parse

GIVEN = {"SERVICE_NAME": "shop", "SECRET_KEY": "k", "SERVICE_ENVIRONMENT": "test"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("600/minute", [Rate(600, 60, "minute")]),
        ("600 per minute", [Rate(600, 60, "minute")]),
        ("5/10 seconds", [Rate(5, 10, "10 seconds")]),
        ("1/day", [Rate(1, 86_400, "day")]),
        ("600/minute; 10/second", [Rate(10, 1, "second"), Rate(600, 60, "minute")]),
        ("", []),
        ("  ", []),
    ],
)
def test_rates_are_read_as_people_write_them(written, read):
    assert parse(written) == tuple(read)


@pytest.mark.parametrize(
    "written",
    [
        "600",
        "minute",
        "600/fortnight",
        "600/minute;",
        "-5/minute",
        "5.5/minute",
        "0/minute",
        f"{LARGEST_AMOUNT + 1}/minute",
        "1/2 years",
        "5/minute; 6/60 seconds",
        "1/second; 2/minute; 3/hour; 4/day; 5/month",
    ],
)
def test_what_cannot_be_counted_is_refused(written):
    with pytest.raises(ValueError, match=r".+"):
        parse(written)


def test_a_rate_is_said_as_it_is_written():
    assert [str(rate) for rate in parse("5/10 seconds; 600/minute")] == [
        "5/10 seconds",
        "600/minute",
    ]


def test_a_wrong_rate_limit_stops_the_service_and_says_what_to_write():
    with pytest.raises(SettingsError) as caught:
        ServiceSettings.load({**GIVEN, "RATE_LIMIT": "600 a minute"})

    (problem,) = caught.value.problems
    assert problem.variable == "RATE_LIMIT"
    assert problem.expected.startswith("rates such as 600/minute, or several such as")
    assert (problem.got, problem.remedy) == (
        "'600 a minute' from environment",
        "correct RATE_LIMIT",
    )


def test_no_rate_limit_is_a_value():
    assert ServiceSettings.load({**GIVEN, "RATE_LIMIT": ""}).RATE_LIMIT == ""
    assert ServiceSettings.load({**GIVEN, "RATE_LIMIT": " 5/minute "}).RATE_LIMIT == "5/minute"
