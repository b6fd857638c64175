"""The newest audio of a stream, addressed by where it lies in the whole stream."""

import numpy as np

from frontend.speech import Samples


class RecentAudio:
    def __init__(self) -> None:
        self._parts: list[tuple[int, Samples]] = []
        self._end_sample = 0

    def append(self, samples: Samples) -> None:
        self._parts.append((self._end_sample, samples))
        self._end_sample += len(samples)

    def forget(self, before_sample: int) -> int:
        """Free what lies before, whole parts only, so that nothing is copied: how many samples these are."""
        freed = 0
        while self._parts and self._parts[0][0] + len(self._parts[0][1]) <= before_sample:
            freed += len(self._parts.pop(0)[1])
        return freed

    def between(self, start_sample: int, end_sample: int) -> Samples:
        return np.concatenate(
            [np.zeros(0, np.int16)]
            + [
                samples[max(0, start_sample - first) : max(0, end_sample - first)]
                for first, samples in self._parts
                if first < end_sample and first + len(samples) > start_sample
            ]
        )
