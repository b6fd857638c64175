"""Both workers are replaced under fifty live streams: which finals are lost, and which sockets end without a reason.

Who is told to go away (1001) comes back at once, as clients do. The recogniser takes a fixed time for each call.
"""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import websockets
from matplotlib.figure import Figure as Drawing

from tests.bench import bars
from tests.bench.result import Figure, Result
from tests.bench.slow_stage import slow_gateway
from tests.bench.speakers import Speaker, connect
from tests.bench.stage import Bench
from tests.gateway_server import GatewayAddress
from tests.triton_server import wait_until

_STREAMS = 50
_CALL_SECONDS = 0.01
_BEFORE_SECONDS = 8.0
_AFTER_SECONDS = 8.0
_MOST_SECONDS = 120.0
_OVER, _GOING_AWAY = 1000, 1001


@dataclass
class Crowd:
    """Connections that ended, and attempts to connect that failed."""

    url: str
    ended: list[Speaker] = field(default_factory=list)
    failed: int = 0
    leaving: asyncio.Event = field(default_factory=asyncio.Event)

    async def stay(self) -> None:
        """One of them: comes, and comes again when it is told to go away."""
        while not self.leaving.is_set():
            try:
                speaker = await connect(self.url)
            except (OSError, websockets.InvalidHandshake):
                self.failed += 1
                await asyncio.sleep(0.1)
                continue
            speaking, leaving = asyncio.create_task(speaker.speak()), asyncio.create_task(self.leaving.wait())
            await asyncio.wait({speaking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            speaker.leaving.set()
            await speaking
            leaving.cancel()
            self.ended.append(speaker)


def measure(bench: Bench) -> Result:
    settings = {"GATEWAY_SERVER__WORKERS": "2", "GATEWAY_ADMISSION__ENABLED": "false"}
    with slow_gateway(_CALL_SECONDS, settings) as gateway:
        crowd, seconds = asyncio.run(_measure(gateway))
    ended = crowd.ended
    codes = Counter(each.close_code for each in ended)
    silent = [each for each in ended if each.close_code != _OVER and not (each.close_code and each.close_reason)]
    _draw(bench, ended)
    figures = [
        Figure("both workers replaced after", seconds, "s", note=f"under {_STREAMS} live streams"),
        Figure("connections told to go away", codes[_GOING_AWAY], note=f"by {_GOING_AWAY} and a reason"),
        Figure("sockets closed without a reason", len(silent), bar=bars.NONE),
        Figure("attempts to connect that failed", crowd.failed, bar=bars.NONE),
        Figure("finals told", sum(len(each.told) for each in ended)),
        Figure("finals lost", sum(each.lost for each in ended), bar=bars.NONE),
    ]
    return Result("rolling", figures, {"close_codes": {str(code): count for code, count in codes.items()}})


async def _measure(gateway: GatewayAddress) -> tuple[Crowd, float]:
    crowd = Crowd(gateway.ws("/", "live"))
    people = [asyncio.create_task(crowd.stay()) for _ in range(_STREAMS)]
    await asyncio.sleep(_BEFORE_SECONDS)
    before, began = set(gateway.worker_pids), time.monotonic()
    os.kill(gateway.pid, signal.SIGHUP)
    await asyncio.to_thread(wait_until, lambda: not before & set(gateway.worker_pids), _MOST_SECONDS)
    seconds = time.monotonic() - began
    await asyncio.sleep(_AFTER_SECONDS)
    crowd.leaving.set()
    await asyncio.gather(*people)
    return crowd, seconds


def _draw(bench: Bench, ended: Sequence[Speaker]) -> None:
    drawing = Drawing(figsize=(9, 4), layout="constrained")
    axes = drawing.subplots()
    began = min(each.ended[0] for each in ended if each.ended)
    points = [(at - began, lag) for each in ended for at, lag in zip(each.ended, each.lags(), strict=True)]
    axes.plot(*zip(*points, strict=True), ".", markersize=3, label="a phrase")
    closed = [each.closed_at - began for each in ended if each.close_code == _GOING_AWAY]
    axes.plot(closed, [0.0] * len(closed), "|", color="tab:red", label="told to go away")
    axes.set(xlabel="the phrase's end, s", ylabel="its final, s later", title="both workers replaced")
    axes.legend()
    drawing.savefig(bench.picture("rolling"), dpi=120)
