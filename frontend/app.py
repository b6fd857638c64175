"""The gateway put together: five listeners over one application, and the way down."""

import asyncio
import contextlib

from aiohttp import web

from frontend.config import settings
from frontend.connection.accept import House, Reception
from frontend.correction import Postprocessor
from frontend.errors import SettingsError
from frontend.media.decoder import MediaDecoder
from frontend.memory.budget import Budget
from frontend.protocols import PROTOCOLS
from frontend.recordings.archive import Exports
from frontend.recordings.disabled import NoExports
from frontend.rest import ROUTES
from frontend.rest.replies import answer
from frontend.rest.service import SERVICE, Service
from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics
from frontend.triton.client import TritonClient
from frontend.triton.service import TritonSpeech


class Gateway:
    """Everything that one process serves."""

    def __init__(self, options: settings.Settings) -> None:
        self._options = options
        self._log = Log("gateway")
        self.metrics = metrics = Metrics()
        held = Budget(options.limits.held_bytes, "memory", metrics.held_bytes)
        spooled = Budget(options.limits.spool_bytes, "disk", metrics.spooled_bytes)
        self._client = TritonClient(options.triton, metrics)
        self._speech = TritonSpeech(self._client, options, metrics)
        self._media = MediaDecoder(options.media, metrics)
        self._exports = Exports(options.exports, metrics) if options.exports.enabled else NoExports()
        self._postprocessor = Postprocessor(options.postprocess)
        house = House(options, self._speech, self._media, metrics, held, spooled, self._exports, self._postprocessor)
        self._reception = reception = Reception(house)
        app = web.Application(middlewares=[answer, reception.upgrade_elsewhere])
        app[SERVICE] = Service(
            *(options, self._speech, self._media, metrics, held, reception.new_id, self._exports, reception.port_of)
        )
        app.add_routes(ROUTES)
        app.add_routes([web.get(protocol.path, reception.upgrade) for protocol in PROTOCOLS])
        self._runner = web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,  # encoded bodies are refused, whatever they hold
            shutdown_timeout=options.server.drain_seconds / 2,  # which it waits twice
            lingering_time=options.server.close_linger_seconds,
        )
        self._background: list[asyncio.Task[None]] = []
        # What each listener is bound to: port 0 in the settings lets the system choose.
        self.ports: dict[str, int] = {}

    async def start(self) -> None:
        host = self._options.server.host
        await self._exports.recover()
        await self._runner.setup()
        for name, port in self._options.port_numbers.items():
            try:
                await web.TCPSite(self._runner, host, port).start()
            except OSError as e:
                advice = f"free the port or set GATEWAY_PORTS__{name.upper()}"
                raise SettingsError(f"cannot listen on {host}:{port} ({e.strerror}): {advice}") from e
            self.ports[name] = self._runner.addresses[-1][1]
        self._reception.port_names = {port: name for name, port in self.ports.items()}
        loop = asyncio.get_running_loop()
        self._background = [loop.create_task(self.metrics.watch_loop()), loop.create_task(self._watch_models())]
        self._log.info("listening", host=host, **self.ports)

    async def stop(self) -> None:
        """Take no more, answer what has arrived, close, and let the calls to Triton finish."""
        drain_seconds = self._options.server.drain_seconds
        self._log.info("stopping", connections=len(self._reception))
        for site in list(self._runner.sites):
            await site.stop()
        await self._reception.drain()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._runner.cleanup()
        await self._exports.close()
        stop_at = asyncio.get_running_loop().time() + drain_seconds
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(stop_at):
                await self._speech.drain()
        await self._client.close(max(0.0, stop_at - asyncio.get_running_loop().time()))
        await self._media.close()
        await self._postprocessor.close()
        self._log.info("stopped")

    async def _watch_models(self) -> None:
        """Know the served versions before a client asks, and keep the metrics true when nobody asks."""
        pause_seconds = max(1.0, self._options.triton.readiness_cache_seconds)
        while True:
            await self._speech.ready()
            await asyncio.sleep(pause_seconds)
