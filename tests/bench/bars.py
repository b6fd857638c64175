"""The bars: what each benchmark must reach. All of them stand here; a missed one ends `make bench` with an error."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """A limit on a figure: at most so much, or at least so much."""

    limit: float
    at_least: bool = False

    def holds(self, value: float) -> bool:
        """False for a figure that is not a number, too."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"


NONE = Bar(0)

# A reply must be there before the client has recorded its next chunk of 100 ms.
REPLY_P99_MS = Bar(100)

# Voice verification, on voices and a synthesizer that had no part in the calibration.
EQUAL_ERROR_PERCENT = {3: Bar(3.0), 5: Bar(1.5)}
RIGHT_SIDE_PERCENT = Bar(95, at_least=True)

# The end of an utterance is told so long after its last sound and the silence that the client asked for.
ENDPOINT_MEDIAN_MS = Bar(200)
ENDPOINT_P95_MS = Bar(300)
