"""The Tritons that there are: which serve what, and who gets the next call.

A model's calls go where the fewest of its rows are under way. A place that fails, hangs or serves another version than
most gets none for as long as there are others; where there are none left all are tried, as with a single Triton.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics
from frontend.triton.endpoint import Endpoint, Place
from frontend.triton.permits import Permits

_MAX_REASON_CHARACTERS = 200


class Endpoints:
    def __init__(self, addresses: Iterable[str], metrics: Metrics) -> None:
        self._figures = metrics.endpoints
        self._log = Log("triton")
        self._all: dict[str, Endpoint] = {}
        self._gone: list[Endpoint] = []
        # What a change makes anew: by model, the places that calls go to.
        self._serving: dict[str, Sequence[Place]] = {}
        self._permits: dict[str, Permits] = {}
        self._versions: dict[str, str] = {}
        self._troubled = asyncio.Event()
        self.replace(addresses)

    @property
    def all(self) -> Sequence[Endpoint]:
        return tuple(self._all.values())

    def replace(self, addresses: Iterable[str]) -> None:
        """There are these and no others; those that are gone get no more calls."""
        wanted = list(dict.fromkeys(addresses))
        gone = [endpoint for address, endpoint in self._all.items() if address not in wanted]
        for endpoint in gone:
            self._figures.end(endpoint.address, endpoint.places)
        self._gone += gone
        self._all = {address: self._all.get(address) or self._new(address) for address in wanted}
        self.changed()

    async def close_idle(self) -> None:
        """Those that are gone, once their calls are over: closing cancels what is under way."""
        for endpoint in [each for each in self._gone if not each.calls]:
            self._gone.remove(endpoint)
            await endpoint.close()

    async def close(self) -> None:
        await asyncio.gather(*(endpoint.close() for endpoint in (*self._all.values(), *self._gone)))

    def permits(self, model: str, most: int) -> Permits:
        permits = self._permits.get(model)
        if permits is None:
            permits = self._permits[model] = Permits(most, lambda: self.serving(model))
        return permits

    def serving(self, model: str) -> Sequence[Place]:
        """Where calls of a model go; never empty."""
        places = self._serving.get(model)
        if places is None:
            places = self._serving[model] = self._find(model)
        return places

    def choose(self, model: str, tried: Collection[Place]) -> Place:
        """The least busy place, of those that were not tried yet while there are any."""
        places = self.serving(model)
        if len(places) == 1:
            return places[0]
        untried = [place for place in places if place not in tried] or places
        most = self._permits[model].most if model in self._permits else 0
        return min([place for place in untried if place.calls < most] or untried, key=_load)

    def has_others(self, model: str, tried: Collection[Place]) -> bool:
        return any(place not in tried for place in self.serving(model) if place.serves)

    def place(self, model: str, address: str) -> Place | None:
        """None where who had this address has left."""
        endpoint = self._all.get(address)
        return None if endpoint is None else endpoint.place(model)

    def endpoint(self, address: str) -> Endpoint:
        """The one that has this address; where it has just left, any: whoever asks made its plan before."""
        return self._all.get(address) or next(iter(self._all.values()))

    def complain(self, place: Place, reason: str) -> None:
        """No more calls go to this place until it has answered one."""
        told, place.complaint = place.complaint, reason[:_MAX_REASON_CHARACTERS] or "it does not answer"
        if not told:
            self._troubled.set()
            self._tell(place.endpoint.address, place.model, place.complaint)
            self.changed()

    async def troubled(self, seconds: float) -> bool:
        """Wait until a place is complained of, or for so long; whether one was."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._troubled.wait()
        was_troubled = self._troubled.is_set()
        self._troubled.clear()
        return was_troubled

    def satisfied(self, place: Place) -> None:
        if place.complaint:
            place.complaint = ""
            self._tell(place.endpoint.address, place.model, "")
            self.changed()

    def found(self, place: Place, identity: str) -> str:
        """Which version answers there; the one that serves."""
        if place.identity != identity:
            place.identity = identity
            self.changed()
        self.serving(place.model)
        return self._versions.get(place.model, identity)

    def live(self, endpoint: Endpoint, is_live: bool) -> None:
        if endpoint.is_live == is_live:
            return
        endpoint.is_live = is_live
        self._tell(endpoint.address, "all", "" if is_live else "the server does not say that it lives")
        self.changed()
        if not is_live:
            for place in endpoint.places.values():
                self.leave(place)

    def leave(self, place: Place) -> None:
        """What is under way there is asked elsewhere at once, if there is an elsewhere."""
        if any(other.serves for other in self.serving(place.model) if other is not place):
            self._figures.left.inc(place.wake())

    def changed(self) -> None:
        """Places came, went, failed or recovered."""
        self._serving.clear()
        for permits in self._permits.values():
            permits.look()
        for endpoint in self._all.values():
            for model, place in endpoint.places.items():
                self._figures.serves(endpoint.address, model, place in self.serving(model))

    def _find(self, model: str) -> Sequence[Place]:
        places = [endpoint.place(model) for endpoint in self._all.values()]
        able = [place for place in places if place.serves]
        return tuple(self._of_one_version(model, able) or places)

    def _of_one_version(self, model: str, places: Sequence[Place]) -> list[Place]:
        """A stream must not hear two versions in turns: that of most serves, the one that did before where it ties."""
        counts = Counter(place.identity for place in places if place.identity)
        if not counts:
            return list(places)
        before = self._versions.get(model, "")
        version = max(counts, key=lambda each: (counts[each], each == before))
        self._versions[model] = version
        return [place for place in places if place.identity == version]

    def _new(self, address: str) -> Endpoint:
        endpoint = Endpoint(address)
        self._figures.begin(address, lambda: endpoint.rows)
        return endpoint

    def _tell(self, address: str, model: str, complaint: str) -> None:
        if len(self._all) < 2:  # there is nowhere else to go, and failed calls are logged
            return
        if complaint:
            self._log.warning("taken out", address=address, model=model, reason=complaint)
        else:
            self._log.info("back again", address=address, model=model)


def _load(place: Place) -> tuple[int, int]:
    return place.load
