from __future__ import annotations

from types import SimpleNamespace

import pytest

from quintet.views.throttling import DEFAULT, UNLIMITED, RateLimit, limit_of


def test_a_policy_is_written_as_the_draft_says():
    policy = RateLimit("login", "5/minute").policy()

    assert policy.header == '"login";q=5;w=60'


def test_several_rates_have_a_name_each():
    policy = RateLimit("login", "100/2 hours; 5/minute").policy()

    assert policy.names == ("login-minute", "login-2-hours")
    assert policy.header == '"login-minute";q=5;w=60, "login-2-hours";q=100;w=7200'


def test_rates_may_stand_in_a_setting(declare):
    declare(RATE_LIMIT="7/second")

    assert RateLimit("search", setting="RATE_LIMIT").policy().header == '"search";q=7;w=1'


def test_an_empty_setting_is_no_limit(declare):
    declare(RATE_LIMIT="")

    assert DEFAULT.policy() is None


def test_what_is_unlimited_is_so_whatever_the_setting_says(declare):
    declare(RATE_LIMIT="7/second")

    assert UNLIMITED.policy() is None


@pytest.mark.parametrize("name", ["", "Login", 'log"in', "log in", "l" * 64, "login\n"])
def test_a_name_fits_into_a_header_and_a_label(name):
    with pytest.raises(ValueError, match="use small letters, digits and hyphens"):
        RateLimit(name, "5/minute")


def test_a_wrong_rate_is_refused_where_it_is_written():
    with pytest.raises(ValueError, match="login is '5 a minute': write rates such as 600/minute"):
        RateLimit("login", "5 a minute")


def test_rates_stand_in_one_place():
    with pytest.raises(ValueError, match="give it one"):
        RateLimit("login", "5/minute", setting="RATE_LIMIT")


LOGIN, LOGOUT = RateLimit("login", "5/minute"), RateLimit("logout", "6/minute")


@pytest.mark.parametrize(
    ("view", "limit"),
    [
        (SimpleNamespace(), DEFAULT),
        (SimpleNamespace(rate_limit=LOGIN), LOGIN),
        (SimpleNamespace(rate_limit=LOGIN, action="list"), LOGIN),
        (SimpleNamespace(rate_limit={"create": LOGIN, "destroy": LOGOUT}, action="create"), LOGIN),
        (SimpleNamespace(rate_limit={"create": LOGIN}, action="list"), DEFAULT),
        (SimpleNamespace(rate_limit={"create": LOGIN}, action=None), DEFAULT),
        (SimpleNamespace(rate_limit={"create": LOGIN}), DEFAULT),
    ],
)
def test_a_view_has_its_own_limit_an_action_may_have_its_own_and_all_others_the_default(
    view, limit
):
    assert limit_of(view) is limit
