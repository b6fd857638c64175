"""Recordings that the client sends whole."""

from pathlib import Path

import pytest

from tests.frontend.client.scripted import FLAC, Talk, run, server


@pytest.mark.parametrize(
    ("protocol", "path", "before"), [("whisper", "/", 1), ("transcribe", "/ws/transcribe", 2), ("language", "/ws", 1)]
)
async def test_a_recording_too_large_for_the_server_is_told_in_the_users_own_bytes(
    recording: Path, protocol: str, path: str, before: int
) -> None:
    """Of base64 or a decoded WAV, which the server counts, the user knows nothing."""

    async def script(talk: Talk) -> None:
        for _ in range(before):
            await talk.hear()
        await talk.socket.close(code=1009, message=b"the message is larger than 100 bytes")

    async with server(script, path) as port:
        ran = await run(protocol, recording, "--port", port)
    assert ran.status == 1
    told = f"{protocol}: a recording of {len(FLAC):,} bytes is more than the server takes at once\n"
    sent = f"sent {len(FLAC):,} bytes, waiting for the transcript\n"
    assert ran.errors == (told if protocol == "language" else sent + told)
