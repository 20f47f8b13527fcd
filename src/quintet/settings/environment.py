"""Reads declared settings out of an environment and the files it names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quintet.settings.masking import mask
from quintet.settings.nearness import nearest
from quintet.settings.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quintet.settings.declarations import Declaration

FROM_ENVIRONMENT = "environment"
FROM_DEFAULT = "default"
LARGEST_FILE_CHARACTERS = 1024 * 1024


class UnreadableError(Exception):
    """A variable says where its value is, and the value is not there."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.got)
        self.problem = problem


@dataclass(slots=True)
class Reading:
    """What was found for a set of declarations, right and wrong."""

    environ: Mapping[str, str]
    declarations: Mapping[str, Declaration]
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def read_all(self) -> None:
        """Fill in the values, their origins and the problems; no problem hides another."""
        for name, declaration in self.declarations.items():
            try:
                raw, origin = self._raw(name)
            except UnreadableError as unreadable:
                self.problems.append(unreadable.problem)
                continue
            if raw is None or (raw == "" and not declaration.empty_is_a_value):
                self._use_default(name, declaration)
            else:
                self._parse(name, raw, origin)

    def _raw(self, name: str) -> tuple[str | None, str]:
        direct, file = self.environ.get(name), self.environ.get(f"{name}_FILE")
        if not file or f"{name}_FILE" in self.declarations:
            return direct, FROM_ENVIRONMENT
        if direct:
            raise UnreadableError(
                Problem(
                    variable=name,
                    expected=f"{name} or {name}_FILE",
                    got="both",
                    remedy=f"unset {name} to read the file, or {name}_FILE to use the value",
                )
            )
        return _content(name, file), f"file {file}"

    def _use_default(self, name: str, declaration: Declaration) -> None:
        meant = self._meant(name)
        if meant is not None:
            self._complain(
                name,
                got=f"nothing, but {meant} is set and nothing reads it",
                remedy=f"rename {meant} to {name}",
            )
        elif declaration.required:
            self._complain(name, got="nothing", remedy=f"set {name}, or {name}_FILE to a file")
        else:
            self.values[name], self.origins[name] = declaration.default, FROM_DEFAULT

    def _meant(self, name: str) -> str | None:
        known = {*self.declarations, *(f"{declared}_FILE" for declared in self.declarations)}
        unread = [other for other in self.environ if other not in known]
        return nearest(name, unread) or nearest(f"{name}_FILE", unread)

    def _parse(self, name: str, raw: str, origin: str) -> None:
        declaration = self.declarations[name]
        if raw == "" and declaration.required:
            self._complain(name, got="an empty value", remedy=f"give {name} a value")
            return
        try:
            value = declaration.parse(raw if declaration.empty_is_a_value else raw.strip())
        except ValueError:
            shown = mask(raw, secret=declaration.secret)
            self._complain(name, got=f"{shown!r} from {origin}", remedy=f"correct {name}")
        else:
            self.values[name], self.origins[name] = value, origin

    def _complain(self, name: str, *, got: str, remedy: str) -> None:
        declaration = self.declarations[name]
        purpose = f" ({declaration.help.rstrip('.')})" if declaration.help else ""
        expected = f"{declaration.expected}{purpose}"
        self.problems.append(Problem(variable=name, expected=expected, got=got, remedy=remedy))


def _content(name: str, file: str) -> str:
    try:
        with Path(file).open(encoding="utf-8") as opened:
            content = opened.read(LARGEST_FILE_CHARACTERS + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise _unreadable(name, got=f"{file!r}: {reason}") from error
    if len(content) > LARGEST_FILE_CHARACTERS:
        raise _unreadable(name, got=f"{file!r}: more than {LARGEST_FILE_CHARACTERS} characters")
    if not content.strip():
        raise _unreadable(name, got=f"{file!r}: an empty file")
    return content.rstrip("\r\n")


def _unreadable(name: str, *, got: str) -> UnreadableError:
    return UnreadableError(
        Problem(
            variable=f"{name}_FILE",
            expected="the path of a readable text file with a value",
            got=got,
            remedy="create the file, let this user read it, or correct the path",
        )
    )
