"""The table of sub-commands, and the group that imports one only when it is called."""

from __future__ import annotations

import importlib

import click

COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("quintet.fleet.commands:up", "Start the whole system."),
    "wait": ("quintet.fleet.commands:wait", "Wait until services are ready."),
    "status": ("quintet.fleet.commands:status", "Show what runs and how it is."),
    "logs": ("quintet.fleet.commands:logs", "Show the logs of the services."),
    "restart": ("quintet.fleet.commands:restart", "Restart one service."),
    "down": ("quintet.fleet.commands:down", "Stop the system."),
    "manage": ("quintet.fleet.manage:manage", "Run a management command of a service."),
    "dlq": ("quintet.fleet.letters:dlq", "List, show, retry or drop dead letters."),
    "openapi": ("quintet.contracts.commands:openapi", "Write contracts, and clients of them."),
    "events": ("quintet.contracts.commands:events", "Write the schemas of events."),
    "demo": ("quintet.fleet.demo:demo", "Walk through the running system as a customer."),
    "log-level": ("quintet.fleet.inside:log_level", "Change a log level for a while."),
    "profile": ("quintet.fleet.inside:profile", "See where a running service spends its time."),
    "serve": ("quintet.server.command:serve", "Run one service as production does."),
    "bench": ("quintet.cli.bench:bench", "Run what prints a figure."),
    "test": ("quintet.testing.command:test", "Run every test."),
}
"""Name of each sub-command: where it is defined, and its line in ``--help``."""


class LazyGroup(click.Group):
    """Lists sub-commands from the table, and imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is not a click command")
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """Take the short help from the table, because asking the commands would import them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="quintet", prog_name="quintet")
def commands() -> None:
    """Run the whole system on this machine, look at it, and stop it.

    Example: quintet up
    """


def main() -> None:
    """Run the command line with the arguments of the process."""
    commands(prog_name="quintet")
