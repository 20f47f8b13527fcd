"""The rules of W3C Trace Context, one row each, from the Recommendation and its public test-suite.

Rows marked ``otel`` are those that the propagator of OpenTelemetry for Python 1.45 gets wrong.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quintet import context

TRACE = "12345678901234567890123456789012"
PARENT = "1234567890123456"
VALID = f"00-{TRACE}-{PARENT}-01"
SENT_PARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]")
KEY_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
VALUE_CHARACTERS = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",=")


def hop(*, parent: str, state: str = "") -> dict[str, str]:
    """What a service that received these headers sends to the next one."""
    arrived = context.from_headers({"traceparent": parent, "tracestate": state})
    with context.running(arrived):
        return context.outgoing_headers()


CONTINUED = {
    "not sampled": f"00-{TRACE}-{PARENT}-00",
    "sampled": VALID,
    "flags that are not known": f"00-{TRACE}-{PARENT}-ff",
    "space before": f" {VALID}",
    "tab before": f"\t{VALID}",
    "space after": f"{VALID} ",
    "tab after": f"{VALID}\t",
    "space and tab around": f"\t {VALID} \t",
    "a later version": f"cc-{TRACE}-{PARENT}-01",
    "a later version with more": f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like",
    "a later version with nothing more": f"01-{TRACE}-{PARENT}-01-",
}


@pytest.mark.parametrize("parent", CONTINUED.values(), ids=CONTINUED)
def test_a_valid_parent_is_continued(parent):
    sent = hop(parent=parent)["traceparent"]

    assert SENT_PARENT.fullmatch(sent)
    assert sent.startswith(f"00-{TRACE}-")
    assert PARENT not in sent[36:]


RESTARTED = {
    "no header": "",
    "only blanks": " \t",
    "version ff": f"ff-{TRACE}-{PARENT}-01",
    "illegal character first in the version": f".0-{TRACE}-{PARENT}-01",
    "illegal character last in the version": f"0.-{TRACE}-{PARENT}-01",
    "version too long": f"000-{TRACE}-{PARENT}-01",
    "version much too long": f"0000-{TRACE}-{PARENT}-01",
    "version too short": f"0-{TRACE}-{PARENT}-01",
    "upper case version": f"CC-{TRACE}-{PARENT}-01",
    "trace id of zeros": f"00-{'0' * 32}-{PARENT}-01",
    "upper case trace id": f"00-{'ABCDEF' + TRACE[6:]}-{PARENT}-01",
    "illegal character first in the trace id": f"00-.{TRACE[1:]}-{PARENT}-01",
    "illegal character last in the trace id": f"00-{TRACE[:-1]}.-{PARENT}-01",
    "trace id too long": f"00-{TRACE}3-{PARENT}-01",
    "trace id too short": f"00-{TRACE[:-1]}-{PARENT}-01",
    "parent id of zeros": f"00-{TRACE}-{'0' * 16}-01",
    "upper case parent id": f"00-{TRACE}-{'ABCDEF' + PARENT[6:]}-01",
    "illegal character first in the parent id": f"00-{TRACE}-.{PARENT[1:]}-01",
    "illegal character last in the parent id": f"00-{TRACE}-{PARENT[:-1]}.-01",
    "parent id too long": f"00-{TRACE}-{PARENT}7-01",
    "parent id too short": f"00-{TRACE}-{PARENT[:-1]}-01",
    "illegal character first in the flags": f"00-{TRACE}-{PARENT}-.0",
    "illegal character last in the flags": f"00-{TRACE}-{PARENT}-0.",
    "upper case flags": f"00-{TRACE}-{PARENT}-0A",
    "flags too long": f"00-{TRACE}-{PARENT}-001",
    "flags too short": f"00-{TRACE}-{PARENT}-1",
    "no flags": f"00-{TRACE}-{PARENT}",
    "a dot after version 00": f"{VALID}.",
    "a field more in version 00": f"{VALID}-what-the-future-will-be-like",
    "an empty field more in version 00": f"{VALID}-",
    "a later version that goes on without a dash": f"cc-{TRACE}-{PARENT}-01.more",
    "a later version, prohibitively large": f"cc-{TRACE}-{PARENT}-01-{'x' * 8_000}",
    "a later version that ends early": f"cc-{TRACE}-{PARENT}",
    "two headers": f"{VALID},{VALID}",
    "two headers that differ": f"{VALID},00-{TRACE[::-1]}-{PARENT}-01",
    "two headers of a later version (otel)": f"cc-{TRACE}-{PARENT}-01-x,{VALID}",
    "a header with an empty one": f"{VALID},",
    "a line end behind (otel)": f"{VALID}\n",
    "a space within": f"00-{TRACE} -{PARENT}-01",
    "digits that are not ASCII": VALID.replace("1", "\u0661"),
}


@pytest.mark.parametrize("parent", RESTARTED.values(), ids=RESTARTED)
def test_an_invalid_parent_restarts_the_trace_and_drops_the_state(parent):
    headers = hop(parent=parent, state="foo=1")

    assert SENT_PARENT.fullmatch(headers["traceparent"])
    assert TRACE not in headers["traceparent"]
    assert "tracestate" not in headers


SAMPLED = {"00": "00", "01": "01", "02": "00", "03": "01", "fe": "00", "ff": "01", "09": "01"}


@pytest.mark.parametrize(("flags", "sent"), SAMPLED.items())
def test_one_flag_is_known_and_the_others_are_sent_as_zero(flags, sent):
    """OpenTelemetry sends on what it does not know."""
    assert hop(parent=f"00-{TRACE}-{PARENT}-{flags}")["traceparent"].endswith(f"-{sent}")


KEPT = {
    "one": ("foo=1", "foo=1"),
    "the order": ("foo=1,bar=2", "foo=1,bar=2"),
    "two lines": ("foo=1,bar=2,rojo=1,congo=2", "foo=1,bar=2,rojo=1,congo=2"),
    "an empty line first": (",foo=1", "foo=1"),
    "an empty line last": ("foo=1,", "foo=1"),
    "an empty member": ("foo=1,,bar=2", "foo=1,bar=2"),
    "a blank member": ("foo=1, \t ,bar=2", "foo=1,bar=2"),
    "blanks around": ("foo=1 \t , \t bar=2, \t baz=3", "foo=1,bar=2,baz=3"),
    "blanks of another kind": ("foo=1\t \t,\t \tbar=2,\t \tbaz=3", "foo=1,bar=2,baz=3"),
    "blanks outside": ("\t foo=1 \t", "foo=1"),
    "a blank that begins a value": ("foo= 1", "foo= 1"),
    "a blank within a value": ("foo=a b", "foo=a b"),
    "all characters of a key": (f"{KEY_CHARACTERS}=1", f"{KEY_CHARACTERS}=1"),
    "all characters of a tenant": (
        f"{KEY_CHARACTERS}@a-z0-9_-*/=1",
        f"{KEY_CHARACTERS}@a-z0-9_-*/=1",
    ),
    "all characters of a value": (f"foo={VALUE_CHARACTERS}", f"foo={VALUE_CHARACTERS}"),
    "a tenant that begins with a digit": ("0foo@bar=1", "0foo@bar=1"),
    "the longest key": (f"foo=1,{'z' * 256}=1", f"foo=1,{'z' * 256}=1"),
    "the longest tenant": (f"{'t' * 241}@{'v' * 14}=1", f"{'t' * 241}@{'v' * 14}=1"),
    "the longest value": (f"foo={'x' * 256}", f"foo={'x' * 256}"),
    "32 members": (
        ",".join(f"bar{n:02}={n:02}" for n in range(32)),
        ",".join(f"bar{n:02}={n:02}" for n in range(32)),
    ),
}


@pytest.mark.parametrize(("state", "sent"), KEPT.values(), ids=KEPT)
def test_a_valid_state_is_sent_on_in_its_order(state, sent):
    assert hop(parent=VALID, state=state)["tracestate"] == sent


DISCARDED = {
    "empty": "",
    "blank": " \t",
    "only commas": ",,,",
    "no value": "foo",
    "an empty value": "foo=,bar=3",
    "a blank value": "foo= ,bar=3",
    "an empty key": "=1,bar=3",
    "two equals signs": "foo=bar=baz",
    "a blank before the equals sign": "foo =1",
    "upper case": "FOO=1",
    "a dot in the key": "foo.bar=1",
    "a key that begins with a digit": "1foo=1",
    "a key that begins with a dash": "-foo=1",
    "no system": "foo@=1,bar=2",
    "no tenant": "@foo=1,bar=2",
    "two at signs": "foo@@bar=1,bar=2",
    "two systems": "foo@bar@baz=1,bar=2",
    "a system that begins with a digit": "foo@0bar=1",
    "a key too long": f"foo=1,{'z' * 257}=1",
    "a tenant too long": f"foo=1,{'t' * 242}@v=1",
    "a system too long": f"foo=1,t@{'v' * 15}=1",
    "a value too long": f"foo=1,bar={'x' * 257}",
    "a tab within a value": "foo=a\tb",
    "a control character": "foo=a\x01b",
    "a line end": "foo=1\n",
    "a letter outside ASCII": "foo=é",
    "twice the same": "foo=1,foo=1",
    "twice the same key": "foo=1,foo=2",
    "twice the same key, far apart": "foo=1,bar=2,foo=3",
    "33 members": ",".join(f"bar{n:02}={n:02}" for n in range(33)),
    "prohibitively large": "foo=1," + " " * 20_000 + "bar=2",
}


@pytest.mark.parametrize("state", DISCARDED.values(), ids=DISCARDED)
def test_an_invalid_state_is_discarded_and_the_parent_is_not(state):
    headers = hop(parent=VALID, state=state)

    assert "tracestate" not in headers
    assert headers["traceparent"].startswith(f"00-{TRACE}-")


def member(key: str, length: int) -> str:
    return f"{key}=".ljust(length, "x")


SHORTENED = {
    "just fits": ([("a", 256), ("b", 255)], "ab"),
    "large ones first, from the end": ([("a", 200), ("b", 100), ("c", 200), ("d", 100)], "abd"),
    "then from the end": ([("a", 128), ("b", 128), ("c", 128), ("d", 128)], "abc"),
    "a large one that fits stays": ([("a", 250), ("b", 250), ("c", 250)], "ab"),
}


@pytest.mark.parametrize(("members", "kept"), SHORTENED.values(), ids=SHORTENED)
def test_a_state_that_is_too_long_loses_whole_members(members, kept):
    """OpenTelemetry sends on 8 kB, and drops all of what is longer."""
    written = {key: member(key, length) for key, length in members}

    sent = hop(parent=VALID, state=",".join(written.values()))["tracestate"]

    assert sent == ",".join(written[key] for key in kept)
    assert len(sent) <= context.LONGEST_STATE


def test_every_call_names_another_parent():
    arrived = context.from_headers({"traceparent": VALID})

    with context.running(arrived):
        sent = {context.outgoing_headers()["traceparent"] for _ in range(3)}

    assert len(sent) == 3
    assert {parent[:36] for parent in sent} == {f"00-{TRACE}-"}


headers = st.one_of(
    st.text(),
    st.text(alphabet="0123456789abcdef-, ."),
    st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.*", fullmatch=True),
)
states = st.one_of(
    st.text(),
    st.text(alphabet="ab0@=, \t-*/"),
    st.lists(st.from_regex(r"[a-c0-9@]{1,3}=[ -~]{0,140}", fullmatch=True)).map(",".join),
)


@given(parent=headers, state=states)
def test_whatever_arrives_what_is_sent_is_valid_and_bounded(parent, state):
    sent = hop(parent=parent, state=state)
    again = hop(parent=sent["traceparent"], state=sent.get("tracestate", ""))

    assert SENT_PARENT.fullmatch(sent["traceparent"])
    assert len(sent.get("tracestate", "")) <= context.LONGEST_STATE
    assert sum(len(name) + len(value) for name, value in sent.items()) < 700
    assert again.get("tracestate") == sent.get("tracestate")
