"""Open files and sockets: a live stream has its socket, its audio and its transcript."""

import resource

_OF_A_STREAM = 3
_OF_A_PROCESS = 256


def needed(max_connections: int) -> int:
    """By a process that serves so many live streams."""
    return _OF_A_PROCESS + _OF_A_STREAM * max_connections


def limit() -> int:
    """How many this process may have now."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_limit() -> int:
    """To what this process may have at most, which comes back."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
