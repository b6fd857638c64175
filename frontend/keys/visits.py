"""What callers may use, and what they have used: one policy for all protocols.

A connection or a request is a visit. It counts for the name of the key that its caller has shown, and until then for
its address.
"""

import dataclasses
import time
from collections.abc import Callable

from frontend.caller import Caller
from frontend.config.settings import Quota
from frontend.errors import ForbiddenError, QuotaError
from frontend.keys.guard import Guard, neighbourhood
from frontend.memory.accounts import DAY_SECONDS, MINUTE_SECONDS, Accounts, Usage
from frontend.telemetry.joining import MOST_NAMES, OTHER
from frontend.telemetry.metrics import Metrics

# What is worth another try, where nobody can know when.
_SOON_SECONDS = 5.0


class Visits:
    """Of one process; what is used is counted with what the others know of the same caller."""

    def __init__(
        self,
        guard: Guard,
        metrics: Metrics | None = None,
        quotas: tuple[Quota, Quota] = (Quota(), Quota()),
        accounts: tuple[Accounts, Accounts] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`quotas` of a key and of an address, and `accounts` of all keys and of all addresses."""
        self.guard, self._metrics, self.clock = guard, metrics, clock
        self._key_quota, self._address_quota = quotas
        self._keys, self._addresses = accounts or (Accounts.alone(), Accounts.alone())
        self._quotas: dict[str, tuple[object, Quota]] = {}
        self._told: set[str] = set()

    def quota_of(self, caller: Caller) -> Quota:
        if caller.key_name is None:
            return self._address_quota
        changes = self.guard.keyring.changes.get(caller.key_name)
        known = self._quotas.get(caller.key_name)
        if known is None or known[0] is not changes:  # the key files were read again
            known = changes, dataclasses.replace(self._key_quota, **(changes or {}))
            self._quotas[caller.key_name] = known
        return known[1]

    def account_of(self, caller: Caller) -> tuple[Accounts, int]:
        if caller.key_name is None:
            return self._addresses, self._addresses.number("address", neighbourhood(caller.address))
        return self._keys, self._keys.number("key", caller.key_name)

    def tell(self, limit: str, key_name: str | None) -> None:
        """Whoever watches the gateway of a limit that was hit; of addresses not which."""
        if self._metrics is None:
            return
        if key_name and (key_name in self._told or len(self._told) < MOST_NAMES["key"]):
            self._told.add(key_name)
        elif key_name:
            key_name = OTHER
        self._metrics.limited.labels(limit, key_name or "").inc()


class Visit:
    """Of one caller, to one protocol. What is refused is a QuotaError or a ForbiddenError."""

    def __init__(self, visits: Visits, caller: Caller, protocols: tuple[str, ...] = ()) -> None:
        """Any of the protocols may be used; none need to be where nothing is asked of whoever comes."""
        self._visits = visits
        self._protocols = protocols
        self.caller = caller
        self._accounts, self._number = visits.account_of(caller)
        self._open = 0
        # Told once a key was shown that was needed.
        self.on_known: Callable[[], None] = lambda: None

    @property
    def asks_for_keys(self) -> bool:
        return bool(self._visits.guard.keyring)

    @property
    def needs_key(self) -> bool:
        """Whether the caller has yet to show one."""
        return self.asks_for_keys and self.caller.key_name is None

    @property
    def revoked(self) -> bool:
        """Whether the key is none any more that it was begun with."""
        caller, keyring = self.caller, self._visits.guard.keyring
        return caller.key_name is not None and not keyring.has(caller.key_name, caller.mark)

    @property
    def recordings(self) -> bool:
        return self._quota.recordings

    def begin(self) -> None:
        """A request: whether it may be made, counted."""
        self._check_protocols(self._protocols)
        self.check()
        self.request()

    def settle(self, protocol: str) -> None:
        """It has turned out to be for this one."""
        self._protocols = (protocol,)
        self._check_protocols(self._protocols)

    def show(self, key: str) -> Caller:
        """In a message. UnauthorizedError for a wrong key; the visit counts for a right one from now on."""
        shown = self._visits.guard.identify(self.caller, [key])
        if shown is None:
            return self.caller
        before, opened = (self.caller, self._accounts, self._number), self._open
        self.close()
        self._become(shown)
        try:
            self._check_protocols(self._protocols)
            self.check()
            if opened:
                self.take_place()
        except (ForbiddenError, QuotaError):
            self.caller, self._accounts, self._number = before
            self._count(open=opened)
            self._open = opened
            raise
        self.on_known()
        return shown

    def take_place(self) -> None:
        """Of a connection, until it is closed."""
        most = self._quota.streams
        if most and self._usage.open >= most:
            raise self._refused("streams", f"{most} connections at once: close one first", _SOON_SECONDS)
        self._count(open=1)
        self._open = 1

    def close(self) -> None:
        """It is over; closing twice does no harm."""
        if self._open:
            self._count(open=-self._open)
            self._open = 0

    def request(self) -> None:
        most, now = self._quota.requests_a_minute, self._visits.clock()
        if most and self._usage.requests >= most:
            left_seconds = MINUTE_SECONDS - now % MINUTE_SECONDS
            raise self._refused("requests_a_minute", f"{most} requests a minute: wait for the next", left_seconds)
        self._count(requests=1)

    def heard(self, seconds: float) -> None:
        """Audio of a stream, which `check` looks at."""
        self._count(audio_ms=round(1000 * seconds))

    def hear(self, seconds: float) -> None:
        """A recording, heard whole or not at all."""
        most = self._quota.audio_seconds_a_day
        left_seconds = most - self._usage.audio_ms / 1000
        if most and seconds > left_seconds:
            raise self._over(
                "audio_seconds_a_day", f"{most:g} s of audio a day, {max(0.0, left_seconds):.0f} s are left"
            )
        self.heard(seconds)

    def received(self, size_bytes: int) -> None:
        self._count(bytes=size_bytes)

    def check(self) -> None:
        """Whether there is anything left of this day's."""
        quota = self._quota
        if not (quota.audio_seconds_a_day or quota.bytes_a_day):
            return
        usage = self._usage
        if 0 < quota.audio_seconds_a_day <= usage.audio_ms / 1000:
            raise self._over("audio_seconds_a_day", f"{quota.audio_seconds_a_day:g} s of audio a day")
        if 0 < quota.bytes_a_day <= usage.size_bytes:
            raise self._over("bytes_a_day", f"{quota.bytes_a_day} bytes a day")

    @property
    def _quota(self) -> Quota:
        return self._visits.quota_of(self.caller)

    @property
    def _usage(self) -> Usage:
        return self._accounts.usage(self._number, self._visits.clock())

    def _become(self, caller: Caller) -> None:
        self.caller = caller
        self._accounts, self._number = self._visits.account_of(caller)

    def _count(self, **used: int) -> None:
        self._accounts.add(self._number, self._visits.clock(), **used)

    def _check_protocols(self, protocols: tuple[str, ...]) -> None:
        for allowed, whose in ((self.caller.protocols, "token"), (self._quota.protocols, self._whose)):
            if protocols and allowed and not set(protocols) & set(allowed):
                self._tell("protocols")
                raise ForbiddenError(f"this {whose} is for {', '.join(allowed)} alone")

    def _over(self, quota: str, words: str) -> QuotaError:
        left_seconds = DAY_SECONDS - self._visits.clock() % DAY_SECONDS
        return self._refused(quota, f"{words}: begins anew at 00:00 UTC", left_seconds)

    def _refused(self, quota: str, words: str, retry_seconds: float) -> QuotaError:
        self._tell(quota)
        return QuotaError(quota, f"{quota}: this {self._whose} has {words}", retry_seconds)

    def _tell(self, quota: str) -> None:
        self._visits.tell(quota, self.caller.key_name)

    @property
    def _whose(self) -> str:
        return "key" if self.caller.key_name is not None else "address"
