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

# Voice verification, on synthesized voices; the calibration is of people, and so are the bars of its own tests.
EQUAL_ERROR_PERCENT = {3: Bar(3.0), 5: Bar(1.5)}
RIGHT_SIDE_PERCENT = Bar(95, at_least=True)

# The end of an utterance is told so long after its last sound and the silence that the client asked for.
ENDPOINT_MEDIAN_MS = Bar(200)
ENDPOINT_P95_MS = Bar(300)

# While one client sends the largest frames that are taken, back to back.
LOOP_LAG_P99_MS = Bar(20)
OTHERS_P99_OVER_MS = Bar(100)

# How many words of a hundred more are wrong through a socket than by `make evaluate`, on the same audio.
PROTOCOL_POINTS = Bar(2.0)

# Live transcription, one stream in real time (medians), and the share of words in partials that are later changed.
LIVE_FIRST_SECONDS = Bar(1.3)
LIVE_FINAL_SECONDS = Bar(0.8)
LIVE_CHANGED_PERCENT = Bar(5.0)
# The same of people who read.
LIVE_PEOPLE_FINAL_SECONDS = Bar(0.75)
LIVE_PEOPLE_CHANGED_PERCENT = Bar(8.0)
# In every dialect, from when the end of an utterance is known to its final.
DIALECT_FINAL_SECONDS = Bar(0.3)
# A long stream against the file path and against the truth.
LIVE_WER_POINTS = Bar(2.0)
LIVE_TIMES_SECONDS = Bar(0.3)
# Of two hours pushed at once: what they cost in memory, and that the end was reached.
PUSHED_MEBIBYTES = Bar(32)
PUSHED_END_SECONDS = Bar(10)
# Twice the streams that the machine carries, and half a minute after that.
LIVE_OVERLOAD_SECONDS = Bar(10.0)
LIVE_OVERLOAD_GROWTH_SECONDS = Bar(1.0)
LIVE_RECOVERED_SECONDS = Bar(2.0)

# How many times as fast as CTranslate2 the recogniser's graph is: int8, the same weights, one thread.
SHORT_CLIP_SPEED = Bar(1.0, at_least=True)
LONG_CLIP_SPEED = Bar(1.2, at_least=True)
# Eight clips in one call against one after the other, and forced words against decoded ones. In int8 the encoder has
# the processor busy with one clip already, and a decoder's step over eight rows costs four and a half of one's.
BATCH_SPEED = {"fp32": Bar(2.0, at_least=True), "int8": Bar(1.3, at_least=True)}
FORCED_COST = Bar(0.5)
# `asr` through Triton against bare calls in ideal batches, and eight clients against one. The bundled model is so small
# that even ideal batches of sixteen are little more than twice as fast as one clip at a time.
ASR_THROUGHPUT = Bar(0.9, at_least=True)
ASR_CONCURRENCY = Bar(1.6, at_least=True)
ASR_MEAN_BATCH = Bar(4.0, at_least=True)
# Seconds of a person's reading that one processor transcribes in a second, all of Triton counted.
ASR_PERSON_SPEED = Bar(25.0, at_least=True)

# `vad` in full batches: its graph against the published model called window by window, and in Triton against alone.
VAD_GRAPH = Bar(1.3, at_least=True)
VAD_IN_TRITON = Bar(0.7, at_least=True)
# Processor time of the gateway's process a stream-second against a bare socket of aiohttp on uvloop, in turns.
TIMES_BARE_SOCKET = {"endpoint": Bar(2.5), "summary": Bar(2.5), "live": Bar(3.0)}
# Against FastAPI under Granian, which asks a null model once a second.
TIMES_GRANIAN = Bar(1.0)
# One process on one core with models that take no time: streams at 100 ms, what it adds to a reply, a stream of five
# hundred against one of fifty, and resident memory a stream.
CROWD_STREAMS = Bar(500, at_least=True)
CROWD_P99_MS = Bar(50)
CROWD_GROWTH = Bar(1.1)
IDLE_STREAM_KB = Bar(40)
RUNNING_STREAM_KB = Bar(64)
# Endpoint streams at 100 ms on two cores, which the models, the gateway and the clients share; and one alone.
MACHINE_P99_MS = {300: Bar(100), 400: Bar(250)}
ALONE_P50_MS = Bar(12)
# Streams that two workers carry, in those of one.
WORKERS_TIMES = Bar(1.7, at_least=True)
# A small frame through the gateway's parser against aiohttp's, which is written in C.
FRAMING_RATIO = Bar(1.5)
# Beyond what is carried: how soon somebody is refused, what that costs who is in, and when others are let in again.
REFUSAL_P99_MS = Bar(100)
FULL_P95_TIMES = Bar(1.5)
OPEN_AGAIN_SECONDS = Bar(10)
# One of two Tritons killed under streams of 100 ms: the longest wait for a reply.
FAILOVER_SECONDS = Bar(1.0)
