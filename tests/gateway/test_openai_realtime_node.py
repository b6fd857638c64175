"""OpenAI's Realtime API, judged by its own JavaScript library, which knows it behind TLS alone."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import foreign
from tests.authority import Authority
from tests.gateway.test_examples import REALTIME, example
from tests.gateway.test_openai import plain, spoken_apart
from tests.gateway.test_openai_realtime import encoded
from tests.gateway_server import GatewayAddress, running_gateway
from tests.readings import PARTS
from tests.triton_server import TritonAddress

PROGRAM = """
import fs from "node:fs";
import OpenAI from "openai";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import WS from "ws";

globalThis.WebSocket = WS;  // a browser has one

const client = new OpenAI({ baseURL: "https://localhost:PORT/v1", apiKey: "any", maxRetries: 0 });
const session = {
  type: "transcription",
  audio: { input: {
    format: { type: "audio/pcm", rate: 24000 },
    transcription: { model: "gpt-4o-transcribe", language: "en" },
    turn_detection: { type: "server_vad", silence_duration_ms: 400 },
  } },
};
const pcm = fs.readFileSync("recording.pcm");

const listen = (realtime, events) => new Promise((resolve, reject) => {
  realtime.on("error", reject);
  realtime.on("event", (event) => {
    events.push(event);
    if (event.type === "session.updated") {
      for (let start = 0; start < pcm.length; start += 4800) {
        const audio = pcm.subarray(start, start + 4800).toString("base64");
        realtime.send({ type: "input_audio_buffer.append", audio });
      }
    }
    if (events.filter((each) => each.type.endsWith(".completed")).length === 2) { realtime.close(); resolve(events); }
  });
});

const server = new OpenAIRealtimeWS({ model: "gpt-4o-transcribe" }, client);
server.on("session.created", () => server.send({ type: "session.update", session }));
const told = await listen(server, []);

const secret = await client.realtime.clientSecrets.create({ session });
const page = new OpenAI({ baseURL: client.baseURL, apiKey: secret.value, dangerouslyAllowBrowser: true });
const socket = new OpenAIRealtimeWebSocket({ model: "gpt-4o-transcribe" }, page);
socket.on("session.created", () => socket.send({ type: "session.update", session }));
console.log(JSON.stringify({ server: told, page: await listen(socket, []), secret }));
process.exit();
"""


@dataclass(frozen=True)
class Place:
    """A gateway behind TLS, and a folder with what a person says."""

    gateway: GatewayAddress
    folder: Path
    authority: Authority

    def run(self, program: str) -> str:
        return foreign.module(program, self.folder, {"NODE_EXTRA_CA_CERTS": str(self.authority.file)})


@pytest.fixture(scope="module")
def place(triton: TritonAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("node")
    (folder / "recording.pcm").write_bytes(encoded(spoken_apart(1.5))[0])
    authority = Authority(folder)
    with running_gateway(triton, folder / "gateway", authority.settings()) as gateway:
        yield Place(gateway, folder, authority)


@pytest.fixture(scope="module")
def told(place: Place) -> dict[str, Any]:
    answers: dict[str, Any] = json.loads(place.run(PROGRAM.replace("PORT", str(place.gateway.ports["whisper"]))))
    return answers


@pytest.mark.parametrize("who", ["server", "page"])
def test_each_utterance_is_an_item_with_its_words(told: dict[str, Any], who: str) -> None:
    completed = [event for event in told[who] if event["type"].endswith(".completed")]
    assert [plain(event["transcript"]) for event in completed] == [*PARTS]
    for event in completed:
        mine = [each for each in told[who] if each.get("item_id") == event["item_id"]]
        deltas = [each["delta"] for each in mine if each["type"].endswith("transcription.delta")]
        assert "".join(deltas) == event["transcript"]
        assert mine[0]["type"] == "input_audio_buffer.speech_started"


def test_a_page_has_a_key_that_says_what_it_is_for(told: dict[str, Any]) -> None:
    assert told["secret"]["value"].startswith("ek_")
    created = told["page"][0]["session"]["audio"]["input"]
    assert created["turn_detection"]["silence_duration_ms"] == 400


def test_the_pages_example_hears_an_utterance(place: Place) -> None:
    assert plain(place.run(example(REALTIME, "javascript", place.gateway))) == PARTS[0]
