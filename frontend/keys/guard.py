"""Whose key is it? Whoever shows wrong ones at speed is not believed for a while."""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from frontend.caller import Caller
from frontend.config.settings import Keys
from frontend.errors import UnauthorizedError, WrongKeysError
from frontend.keys.keyring import Keyring
from frontend.memory.accounts import Accounts, Usage
from frontend.telemetry.logs import Log

_MOST_DOUBLINGS = 30
# Whoever does not wait is answered so late, of so many at once.
_HELD_SECONDS, _MOST_HELD = 1.0, 256
_MOST_SHUT = 4096


class Guard:
    """Of one process: wrong keys are counted with those that the others saw of the address."""

    def __init__(
        self,
        keyring: Keyring,
        options: Keys | None = None,
        addresses: Accounts | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.keyring = keyring
        self._options = options or Keys()
        self._addresses = addresses or Accounts.alone()
        self._clock = clock
        self._log = Log("keys")
        self._held = 0
        # Until when each address has to wait that nobody with a key has come in from.
        self._shut: dict[str, float] = {}

    def identify(self, caller: Caller, shown: Sequence[str]) -> Caller | None:
        """Whoever shows one of these keys or tickets; None where none is shown, or nobody needs one.

        UnauthorizedError for wrong ones, WrongKeysError for whatever comes of an address that has shown many. Who has
        come in from there before comes in all the same, so that others behind the same proxy do not suffer.
        """
        found = self._found(caller, shown)
        if found is None and not (self.keyring and shown):  # whoever needs no key may show any
            return None
        now, place = self._clock(), neighbourhood(caller.address)
        number = self._addresses.number("address", place)
        wait_seconds = self._wait_seconds(self._addresses.usage(number, now), now)
        if found is None:
            self._refuse(number, caller.address, wait_seconds, now)
        been_here = self._addresses.number("mark", place, found.mark)
        if wait_seconds > 0 and not self._addresses.knows(been_here):
            raise WrongKeysError(wait_seconds)
        self._addresses.add(been_here, now)
        self._addresses.add(self._addresses.number("from", place), now)
        return found

    def shuts_out(self, address: str) -> float:
        """How long nothing that comes from there is worth a look, because as many as may be are held already."""
        if self._held < _MOST_HELD or not self._shut:
            return 0.0
        return max(0.0, self._shut.get(neighbourhood(address), 0.0) - self._clock())

    def _refuse(self, number: int, address: str, wait_seconds: float, now: float) -> NoReturn:
        """What comes while it has to wait is not looked at, and makes it wait no longer."""
        if wait_seconds > 0:
            self._shut_out(neighbourhood(address), now + wait_seconds)
            raise WrongKeysError(wait_seconds)
        self._addresses.mistake(number, now)
        wait_seconds = self._wait_seconds(self._addresses.usage(number, now), now)
        if wait_seconds > 0:
            self._log.warning("wrong keys", address=address, refused_for_seconds=round(wait_seconds))
        raise UnauthorizedError("the key is not known")

    def _shut_out(self, place: str, until: float) -> None:
        if self._addresses.knows(self._addresses.number("from", place)):
            return
        if len(self._shut) >= _MOST_SHUT:
            self._shut.clear()  # they are looked at once more
        self._shut[place] = until

    def _wait_seconds(self, usage: Usage, now: float) -> float:
        over = usage.mistakes - self._options.wrong_free
        if over <= 0 or not self._options.wrong_seconds:
            return 0.0
        longer = self._options.wrong_first_seconds * (1 << min(over - 1, _MOST_DOUBLINGS))
        pause = min(self._options.wrong_seconds, longer)
        return max(0.0, usage.mistaken_ms / 1000 + pause - now)

    async def hold(self) -> bool:
        """Before who has to wait is told so: its next attempt on this connection comes later, and costs us less.

        False at once where many are held already.
        """
        if self._held >= _MOST_HELD:
            return False
        self._held += 1
        try:
            await asyncio.sleep(_HELD_SECONDS)
        finally:
            self._held -= 1
        return True

    def _found(self, caller: Caller, shown: Sequence[str]) -> Caller | None:
        for ticket in filter(None, map(self.keyring.ticket_of, shown)):
            who = ticket.name, ticket.terms, ticket.mark, ticket.protocols
            return Caller(caller.connection_id, caller.address, *who, by_ticket=True)
        if self.keyring:
            for key in filter(None, map(self.keyring.find, shown)):
                return Caller(caller.connection_id, caller.address, key.name, mark=self.keyring.mark(key))
        return None


def neighbourhood(address: str) -> str:
    """Of what one client may choose its address: of IPv6 the /64."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)
