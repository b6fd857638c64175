"""Connections to a gateway of two workers, and which of them has each."""

from typing import Any

import websockets

from tests.gateway_server import GatewayAddress

SUMMARY = "/speech_summary_stream"
STREAMS = 20
BLOCK_BYTES = 3200


def blocks(pcm: bytes) -> list[bytes]:
    return [pcm[at : at + BLOCK_BYTES] for at in range(0, len(pcm), BLOCK_BYTES)]


def worker_of(connection: Any) -> int:
    """Which row of the ledger (three of workers, one of their parent) gave away the id of the connection."""
    return int(connection.response.headers["X-Connection-Id"], 16) % 4


async def connected(gateway: GatewayAddress, path: str, port: str = "voice") -> Any:
    return await websockets.connect(gateway.ws(path, port), ping_interval=None)


async def connected_to_both(gateway: GatewayAddress, path: str, port: str = "voice") -> list[Any]:
    """So many connections, some to each worker."""
    connections = [await connected(gateway, path, port) for _ in range(STREAMS)]
    assert len(set(map(worker_of, connections))) == 2
    return connections
