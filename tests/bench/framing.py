"""`python -m tests.bench.framing`: what reading one masked frame costs, here and in libraries that read whole messages.

Needs no gateway and no Triton, only quiet for some seconds. It fails where the gateway's parser costs more than
`bars.FRAMING_RATIO` times what aiohttp's does, which is written in C.
"""

import asyncio
import sys
import time
import timeit
from collections.abc import Callable, Mapping

from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from aiohttp.base_protocol import BaseProtocol
from websockets.protocol import State
from websockets.server import ServerProtocol

from frontend.connection.framing import BINARY, TEXT, FrameParser
from tests.bench import bars
from tests.frontend.connection.rfc6455 import frame

_SIZES_BYTES = (20, 640, 1600, 3200, 9600, 65_536)
_BARRED_BYTES = (640, 1600, 3200)  # what 20 to 100 ms of audio are
_CALLS, _REPEATS = 1000, 25
_LIMIT_BYTES = 1 << 26
Read = Callable[[bytes], object]


def _copy() -> Read:
    return lambda data: data[8:]


def _ours() -> Read:
    parser = FrameParser(_LIMIT_BYTES)

    def read(data: bytes) -> object:
        parser.feed(data)
        return parser.next()

    return read


def _aiohttp() -> Read:
    loop = asyncio.new_event_loop()
    queue = WebSocketDataQueue(BaseProtocol(loop), _LIMIT_BYTES, loop=loop)
    reader = WebSocketReader(queue, _LIMIT_BYTES, compress=False, decode_text=False)

    def read(data: bytes) -> object:
        reader.feed_data(data)
        try:
            return queue.read().send(None)
        except StopIteration as end:  # there was a message: nothing was waited for
            return end.value

    return read


def _websockets() -> Read:
    protocol = ServerProtocol(state=State.OPEN)

    def read(data: bytes) -> object:
        protocol.receive_data(data)
        return protocol.events_received()

    return read


READERS: Mapping[str, Callable[[], Read]] = {
    "copy": _copy,
    "FrameParser": _ours,
    "aiohttp": _aiohttp,
    "websockets": _websockets,
}


def cost_us(read: Read, data: bytes) -> float:
    """Of processor time, the least of some repeats."""
    repeats = timeit.repeat(lambda: read(data), number=_CALLS, repeat=_REPEATS, timer=time.process_time)
    return min(repeats) / _CALLS * 1e6


def main() -> int:
    missed = False
    print("payload", *READERS, "(µs)", sep="\t")
    for opcode, name in ((BINARY, "binary"), (TEXT, "text")):
        for size in _SIZES_BYTES:
            costs = {reader: cost_us(new(), frame(opcode, b"a" * size)) for reader, new in READERS.items()}
            print(f"{name} {size}", *(f"{cost:.1f}" for cost in costs.values()), sep="\t", flush=True)
            ratio = costs["FrameParser"] / costs["aiohttp"]
            missed = missed or (size in _BARRED_BYTES and not bars.FRAMING_RATIO.holds(ratio))
    print(f"FrameParser / aiohttp {bars.FRAMING_RATIO}:", "missed" if missed else "held")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
