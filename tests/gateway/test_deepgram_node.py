"""Deepgram's APIs, judged by its own JavaScript library."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import foreign
from tests.gateway.test_deepgram import spoken
from tests.gateway.test_openai import WORDS, plain
from tests.gateway_server import GatewayAddress
from tests.readings import PARTS, parts
from tests.sounds import wav

PROGRAM = """
import fs from "node:fs";
import { DeepgramClient } from "@deepgram/sdk";

const environment = { base: "BASE", production: "WS", agent: "WS" };
const client = new DeepgramClient({ apiKey: "any", environment });
const told = { live: [] };
const wanted = { model: "nova-3", encoding: "linear16", sample_rate: 16000, interim_results: "true",
  vad_events: "true", utterance_end_ms: 1000, reconnectAttempts: 0 };

const connection = await client.listen.v1.connect(wanted);
connection.on("message", (message) => told.live.push(message));
const closed = new Promise((resolve) => connection.on("close", resolve));
connection.connect();
await connection.waitForOpen();
const first = fs.readFileSync("first.raw");
for (let start = 0; start < first.length; start += 3200) connection.sendMedia(first.subarray(start, start + 3200));
connection.sendFinalize({ type: "Finalize" });
connection.sendKeepAlive({ type: "KeepAlive" });
connection.sendMedia(fs.readFileSync("spoken.raw"));
connection.sendCloseStream({ type: "CloseStream" });
told.close = (await closed).code;

const ask = (query) => client.listen.v1.media.transcribeFile(fs.createReadStream("spoken.wav"), query);
told.recording = await ask({ model: "nova-3", smart_format: true, utterances: true });
const status = (error) => [error.constructor.name, error.statusCode, error.body?.err_code];
told.errors = [
  await ask({ model: "nova-3", diarize: true }).catch(status),
  await client.listen.v1.media.transcribeUrl({ url: "http://127.0.0.1/a.wav", model: "nova-3" }).catch(status),
];
console.log(JSON.stringify(told));
"""


@pytest.fixture(scope="module")
def told(gateway: GatewayAddress, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("node")
    (folder / "first.raw").write_bytes(parts()[0].tobytes())
    (folder / "spoken.raw").write_bytes(spoken().tobytes())
    (folder / "spoken.wav").write_bytes(wav(spoken()))
    program = PROGRAM.replace("BASE", gateway.http("")).replace("WS", gateway.ws(""))
    answer: dict[str, Any] = json.loads(foreign.module(program, folder))
    return answer


def test_finals_are_marked_and_one_was_forced(told: dict[str, Any]) -> None:
    finals = [message for message in told["live"] if message["type"] == "Results" and message["is_final"]]
    assert [final["from_finalize"] for final in finals].count(True) == 1
    text = " ".join(final["channel"]["alternatives"][0]["transcript"] for final in finals)
    assert plain(text) == f"{PARTS[0]} {WORDS}"
    assert told["live"][-1]["type"] == "Metadata"
    assert told["close"] == 1000


def test_who_speaks_is_told(told: dict[str, Any]) -> None:
    kinds = [message["type"] for message in told["live"]]
    assert kinds.count("SpeechStarted") >= 2
    assert "UtteranceEnd" in kinds


def test_a_recording_is_answered_in_one(told: dict[str, Any]) -> None:
    (channel,) = told["recording"]["results"]["channels"]
    assert plain(channel["alternatives"][0]["transcript"]) == WORDS
    utterances = told["recording"]["results"]["utterances"]
    assert len(utterances) >= 2
    assert plain(" ".join(each["transcript"] for each in utterances)) == WORDS


def test_errors_are_of_its_own_classes(told: dict[str, Any]) -> None:
    assert told["errors"] == [
        ["BadRequestError", 400, "INVALID_QUERY_PARAMETER"],
        ["BadRequestError", 400, "Bad Request"],
    ]
