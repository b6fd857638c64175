"""Transcripts corrected by a language model: any server with an OpenAI-compatible /chat/completions.

It is sent the text alone. Whatever goes wrong is a ServiceError whose words are safe to show: neither the text, nor the
key, nor anything that the server said is in them or in the log.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from frontend.config.services import Postprocess
from frontend.errors import DeadlineError, OverloadedError, ServiceError, UnavailableError
from frontend.telemetry.logs import Log


class Postprocessor:
    """One for the gateway; a request waits for its turn, for a bounded time and among a bounded number."""

    def __init__(self, options: Postprocess) -> None:
        self._options = options
        self._turns = asyncio.Semaphore(options.max_at_once)
        self._waiting = 0
        self._session: aiohttp.ClientSession | None = None
        self._log = Log("postprocess")

    @property
    def configured(self) -> bool:
        return bool(self._options.base_url and self._options.model)

    async def correct(self, text: str, language: str) -> str:
        """The corrected text; raises ServiceError when there is none."""
        if not self.configured:
            raise UnavailableError("post-processing is not configured")
        if not text.strip():
            return text
        try:
            async with asyncio.timeout(self._options.timeout_seconds), self._turn():
                return await self._ask(text, language)
        except ServiceError as e:
            self._log.warning("postprocess_failed", reason=str(e))
            raise
        except TimeoutError as e:
            self._log.warning("postprocess_failed", reason="timeout")
            raise DeadlineError(f"post-processing took longer than {self._options.timeout_seconds:g} s") from e
        except (aiohttp.ClientError, OSError) as e:
            # The library's own words may name the server, so that only the kind of the error is told.
            self._log.warning("postprocess_failed", reason=type(e).__name__)
            raise UnavailableError("the language model cannot be reached") from e

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._turns.locked() and self._waiting >= self._options.max_waiting:
            raise OverloadedError("post-processing is busy")
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def _ask(self, text: str, language: str) -> str:
        # A redirect could send the text to another server, so none is followed.
        url = f"{self._options.base_url.rstrip('/')}/chat/completions"
        async with self._http().post(url, json=self._question(text, language), allow_redirects=False) as response:
            if response.status != 200:
                raise UnavailableError(f"the language model answered with status {response.status}")
            if response.content_type != "application/json":
                raise UnavailableError("the language model's answer is not JSON")
            return _content(await self._read(response))

    def _question(self, text: str, language: str) -> dict[str, Any]:
        return {
            "model": self._options.model,
            "temperature": self._options.temperature,
            "messages": [
                {"role": "system", "content": self._options.prompt.replace("{language}", language)},
                {"role": "user", "content": text},
            ],
        }

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._options.max_answer_bytes:
                raise UnavailableError("the language model's answer is too long")
        return bytes(body)

    def _http(self) -> aiohttp.ClientSession:
        """Made at its first use, inside the event loop."""
        if self._session is None:
            # Uncompressed, so that what is read is what the limit counts.
            headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
            if self._options.api_key:
                headers["Authorization"] = f"Bearer {self._options.api_key}"
            self._session = aiohttp.ClientSession(
                headers=headers,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session


def _content(body: bytes) -> str:
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError) as e:
        raise UnavailableError("the language model's answer is not a chat completion") from e
    if not isinstance(content, str) or not content.strip():
        raise UnavailableError("the language model's answer holds no text")
    # Half of a surrogate pair, which JSON may hold, could not be written out again.
    return content.strip().encode(errors="replace").decode()
