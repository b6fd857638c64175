"""Why a command ends early, in one line, with the exit status that tells scripts."""

from typing import ClassVar

INTERRUPTED = 130


class CommandError(Exception):
    status: ClassVar[int] = 1


class ServerError(CommandError):
    """The server answered with an error, or went away in the middle."""


class InputError(CommandError):
    """The command or its input is wrong."""

    status = 2


class UnreachableError(CommandError):
    """There is no server at that address."""

    status = 3
