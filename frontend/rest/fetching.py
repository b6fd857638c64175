"""Recordings that a client names by their address, of those servers alone that the operator named."""

from collections.abc import Sequence

import aiohttp
from yarl import URL

from frontend.errors import SlowUploadError
from frontend.protocols.base import SHOWN_CHARACTERS
from frontend.protocols.deepgram_form import RemoteContentError
from frontend.rest.uploads import Upload


async def fetch(address: str, origins: Sequence[str], upload: Upload) -> None:
    """Into the upload, within its limits. Whoever is named answers himself: nobody is sent on to another."""
    try:
        url = URL(address)
        origin = str(url.origin())
    except ValueError as e:
        raise RemoteContentError("url is no address of http or https") from e
    if origin not in origins:
        shown = origin[:SHOWN_CHARACTERS]
        raise RemoteContentError(f"nothing is fetched from {shown} here: send the recording itself as the body")
    try:
        async with upload.arriving():
            await _fetch(url, upload)
    except SlowUploadError as e:
        raise RemoteContentError(f"{origin}: {e}") from e
    except (aiohttp.ClientError, OSError) as e:
        raise RemoteContentError(f"{origin} cannot be read") from e


async def _fetch(url: URL, upload: Upload) -> None:
    # Uncompressed, so that what is read is what the limit counts.
    session = aiohttp.ClientSession(
        headers={"Accept-Encoding": "identity"},
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
    )
    async with session, session.get(url, allow_redirects=False) as response:
        if response.status != 200:
            raise RemoteContentError(f"{url.origin()} answered with status {response.status}")
        async for block in response.content.iter_any():
            upload.add(block)
