"""Voice templates over HTTP: make one from audio, merge several, compare two."""

from contextlib import AbstractAsyncContextManager

import numpy as np
from aiohttp import hdrs, web

from frontend import voice_template
from frontend.connection.request_id import REQUEST_ID
from frontend.connection.shared import SHARED, Shared
from frontend.errors import ClientError, UnavailableError
from frontend.media.decoder import Recording
from frontend.rest.bodies import json_object, text_of
from frontend.rest.uploads import recording_from_file, recording_from_samples
from frontend.speech import SPEAKER_EMBEDDING, VAD, Manifest, Voiceprint, mean_voice
from frontend.tasks.voice import EnrolmentOptions, compare, enrol

_MAX_MERGED = 100
# The length of the mean of the merged voices: 1 where they agree, 0 where they cancel out, as no recorded ones do.
_MIN_AGREEMENT = 0.1


async def create_from_file(request: web.Request) -> web.Response:
    return await _create(request, recording_from_file(request))


async def create_from_samples(request: web.Request) -> web.Response:
    return await _create(request, recording_from_samples(request))


async def _create(request: web.Request, upload: AbstractAsyncContextManager[Recording]) -> web.Response:
    shared = request.app[SHARED]
    speech, voice = shared.asked_by(request[REQUEST_ID], (VAD, SPEAKER_EMBEDDING)), shared.options.voice
    options = EnrolmentOptions(shared.thresholds, voice.template_min_speech_seconds, voice.template_max_speech_seconds)
    async with upload as recording:
        made = await enrol(recording, speech, options)
    return _answer(request, voice_template.save(made))


async def merge(request: web.Request) -> web.Response:
    templates = (await json_object(request)).get("templates")
    if not isinstance(templates, list) or not templates or not all(isinstance(text, str) for text in templates):
        raise ClientError("templates must be a list of at least one template")
    if len(templates) > _MAX_MERGED:
        raise ClientError(f"at most {_MAX_MERGED} templates can be merged at once")
    manifest = _manifest(request.app[SHARED])
    voices = [voice_template.load(text, manifest) for text in templates]
    vectors = [voice.vector for voice in voices]
    if float(np.linalg.norm(np.mean(vectors, axis=0))) < _MIN_AGREEMENT:
        raise ClientError("the templates are of voices so different that there is none between them")
    merged = Voiceprint(mean_voice(vectors), manifest, sum(voice.speech_seconds for voice in voices))
    return _answer(request, voice_template.save(merged))


async def match(request: web.Request) -> web.Response:
    body = await json_object(request)
    shared = request.app[SHARED]
    manifest = _manifest(shared)
    one, other = (voice_template.load(text_of(body, key), manifest) for key in ("template1", "template2"))
    probability, score = compare(one, other, shared.options.voice.verify_min_speech_seconds)
    return web.json_response({"probability": probability, "score": score})


def _answer(request: web.Request, template: str) -> web.Response:
    """Bare, or as a JSON string for who asks for JSON: some clients parse whatever comes."""
    as_json = "application/json" in request.headers.get(hdrs.ACCEPT, "")
    return web.json_response(template) if as_json else web.Response(text=template)


def _manifest(shared: Shared) -> Manifest:
    manifest = shared.speech.manifest(SPEAKER_EMBEDDING)
    if manifest is None:
        raise UnavailableError("the embedding model is not ready yet")
    return manifest


ROUTES = (
    web.post("/voice_template_factory/create_voice_template_from_file", create_from_file),
    web.post("/voice_template_factory/create_voice_template_from_samples", create_from_samples),
    web.post("/voice_template_factory/merge_voice_templates", merge),
    web.post("/voice_template_matcher/match_voice_templates", match),
)
