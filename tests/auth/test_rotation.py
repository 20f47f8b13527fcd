from __future__ import annotations

from itertools import pairwise

import pytest

from quintet.auth import generate_key, rotation
from quintet.auth.keys import KEYS_MAX, own_keys, public_pem
from quintet.auth.rotation import StepRefused, keys_in


def kids(value):
    return [key.kid for key in keys_in(value)]


def roles(value):
    return [key.role for key in keys_in(value)]


@pytest.fixture
def first():
    return generate_key()


@pytest.fixture
def two(first):
    return rotation.add(first)


def test_without_a_value_there_are_no_keys():
    assert keys_in("") == []


def test_the_first_key_of_all_signs():
    assert roles(rotation.add("")) == ["signs"]


def test_a_further_key_is_published_and_the_first_one_goes_on_signing(first, two):
    assert roles(two) == ["signs", "published"]
    assert own_keys(two).kid == own_keys(first).kid
    assert set(own_keys(two).verifying) == set(kids(two))


def test_the_only_key_that_could_sign_need_not_be_named(two):
    old, new = kids(two)

    switched = rotation.switch(two)

    assert kids(switched) == [new, old]
    assert own_keys(switched).kid == new
    assert own_keys(switched).verifying.keys() == {old, new}


def test_one_of_several_keys_has_to_be_named(two):
    three = rotation.add(two)

    with pytest.raises(StepRefused, match="2 keys could sign"):
        rotation.switch(three)

    assert kids(rotation.switch(three, kids(three)[2]))[0] == kids(three)[2]


def test_there_may_be_no_key_to_switch_to(first):
    with pytest.raises(StepRefused, match="0 keys could sign"):
        rotation.switch(first)


def test_a_retired_key_is_published_and_can_never_sign_again(two):
    old, new = kids(two)

    value = rotation.retire(rotation.switch(two), old)

    assert roles(value) == ["signs", "retired"]
    assert own_keys(value).verifying.keys() == {old, new}
    assert value.count("PRIVATE KEY-----") == 2
    with pytest.raises(StepRefused, match="public only"):
        rotation.switch(value, old)
    assert rotation.retire(value, old) == value


def test_a_removed_key_is_published_no_more(two):
    old, new = kids(two)

    assert kids(rotation.remove(rotation.switch(two), old)) == [new]


@pytest.mark.parametrize("step", [rotation.retire, rotation.remove])
def test_the_key_that_signs_stays(two, step):
    with pytest.raises(StepRefused, match="switch to another one first"):
        step(two, kids(two)[0])


@pytest.mark.parametrize("step", [rotation.switch, rotation.retire, rotation.remove])
def test_a_key_that_is_not_there_is_named_with_those_that_are(two, step):
    with pytest.raises(StepRefused, match=rf"no key 'x' \({', '.join(kids(two))}\)"):
        step(two, "x")


def test_a_replacement_leaves_nothing_of_the_keys_before(two):
    assert roles(rotation.replace()) == ["signs"]
    assert not set(kids(rotation.replace())) & set(kids(two))


def test_nobody_is_given_more_keys_than_others_read(first):
    value = "".join(generate_key() for _ in range(KEYS_MAX))

    with pytest.raises(StepRefused, match="remove one first"):
        rotation.add(value)


def test_a_key_that_stands_there_twice_is_one_that_can_sign(first):
    other = generate_key()

    assert roles(first + public_pem(other) + other) == ["signs", "published"]
    assert roles(first + other + public_pem(other)) == ["signs", "published"]
    assert roles(first + public_pem(first)) == ["signs"]


def test_a_value_on_one_line_is_read_and_written_on_many(two):
    assert rotation.switch(two.replace("\n", "\\n")) == rotation.switch(two)


def test_no_print_of_a_key_shows_it(first):
    (key,) = keys_in(first)

    assert "PRIVATE" not in repr(key)


def test_a_rotation_never_stops_publishing_what_signed_before(first):
    """What is signed in each step is verified with the keys of the step before and after."""
    steps = [first]
    steps.append(rotation.add(steps[-1]))
    steps.append(rotation.switch(steps[-1]))
    steps.append(rotation.retire(steps[-1], kids(first)[0]))

    for before, after in pairwise(steps):
        assert own_keys(before).kid in own_keys(after).verifying
        assert own_keys(after).kid in own_keys(before).verifying
