"""OpenAI's audio API, judged by its own JavaScript library."""

import json
from pathlib import Path
from typing import Any

import pytest

from export.calibration.voices import Voice, speak
from tests import foreign
from tests.gateway.test_openai import WORDS, plain, spoken_apart
from tests.gateway_server import GatewayAddress
from tests.sounds import wav

PROGRAM = """
import fs from "node:fs";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ baseURL: "BASE", apiKey: "any", maxRetries: 0 });
const told = {};
const ask = (more) => client.audio.transcriptions.create({
  file: fs.createReadStream("spoken.wav"), model: "gpt-4o-transcribe", ...more,
});

told.json = await ask({ language: "en", include: ["logprobs"] });
told.text = await ask({ response_format: "text" });
told.srt = await ask({ response_format: "srt" });
told.vtt = await ask({ response_format: "vtt" });
told.verbose = await ask({ response_format: "verbose_json", timestamp_granularities: ["word", "segment"] });
told.events = [];
const chunking_strategy = { type: "server_vad", silence_duration_ms: 400, prefix_padding_ms: 200 };
for await (const event of await ask({ stream: true, chunking_strategy })) told.events.push(event);
told.translation = await client.audio.translations.create({
  file: await toFile(fs.readFileSync("buongiorno.wav"), "buongiorno.wav"), model: "whisper-1",
});
told.models = (await client.models.list()).data.map((model) => model.id);
const status = (error) => [error.constructor.name, error.status, error.code, error.param, Boolean(error.requestID)];
told.errors = [
  await ask({ model: "gpt-9" }).catch(status),
  await ask({ response_format: "diarized_json" }).catch(status),
  await ask({ file: await toFile(Buffer.alloc(0), "empty.wav") }).catch(status),
];
console.log(JSON.stringify(told));
"""


@pytest.fixture(scope="module")
def told(gateway: GatewayAddress, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("node")
    (folder / "spoken.wav").write_bytes(wav(spoken_apart(0.5)))
    (folder / "buongiorno.wav").write_bytes(wav(speak(Voice("espeak-ng", "Marco"), "buongiorno", "it")))
    answers: dict[str, Any] = json.loads(foreign.module(PROGRAM.replace("BASE", gateway.http("/v1")), folder))
    return answers


def test_a_transcript_is_told_in_every_format(told: dict[str, Any]) -> None:
    assert plain(told["json"]["text"]) == plain(told["text"]) == plain(told["verbose"]["text"]) == WORDS
    assert told["json"]["usage"]["type"] == "duration"
    assert "".join(each["token"] for each in told["json"]["logprobs"]).strip() == told["json"]["text"]
    assert told["srt"].startswith("1\n00:00:0")
    assert told["vtt"].startswith("WEBVTT\n\n00:00:0")
    assert plain(" ".join(word["word"] for word in told["verbose"]["words"])) == WORDS


def test_a_stream_tells_each_part_once_and_in_the_end_all_of_it(told: dict[str, Any]) -> None:
    *deltas, done = told["events"]
    assert len(deltas) >= 2
    assert {each["type"] for each in deltas} == {"transcript.text.delta"}
    assert "".join(each["delta"] for each in deltas) == done["text"]
    assert plain(done["text"]) == WORDS


def test_a_translation_is_english_and_models_have_their_names(told: dict[str, Any]) -> None:
    assert plain(told["translation"]["text"]) == "good morning"
    assert "whisper-1" in told["models"]


def test_errors_are_those_of_the_library(told: dict[str, Any]) -> None:
    assert told["errors"] == [
        ["NotFoundError", 404, "model_not_found", None, True],
        ["BadRequestError", 400, "invalid_value", "response_format", True],
        ["BadRequestError", 400, "invalid_value", "file", True],
    ]
