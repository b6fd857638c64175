"""A bucket whose service refuses some of what is asked: the rest goes on, and nothing stays that nobody can find."""

from typing import Any

import obstore
import pytest
from obstore.exceptions import PermissionDeniedError

from frontend.errors import UnavailableError
from tests.frontend.exporting import ALL, ID, OTHER_ID
from tests.frontend.recordings.test_s3 import bucket, exported, gateway, moved
from tests.s3_server import Bucket

__all__ = ("bucket",)


def refuse(patch: pytest.MonkeyPatch, name: str, what: str) -> None:
    """The service refuses to do this with objects whose path holds that."""
    asked = getattr(obstore, name)

    def refusing(store: Any, path: str, *more: Any, **named: Any) -> Any:
        if what in path:
            raise PermissionDeniedError("<Code>AccessDenied</Code>")
        return asked(store, path, *more, **named)

    patch.setattr(obstore, name, refusing)


async def test_what_cannot_be_deleted_or_read_is_not_in_the_others_way(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bucket.served():
        async with gateway(bucket) as exports:
            await exported(exports)
            await exported(exports, OTHER_ID)
            await moved(exports, bucket)
        refuse(monkeypatch, "delete", OTHER_ID)
        async with gateway(bucket, retention_hours=1e-9) as exports:
            await exports.sweep()
            assert [record.export_id for record in await exports.records(ALL)] == [OTHER_ID]
        refuse(monkeypatch, "get", OTHER_ID)
        async with gateway(bucket) as exports:
            assert await exports.records(ALL) == []
            with pytest.raises(UnavailableError):
                await exports.find(OTHER_ID, ALL)
    assert len(bucket.files()) == 3


async def test_what_was_half_deleted_can_be_deleted_again(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    with bucket.served():
        async with gateway(bucket) as exports:
            await exported(exports)
            await moved(exports, bucket)
            refuse(monkeypatch, "delete", "transcript.jsonl")
            with pytest.raises(UnavailableError):
                await exports.delete(await exports.find(ID, ALL))
            monkeypatch.undo()
        async with gateway(bucket) as exports:
            await exports.delete(await exports.find(ID, ALL))
    assert bucket.files() == set()


async def test_what_is_deleted_while_the_bucket_is_down_takes_no_room(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("put", "delete"):
        refuse(monkeypatch, name, "")
    async with gateway(bucket) as exports:
        await exported(exports)
        assert exports._quota.used_bytes > 0
        with pytest.raises(UnavailableError):
            await exports.delete(await exports.find(ID, ALL))
        assert exports._quota.used_bytes == 0
