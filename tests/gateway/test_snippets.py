"""The programs that the services published run against the gateway as they are, host and port apart.

They use `websockets`, `websocket-client` and the npm package `ws`. The live service published no program, but how to
write one; it is done here in each of the three.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from export.calibration.voices import speak
from tests import foreign
from tests.gateway import published
from tests.gateway_server import GatewayAddress
from tests.readings import parts
from tests.sounds import wav
from tests.voices import MINE, silence

BULGARIAN = "Включи компютъра в хола. Хотелът е на четиридесет километра."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the programs want."""
    folder = tmp_path_factory.mktemp("files")
    english = np.concatenate([silence(0.5), *parts(), silence(0.5)])
    foreign.encode(folder / "audio.mp4", english)
    foreign.encode(folder / "audio.mp3", english)
    (folder / "recording.wav").write_bytes(wav(speak(MINE, BULGARIAN, "bg")))
    (folder / "audio.raw").write_bytes(english.tobytes())
    return folder


def test_language_detection_in_javascript(gateway: GatewayAddress, folder: Path) -> None:
    program = published.LANGUAGE_JAVASCRIPT.replace("wss://languagedetection-9l89.onrender.com/ws", gateway.ws("/ws"))
    lines = foreign.javascript(program, folder, messages=99).splitlines()
    assert lines[0] == "WebSocket connected"
    assert lines[1] == "Language: en"
    assert re.fullmatch(r"Processing time: [\d.]+ s", lines[2])
    assert lines[3:] == ["WebSocket disconnected"]


def test_language_detection_in_python(gateway: GatewayAddress, folder: Path) -> None:
    program = published.LANGUAGE_PYTHON.replace("wss://languagedetection-9l89.onrender.com/ws", gateway.ws("/ws"))
    assert re.fullmatch(r"Language: en\nProcessing time: [\d.]+s\n", foreign.python(program, folder))


def test_transcription_in_python(gateway: GatewayAddress, folder: Path) -> None:
    program = published.TRANSCRIBE_PYTHON.replace("localhost:8765", f"127.0.0.1:{gateway.ports['transcribe']}")
    assert re.search(r"[а-я]{3}", foreign.python(program, folder).lower())


def test_transcription_in_javascript(gateway: GatewayAddress, folder: Path) -> None:
    program = published.TRANSCRIBE_JAVASCRIPT.replace("localhost:8765", f"127.0.0.1:{gateway.ports['transcribe']}")
    assert re.search(r"[а-я]{3}", foreign.javascript(program, folder).lower())


def test_whisper_in_javascript(gateway: GatewayAddress, folder: Path) -> None:
    program = published.WHISPER_JAVASCRIPT.replace("your-server:8000", f"127.0.0.1:{gateway.ports['whisper']}")
    assert re.fullmatch(r"Connected\nTranscript: .*best of times.*\n", foreign.javascript(program, folder))


def test_whisper_in_python(gateway: GatewayAddress, folder: Path) -> None:
    program = published.WHISPER_PYTHON.replace("your-server:8000", f"127.0.0.1:{gateway.ports['whisper']}")
    assert "best of times" in foreign.python(program, folder)


# What the pseudocode of the voice services leaves to its reader. The first of its loops gets one half of the audio,
# the second the other; its last loop knows the connection by a name with two letters swapped.
VOICE_GIVEN = """
import builtins, websocket
class Connection:
    def __init__(self, address):
        self.socket, self.waiting = websocket.create_connection(address, timeout=30), 0
    def send(self, data):
        self.waiting += 1
        self.socket.send_binary(data) if isinstance(data, bytes) else self.socket.send(data)
    def receive(self):
        self.waiting -= 1
        return self.socket.recv()
    def can_receive(self):
        return self.waiting > 0
class Source:
    def __init__(self):
        audio = open("audio.raw", "rb").read()
        self.chunks = [audio[i : i + 3200] for i in range(0, len(audio), 3200)]
        self.chunks.insert(len(self.chunks) // 2, None)
    def has_data(self):
        has = bool(self.chunks) and self.chunks[0] is not None
        if not has: self.chunks = self.chunks[1:]
        return has
    def get_next_chunk(self):
        return self.chunks.pop(0)
def create_ws_connection(address):
    builtins.conenction = Connection(address)
    return builtins.conenction
create_audio_stream_source = Source
"""


def test_the_voice_services_in_python(gateway: GatewayAddress, folder: Path) -> None:
    program = VOICE_GIVEN + published.VOICE_PYTHON.replace("<WebSocket endpoint>", gateway.ws("/speech_summary_stream"))
    results = [json.loads(line) for line in foreign.python(program, folder).splitlines()]
    audio_bytes = len((folder / "audio.raw").read_bytes())
    assert len(results) == -(-audio_bytes // 3200)
    assert results[-1]["current_speech_summary"]["total_length"] == pytest.approx(audio_bytes / 32000, abs=1e-3)


# Clients of live say eof when they have heard what they were waiting for: nothing but the id follows it.
LIVE_WEBSOCKETS = """
import asyncio, json, websockets

async def send(ws):
    audio = open("audio.raw", "rb").read()
    for start in range(0, len(audio), 16000):
        await ws.send(audio[start : start + 16000])

async def main():
    async with websockets.connect("ws://host:8394") as ws:
        sending = asyncio.create_task(send(ws))
        async for message in ws:
            print(message)
            if '"result"' in message:
                await sending
                await ws.send("eof")

asyncio.run(main())
"""

# As clients of other live services are written: settings first, one message at a time, an end of its own form.
LIVE_WEBSOCKET_CLIENT = """
import websocket

ws = websocket.create_connection("ws://host:8394", timeout=60)
ws.send('{ "config" : { "sample_rate" : 16000 } }')
audio = open("audio.raw", "rb").read()
for start in range(0, len(audio), 8000):
    ws.send_binary(audio[start : start + 8000])
while True:
    opcode, data = ws.recv_data()
    if opcode == websocket.ABNF.OPCODE_CLOSE:
        break
    print(data.decode())
    if b'"result"' in data:
        ws.send('{"eof" : 1}')
"""

LIVE_WS = """
const ws = new WebSocket("ws://host:8394");
ws.onopen = async () => {
  const audio = await (await fetch("audio.raw")).arrayBuffer();
  for (let start = 0; start < audio.byteLength; start += 16000) ws.send(audio.slice(start, start + 16000));
};
ws.onmessage = (event) => {
  console.log(event.data);
  if (event.data.includes('"result"')) ws.send("eof");
};
ws.onclose = (event) => { if (event.code !== 1000) console.error("closed with", event.code); };
"""


@pytest.mark.parametrize("program", ["websockets", "websocket-client", "ws"])
def test_live_transcription(program: str, gateway: GatewayAddress, folder: Path) -> None:
    source = {"websockets": LIVE_WEBSOCKETS, "websocket-client": LIVE_WEBSOCKET_CLIENT, "ws": LIVE_WS}[program]
    source = source.replace("host:8394", f"127.0.0.1:{gateway.ports['live']}")
    said = foreign.javascript(source, folder, messages=9999) if program == "ws" else foreign.python(source, folder)
    *messages, export_id = said.splitlines()
    assert re.fullmatch(r"[0-9a-f]{32}", export_id)
    finals = [final for final in map(json.loads, messages) if "result" in final]
    assert finals
    words = [word for final in finals for word in final["result"]]
    assert [word["start"] for word in words] == sorted(word["start"] for word in words)
    assert "".join(final["text"] for final in finals) == "".join(f" {word['word']}" for word in words)
