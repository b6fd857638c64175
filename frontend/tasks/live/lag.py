"""How far a live stream's finals are behind its audio, for the operator."""

from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics

# Somebody who speaks waits for text by now.
_LAGGING_SECONDS = 2.0


class Lag:
    """Of one stream; told at every final. The log names the streams, the metrics count them."""

    def __init__(self, metrics: Metrics | None, log: Log) -> None:
        self._metrics = metrics
        self._log = log
        self._lagging = False

    def observe(self, seconds: float) -> None:
        """A final was told so long after its last sound and the silence behind it had arrived."""
        if self._metrics is not None:
            self._metrics.live_lag_seconds.observe(max(0.0, seconds))
            self._metrics.pressure.live_lag_seconds.observe(max(0.0, seconds))
        self._turn(seconds > _LAGGING_SECONDS, seconds)

    def end(self) -> None:
        self._turn(False, 0.0)

    def _turn(self, lagging: bool, seconds: float) -> None:
        if lagging == self._lagging:
            return
        self._lagging = lagging
        if lagging:
            self._log.warning("lagging", seconds=round(seconds, 1))
        else:
            self._log.info("caught up")
        if self._metrics is not None:
            self._metrics.live_lagging.inc(1 if lagging else -1)
