"""What is said of privacy: what was deleted is nowhere, and the log never held any of it."""

import asyncio
import contextlib
from pathlib import Path

import websockets

from tests.gateway.rest import ask
from tests.gateway_server import running_gateway
from tests.triton_server import TritonAddress
from tests.voices import say

PIECE_BYTES = 64


async def streamed(url: str, pcm: bytes) -> str:
    """The export's id, which is the last that is told."""
    told = ""
    async with websockets.connect(url) as connection:
        for message in ('{"config": {"finals_after_eof": true}}', pcm, "eof"):
            await connection.send(message)
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                told = str(await connection.recv())
    return told


async def test_a_deleted_export_is_in_no_file_and_the_log_never_had_it(triton: TritonAddress, tmp_path: Path) -> None:
    pcm = say("good morning").tobytes()
    loudest = max(range(0, len(pcm) - PIECE_BYTES, PIECE_BYTES), key=lambda at: len(set(pcm[at : at + PIECE_BYTES])))
    audio = pcm[loudest : loudest + PIECE_BYTES]
    with running_gateway(triton, tmp_path) as gateway:
        export_id = await streamed(gateway.ws("/live", "live"), pcm)
        path = f"/export/transcript/{export_id}?format=txt"
        text = (await asyncio.to_thread(ask, gateway, path))[1].decode().strip()
        words = max(text.split(), key=len).encode()
        assert len(words) > 3
        assert files_with(tmp_path, audio) == ["audio.wav"]
        assert files_with(tmp_path, words) == ["transcript.jsonl"]
        kept = [tmp_path / "exports", *(tmp_path / "exports").rglob("*")]
        assert {path.stat().st_mode & 0o077 for path in kept} == {0}, "nobody else on this machine may read it"
        assert (await asyncio.to_thread(ask, gateway, f"/export/{export_id}", "DELETE"))[0] == 204
        assert files_with(tmp_path, audio) == files_with(tmp_path, words) == []
        assert [path.name for path in (tmp_path / "exports").rglob("*") if export_id in str(path)] == []
        for each in ("transcript", "audio"):
            assert (await asyncio.to_thread(ask, gateway, f"/export/{each}/{export_id}"))[0] == 404
        assert files_with(tmp_path, export_id.encode()) == ["gateway.log"]


def files_with(folder: Path, content: bytes) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and content in path.read_bytes()]
