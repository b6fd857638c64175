"""Where the Tritons are: what the settings say, and what names stand for now."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from frontend.config import settings

# Of a name; what has more is a mistake, and each costs series and probes.
MOST_ADDRESSES = 32


def written(options: settings.Triton) -> list[str]:
    """host:port of each, as the settings have it."""
    return [_joined(host, port) for host, port in options.targets]


def has_names(options: settings.Triton) -> bool:
    return not all(_is_address(host) for host, _ in options.targets)


async def resolved(options: settings.Triton) -> list[str] | None:
    """The same with what the names stand for now; None where one of them cannot be looked up."""
    try:
        found = await asyncio.gather(*(_of_name(host, port) for host, port in options.targets))
    except OSError:
        return None
    return list(dict.fromkeys(each for addresses in found for each in addresses))


async def _of_name(host: str, port: int) -> Sequence[str]:
    if _is_address(host):
        return [_joined(host, port)]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    families = {family for family, *_ in found}
    # One server often has both; it is one all the same.
    family = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6
    hosts = sorted({str(address[0]) for each, *_, address in found if each == family})
    return [_joined(each, port) for each in hosts[:MOST_ADDRESSES]]


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
