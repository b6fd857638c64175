"""The gateway put together: its listeners over one application, and the way down."""

import asyncio
import contextlib
import functools
import os
import socket
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from frontend.config import settings
from frontend.connection.accept import RECEPTION, Reception
from frontend.connection.admission import Admission
from frontend.connection.door import Door
from frontend.connection.heads import Heads
from frontend.connection.paths import Paths
from frontend.connection.shared import SHARED, Shared
from frontend.connection.site import Site
from frontend.connection.spool import require_usable
from frontend.connection.tls import Certificate, Greeter, TlsSite
from frontend.correction import Postprocessor
from frontend.keys.files import KeyFiles
from frontend.keys.guard import Guard
from frontend.keys.visits import Visits
from frontend.media.decoder import MediaDecoder
from frontend.memory.budget import Budget
from frontend.protocols import WEBSOCKETS
from frontend.recordings.archive import Exports
from frontend.recordings.disabled import NoExports
from frontend.rest import ROUTES, with_slashes
from frontend.rest.admin import admin_application, client_routes
from frontend.rest.entrance import NAMES, entrance, require_known_names
from frontend.rest.replies import answer, dress
from frontend.speech import Readiness
from frontend.telemetry.figures import Figures
from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics
from frontend.telemetry.upkeep import kept_up
from frontend.triton.client import TritonClient
from frontend.triton.service import TritonSpeech
from frontend.workers import descriptors
from frontend.workers.listening import ADMIN
from frontend.workers.pulse import beat
from frontend.workers.worker import Place

# In such steps a process tells the others how much it holds.
_STEP_BYTES = 1 << 20
# By then whoever was accepted has said what it wants.
_LATECOMERS_SECONDS = 1.0


class Gateway:
    """Everything that one process serves."""

    def __init__(self, options: settings.Settings, place: Place) -> None:
        self._options, self._place, ledger = options, place, place.ledger
        self._log = Log("gateway")
        self.metrics = metrics = Metrics()
        require_known_names(options)
        secret = options.keys.ticket_secret.encode() or ledger.secret
        self._keys = KeyFiles(options.keys.files, options.keys.clients, secret, NAMES)
        guard = Guard(self._keys.keyring, options.keys, ledger.addresses)
        self._door = door = Door(options.server, guard, metrics)
        quotas, accounts = (options.key_limits, options.address_limits), (ledger.keys, ledger.addresses)
        held = Budget(options.limits.held_bytes, "memory", metrics.held_bytes, ledger.tally("memory"), _STEP_BYTES)
        spooled = Budget(options.limits.spool_bytes, "disk", metrics.spooled_bytes, ledger.tally("disk"))
        _tell_bounds(metrics, options)
        self._client = TritonClient(options.triton, metrics)
        self._speech = TritonSpeech(self._client, options, metrics)
        self._media = MediaDecoder(options.media, metrics)
        tally = ledger.tally("exports")
        self._exports = Exports(options.exports, metrics, tally) if options.exports.enabled else NoExports()
        self._postprocessor = Postprocessor(options.postprocess)
        self._admission = Admission(options.admission, metrics.pressure, metrics.load)
        shared = Shared(
            *(options, self._speech, self._media, metrics, Figures(metrics, place.everybodys), held, spooled, door),
            *(self._admission, self._exports, self._postprocessor, Visits(guard, metrics, quotas, accounts), ledger),
        )
        self._reception = Reception(shared, Paths(route.path for route in ROUTES))
        self._keys.keyring.on_exchange = self._reception.look_again
        self._runner = _runner(shared, self._reception)
        admin = admin_application(shared, self._reception) if options.admin.enabled else None
        self._admin = web.AppRunner(admin) if admin else None
        self._certificate = Certificate(options.tls) if options.tls.certificate else None
        self._greeter: Greeter | None = None
        self._background: list[asyncio.Task[None]] = []
        self._waits_for: str | None = None  # of the models; nothing was asked yet
        # What each listener is bound to: port 0 in the settings lets the system choose.
        self.ports = {name: sockets[0].getsockname()[1] for name, sockets in place.listeners.items()}

    async def start(self) -> None:
        await asyncio.to_thread(require_usable, Path(self._options.limits.spool_directory))
        if self._place.first:
            await self._exports.recover(self._place.alone)
        else:  # others serve already: connections are taken once they can be served here too
            await self._exports.join()
            await self._speech.meet()
        self._reception.port_names = {port: name for name, port in self.ports.items()}
        for runner in filter(None, (self._runner, self._admin)):
            await runner.setup()
        if self._certificate:
            heads = self._heads(self._runner)
            self._greeter = Greeter(self._certificate, heads, self._options.tls.handshake_seconds)
        for name, sockets in self._place.listeners.items():
            for each in sockets:
                await self._site(name, each).start()
        upkeep = {
            "watch_loop": self.metrics.watch_loop,
            "watch_models": self._watch_models,
            "watch_tritons": self._client.watch,
            "watch_load": self._admission.watch,
            "pulse": lambda: beat(self._place.ledger),
        }
        if self._options.keys.files:
            upkeep["watch_keys"] = lambda: self._keys.watch(self._options.keys.reload_seconds)
        if self._certificate:
            upkeep["watch_certificate"] = self._certificate.watch
        for name, work in upkeep.items():
            self._background.append(asyncio.get_running_loop().create_task(kept_up(name, work, self._log)))
        self._log.info("listening", host=self._options.server.host, **self.ports)

    async def inherit(self) -> None:
        """Look after what processes left that have ended."""
        await self._exports.inherit()

    async def take(self, listener: str, connection: socket.socket) -> None:
        """Serve a connection that was accepted elsewhere."""
        if self._greeter and listener != ADMIN and listener not in self._reception.plain:
            return await self._greeter.take(connection)
        await asyncio.get_running_loop().connect_accepted_socket(self._factory(listener), connection)

    async def stop(self) -> None:
        """Take no more, answer what has arrived, close, and let the calls to Triton finish."""
        drain_seconds = self._options.server.drain_seconds
        self._log.info("stopping", connections=len(self._reception))
        for site in list(self._runner.sites):
            await site.stop()
        if not self._place.alone:  # others take over: who has just been accepted here is not turned away
            for site in list(self._admin.sites) if self._admin else ():
                await site.stop()
            await asyncio.sleep(_LATECOMERS_SECONDS)
        await self._reception.drain()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._greeter:
            await self._greeter.close()
        await self._runner.cleanup()
        if self._admin:
            await self._admin.cleanup()
        await self._exports.close()
        stop_at = asyncio.get_running_loop().time() + drain_seconds
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(stop_at):
                await self._speech.drain()
        await self._client.close(max(0.0, stop_at - asyncio.get_running_loop().time()))
        await self._media.close()
        await self._postprocessor.close()
        self._log.info("stopped")

    def _site(self, listener: str, listening: socket.socket) -> web.BaseSite:
        if self._greeter and listener != ADMIN and listener not in self._reception.plain:
            return TlsSite(self._runner, listening, self._greeter)
        return Site(self._runner_of(listener), listening, self._factory(listener))

    def _runner_of(self, listener: str) -> web.AppRunner:
        return self._admin if listener == ADMIN and self._admin else self._runner

    def _factory(self, listener: str) -> Callable[[], asyncio.Protocol]:
        """What makes those who serve the connections to a listener, where TLS is not."""
        return self._reception.plain.get(listener) or self._heads(self._runner_of(listener))

    def _heads(self, runner: web.AppRunner) -> Heads:
        assert runner.server
        return Heads(runner.server, self._options.server, self._reception.refused, self._door.shuts_out)

    async def _watch_models(self) -> None:
        """Know the served versions before a client asks, and keep metrics and log true when nobody asks."""
        while True:
            readiness = await self._speech.ready()
            self._tell(readiness)
            if await self._client.endpoints.troubled(watch_seconds(self._options, readiness)):
                # Whoever was taken out comes back when it is asked; what is remembered of it is older.
                await asyncio.sleep(self._options.triton.readiness_cache_seconds)

    def _tell(self, readiness: Readiness) -> None:
        """When it changes; of what is wrong the first."""
        wrong = {name: error for name, error in (*readiness.errors.items(), *readiness.engines.items()) if error}
        if (waits_for := " ".join(wrong)) == self._waits_for:
            return
        self._waits_for = waits_for
        if wrong:
            self._log.warning("not ready, waiting for models", models=waits_for, reason=next(iter(wrong.values())))
        else:
            self._log.info("ready")


def watch_seconds(options: settings.Settings, readiness: Readiness) -> float:
    """How long until the models are asked again.

    While all is well the processes that serve ask together as often as one; a failure is looked at by each.
    """
    errors = (error for models in readiness.endpoints.values() for error in models.values())
    well = readiness.ready and not any(errors)
    return max(1.0, options.triton.readiness_cache_seconds) * (options.server.workers if well else 1)


def _tell_bounds(metrics: Metrics, options: settings.Settings) -> None:
    """Beside the figures that they bound, for whoever watches how full the gateway is."""
    limits = {
        "connections": options.server.max_connections,
        "held_bytes": options.limits.held_bytes,
        "spooled_bytes": options.limits.spool_bytes,
        "exports_bytes": options.exports.quota_bytes,
        "open_descriptors": descriptors.limit(),
    }
    for name, most in limits.items():
        metrics.limits.labels(name).set(most)
    written = {"exports": options.exports.directory, "spool": options.limits.spool_directory}
    for name, directory in written.items():
        if name == "spool" or options.exports.enabled:
            metrics.free_bytes.labels(name).set_function(functools.partial(_free_bytes, Path(directory)))


def _free_bytes(directory: Path) -> float:
    """On its disk; it may not be there yet."""
    disk = os.statvfs(next(each for each in (directory.absolute(), *directory.absolute().parents) if each.exists()))
    return disk.f_bavail * disk.f_frsize


def _runner(shared: Shared, reception: Reception) -> web.AppRunner:
    wait_seconds = shared.options.server.drain_seconds / 2  # which it does twice
    return web.AppRunner(_application(shared, reception), shutdown_timeout=wait_seconds)


def _application(shared: Shared, reception: Reception) -> web.Application:
    app = web.Application(middlewares=[answer, reception.upgrade_elsewhere, entrance])
    app[SHARED] = shared
    app[RECEPTION] = reception
    app.on_response_prepare.append(dress)
    sockets = [web.get(protocol.profile.path, reception.upgrade) for protocol in WEBSOCKETS]
    app.add_routes(with_slashes((*client_routes(shared.options.admin), *sockets)))
    return app
