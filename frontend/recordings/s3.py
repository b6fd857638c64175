"""Finished exports in a bucket of any S3-compatible service.

Under `<prefix>/<id>/` lie the same files as in a local folder. The record goes in last, and an export without one is
not there; it goes out last as well, so that what was half deleted can be deleted again. Files travel in parts of 8 MiB,
two at a time; what is kept needs no room here.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from frontend.config import settings
from frontend.errors import SettingsError, UnavailableError
from frontend.recordings.record import AUDIO, RECORD, TRANSCRIPT, Record, is_id

if TYPE_CHECKING:  # all there is of them
    from obstore.store import ClientConfig, S3Config

_PART_BYTES = 8 << 20
_PARTS_AT_ONCE = 2
_BLOCK_BYTES = 256 << 10
_CONNECT_SECONDS = 5
_RETRIES = 2
_RETRY_SECONDS = 10
# A download goes on as long as its client reads.
_REQUEST_SECONDS = 6 * 3600


class BucketStore:
    def __init__(self, options: settings.Exports) -> None:
        self._client = _client(options)
        self._closing = False

    def save(self, export_id: str, folder: Path) -> None:
        for name, kind in ((AUDIO, "audio/wav"), (TRANSCRIPT, "application/jsonl"), (RECORD, "application/json")):
            with _told(), (folder / name).open("rb") as file:
                self._put(f"{export_id}/{name}", file, kind)
        if self._closing:  # the folder may be the next gateway's already
            raise UnavailableError("the gateway stops")
        os.rename(folder, gone := folder.with_name(f".gone-{export_id}"))
        shutil.rmtree(gone)

    def ids(self) -> set[str]:
        with _told():
            listed = obstore.list_with_delimiter(self._client)
        return {name for name in listed["common_prefixes"] if is_id(name)}

    def record(self, export_id: str) -> Record:
        return Record.load(self._content(export_id, RECORD), export_id)

    def transcript(self, export_id: str) -> bytes:
        return self._content(export_id, TRANSCRIPT)

    def audio(self, record: Record) -> "ObjectReader":
        with _told():
            result = obstore.get(self._client, f"{record.export_id}/{AUDIO}")
            return ObjectReader(iter(result.stream(_BLOCK_BYTES)))

    def changed(self, export_id: str) -> float:
        with _told():
            objects = obstore.list(self._client, prefix=f"{export_id}/").collect()
        if not objects:
            raise FileNotFoundError(export_id)
        return max(each["last_modified"].timestamp() for each in objects)

    def delete(self, export_id: str) -> int:
        for name in (AUDIO, TRANSCRIPT, RECORD):
            try:
                with _told():
                    obstore.delete(self._client, f"{export_id}/{name}")
            except FileNotFoundError:
                continue
        return 0

    def close(self) -> None:
        self._closing = True

    def _put(self, name: str, file: BinaryIO, kind: str) -> None:
        large = os.fstat(file.fileno()).st_size > _PART_BYTES
        obstore.put(
            self._client,
            name,
            self._parts(file) if large else file.read(),
            attributes={"Content-Type": kind},
            use_multipart=large,
            chunk_size=_PART_BYTES,
            max_concurrency=_PARTS_AT_ONCE,
        )

    def _parts(self, file: BinaryIO) -> Iterator[bytes]:
        while part := file.read(_PART_BYTES):
            if self._closing:
                raise UnavailableError("the gateway stops")
            yield part

    def _content(self, export_id: str, name: str) -> bytes:
        with _told():
            return bytes(obstore.get(self._client, f"{export_id}/{name}").bytes())


class ObjectReader:
    """The object, as it was made."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks

    def read(self) -> bytes:
        with _told():
            return bytes(next(self._blocks, b""))

    def close(self) -> None:
        self._blocks = iter(())


def _client(options: settings.Exports) -> S3Store:
    client_options: ClientConfig = {
        "allow_http": options.s3_endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
        "read_timeout": timedelta(seconds=options.s3_attempt_seconds),
        "timeout": timedelta(seconds=_REQUEST_SECONDS),
    }
    config: S3Config = {"region": options.s3_region}
    if options.s3_endpoint:
        config["endpoint"] = options.s3_endpoint
    if options.s3_access_key_id:
        config["access_key_id"] = options.s3_access_key_id
        config["secret_access_key"] = options.s3_secret_access_key
    try:
        if options.s3_ca_file:
            client_options["root_certificate"] = Path(options.s3_ca_file).read_text(encoding="ascii")
        return S3Store(
            options.s3_bucket,
            prefix=options.s3_prefix,
            client_options=client_options,
            retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)},
            config=config,
        )
    except OSError as e:
        raise SettingsError(f"exports.s3_ca_file cannot be read: {e.strerror}") from e
    except (ValueError, BaseError) as e:
        raise SettingsError(f"exports: the S3 settings cannot be used ({type(e).__name__}): see exports.s3_*") from e


@contextmanager
def _told() -> Iterator[None]:
    """Whatever the service or the way to it did, in a few words without addresses: the log shows them."""
    try:
        yield
    except BaseError as e:
        code = re.search(r"<Code>(\w+)</Code>", str(e))
        reason = code[1] if code else type(e).__name__
        raise UnavailableError(f"the exports' store does not answer as it should ({reason}), try again later") from e
