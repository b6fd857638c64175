"""What the client sends to learn a language, against a scripted server."""

from pathlib import Path

from tests.frontend.client.scripted import FLAC, SOUND, Talk, run, server
from tests.sounds import wav


async def test_a_short_file_is_sent_decoded_so_that_the_server_has_enough_bytes(recording: Path) -> None:
    assert len(FLAC) < 20_000

    async def script(talk: Talk) -> None:
        assert await talk.hear() == wav(SOUND)  # in one message: the server may decide after the first
        await talk.say({"status": "success", "data": {"language": "de", "confidence": 0.75}})

    async with server(script, "/ws") as port:
        ran = await run("language", recording, "--port", port)
    assert (ran.status, ran.output) == (0, "de 0.75\n")
