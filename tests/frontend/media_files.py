"""Media files as browsers, phones and broken programs write them."""

import io

import av

from frontend.speech import Samples


def fragmented_mp4(samples: Samples, blob_seconds: float, rate: int = 48_000) -> list[bytes]:
    """As MediaRecorder gives it: a blob each few seconds, the index in the first alone, then fragments."""
    file = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": str(int(blob_seconds * 1e6))}
    with av.open(file, "w", format="mp4", options=options) as output:
        stream = output.add_stream("aac", rate=rate, layout="mono")
        stream.bit_rate = 64_000
        for start in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    data = file.getvalue()
    starts = [0]
    while (at := data.find(b"moof", starts[-1] + 8)) > 0:
        starts.append(at - 4)
    # The first blob is the index with the first fragment.
    cuts = [0, *starts[2:], len(data)]
    return [data[start:end] for start, end in zip(cuts, cuts[1:], strict=False)]  # noqa: RUF007
