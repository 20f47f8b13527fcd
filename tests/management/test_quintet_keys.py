from __future__ import annotations

import io
import os
import re
import stat

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from quintet.auth import generate_key, rotation
from quintet.settings import ServiceSettings

GIVEN = {"SERVICE_NAME": "shop", "SECRET_KEY": "hunter2", "SERVICE_ENVIRONMENT": "test"}


class Terminal(io.StringIO):
    """Keeps what it shows."""

    def isatty(self):
        return True


class Shell:
    """Somebody who runs the command, with the keys in a variable or in a file."""

    def __init__(self, **environ):
        self.environ = environ
        self.out, self.err = io.StringIO(), io.StringIO()

    def run(self, *arguments):
        with override_settings(QUINTET=ServiceSettings.load({**GIVEN, **self.environ})):
            call_command("quintet_keys", *arguments, stdout=self.out, stderr=self.err)
        return self.out.getvalue()


@pytest.fixture
def value():
    """A key that signs, one that is published, and one that is retired."""
    made = rotation.add(rotation.add(generate_key()))
    return rotation.retire(made, rotation.keys_in(made)[2].kid)


@pytest.fixture
def shell(value):
    return Shell(AUTH_SIGNING_KEYS=value)


@pytest.fixture
def file(tmp_path, value):
    made = tmp_path / "keys.pem"
    made.write_text(value)
    made.chmod(0o640)
    return made


@pytest.fixture
def filed(file):
    return Shell(AUTH_SIGNING_KEYS_FILE=str(file))


def kids(value):
    return [key.kid for key in rotation.keys_in(value)]


def test_the_list_names_each_key_and_what_it_does_and_shows_none(shell, value):
    told = shell.run("list")

    rows = zip(kids(value), ("signs", "published", "retired"), strict=True)
    assert told == "".join(f"{kid}  {role}\n" for kid, role in rows)


def test_a_service_without_keys_lists_none():
    assert Shell().run("list") == ""


def test_a_piped_step_prints_the_value_and_nothing_else(shell, value):
    printed = shell.run("add")

    assert kids(printed)[:3] == kids(value)
    assert re.fullmatch(
        r"(-----BEGIN [A-Z ]+-----\n[A-Za-z0-9+/=\n]+-----END [A-Z ]+-----\n){4}", printed
    )
    assert "PRIVATE" not in shell.err.getvalue()
    assert "after five minutes" in shell.err.getvalue()


def test_no_terminal_is_shown_a_private_key(shell):
    shell.out = Terminal()

    with pytest.raises(CommandError, match="pipe it into"):
        shell.run("add")

    assert shell.out.getvalue() == ""


def test_a_file_is_changed_and_nothing_is_printed(filed, file, value):
    filed.out = Terminal()

    assert filed.run("switch", "--write") == ""

    signing, published, retired = kids(value)
    assert kids(file.read_text()) == [published, signing, retired]
    assert "PRIVATE" not in filed.err.getvalue()


def test_a_file_keeps_its_mode_and_leaves_none_beside_it(filed, file):
    filed.run("add", "--write")

    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(file.parent.iterdir()) == [file]


def test_a_file_still_belongs_to_the_service_when_root_has_changed_it(filed, file):
    """The naive version leaves a file of root, and the service cannot read it any more."""
    owner = (54321, 54321) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(file, *owner)

    filed.run("add", "--write")

    found = file.stat()
    assert (found.st_uid, found.st_gid) == owner
    assert stat.S_IMODE(found.st_mode) == 0o640


def test_a_file_that_cannot_be_given_to_its_owner_stays_as_it_is(filed, file, value, monkeypatch):
    given = []

    def fail(_path, *owner):
        given.append(owner)
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.chown", fail)

    with pytest.raises(CommandError, match=r"it belongs to user \d+ and group \d+: .* as root"):
        filed.run("add", "--write")

    assert given == [(file.stat().st_uid, file.stat().st_gid)]
    assert file.read_text() == value
    assert list(file.parent.iterdir()) == [file]


def test_a_link_to_a_file_stays_a_link(file, tmp_path):
    link = tmp_path / "link.pem"
    link.symlink_to(file)

    Shell(AUTH_SIGNING_KEYS_FILE=str(link)).run("replace", "--write")

    assert link.is_symlink()
    assert len(kids(file.read_text())) == 1


def test_without_a_file_there_is_nothing_to_write(shell):
    with pytest.raises(CommandError, match="names no file"):
        shell.run("add", "--write")


def test_a_file_that_cannot_be_written_stays_as_it_is(filed, file, value, monkeypatch):
    def fail(self, target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.replace", fail)

    with pytest.raises(CommandError, match=r"keys.pem cannot be written: Permission denied"):
        filed.run("add", "--write")

    assert file.read_text() == value
    assert list(file.parent.iterdir()) == [file]


def test_a_key_is_switched_to_retired_and_removed_step_by_step(filed, file, value):
    signing, published, retired = kids(value)

    filed.run("switch", "--write", f"--key={published}")
    filed.run("retire", "--write", f"--key={signing}")
    filed.run("remove", "--write", f"--key={retired}")

    left = [(key.kid, key.role) for key in rotation.keys_in(file.read_text())]
    assert left == [(published, "signs"), (signing, "retired")]


@pytest.mark.parametrize(
    "broken", ["", "no key at all", "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"]
)
def test_whatever_stands_there_can_be_replaced(broken, value):
    made = Shell(AUTH_SIGNING_KEYS=broken).run("replace")

    assert len(kids(made)) == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("retire",), "give --key=KEY_ID"),
        (("remove",), "give --key=KEY_ID"),
        (("add", "--key=x"), "leave out --key=x"),
        (("list", "--key=x"), "leave out --key=x"),
        (("replace", "--key=x"), "leave out --key=x"),
        (("switch", "--key=x"), "There is no key 'x'"),
    ],
)
def test_a_step_for_the_wrong_key_prints_no_value(shell, arguments, why):
    with pytest.raises(CommandError, match=why):
        shell.run(*arguments)

    assert shell.out.getvalue() == ""


def test_a_value_that_is_no_key_is_an_error_that_does_not_repeat_it():
    secret = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"

    with pytest.raises(CommandError) as raised:
        Shell(AUTH_SIGNING_KEYS=secret).run("list")

    assert "no readable key" in str(raised.value)
    assert "hunter2" not in str(raised.value)
