"""What was told last of a stream: words that are heard again with what comes next, and given as known.

A recogniser that hears best in long pieces is wrong more often in short ones; so it comes to each as in one breath.
"""

from collections.abc import Sequence

from frontend.speech import RATE, Word

# Words before a longer pause belong to something else.
_PAUSE_SECONDS = 2.0
# Between the words and the audio of the one before the first lies at least so much, where there is room.
_MARGIN_SECONDS = 0.1
_PUNCTUATION = ".,;:!?…。、！？"


def as_known(words: Sequence[Word]) -> tuple[str, ...]:
    """What a recogniser is given to begin with.

    Whether a sentence ended there it hears for itself: a full stop that a pause has put there misleads it about what
    comes behind (of 100 words of people this spares one mistake and a half).
    """
    texts = [word.text for word in words]
    if texts:
        plain = texts[-1].rstrip(_PUNCTUATION)
        texts[-1] = plain if plain.strip() else texts[-1]
    return tuple(texts)


class Context:
    """Of one stream, on its time."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest_seconds = longest_seconds
        self._words: tuple[Word, ...] = ()

    def tell(self, words: Sequence[Word]) -> None:
        known = (*self._words, *words)
        kept = known[-1].end_seconds - 2 * self._longest_seconds if known else 0.0
        self._words = tuple(word for word in known if word.start_seconds >= kept)

    def is_out_of_reach(self, start_sample: int, slack_seconds: float) -> bool:
        """Whether nothing told so far goes before what begins here or later; what is told may begin so much earlier."""
        end_seconds = self._words[-1].end_seconds if self._words else float("-inf")
        return start_sample / RATE - end_seconds > _PAUSE_SECONDS + slack_seconds + _MARGIN_SECONDS

    def before(self, start_sample: int, seconds: float) -> tuple[Word, ...]:
        """Those that were said in one go up to here, and in so much time at most."""
        next_seconds = start_sample / RATE
        earliest_seconds = next_seconds - min(seconds, self._longest_seconds)
        found: list[Word] = []
        for word in reversed(self._words):
            if word.end_seconds > start_sample / RATE + _MARGIN_SECONDS:
                continue  # it is heard again in the stretch itself
            if word.start_seconds < earliest_seconds or next_seconds - word.end_seconds > _PAUSE_SECONDS:
                break
            found.append(word)
            next_seconds = word.start_seconds
        return tuple(reversed(found))

    def start_sample(self, words: Sequence[Word]) -> int:
        """Where the audio of these begins, without that of the word before them."""
        first_seconds = words[0].start_seconds
        ends = [word.end_seconds for word in self._words if word.end_seconds <= first_seconds]
        return round(max(0.0, first_seconds - _MARGIN_SECONDS, *ends[-1:]) * RATE)
