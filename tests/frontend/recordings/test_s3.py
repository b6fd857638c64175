"""Exports in a bucket of a real server, which is down when it likes."""

import logging
import shutil
import subprocess
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from frontend.caller import Caller
from frontend.config.loading import load
from frontend.errors import NotFoundError, SettingsError, UnavailableError
from frontend.recordings.archive import Exports
from frontend.recordings.record import Reach
from tests.frontend.exporting import ALL, ID, OTHER_ID, WORDS, begun, chunk, files_in, kept_in, samples, texts, wait_for
from tests.s3_server import ACCESS_KEY, BUCKET, SECRET_KEY, Bucket, empty_bucket

ALICE = Caller("aaaaaaaa", "::1", "alice")
FILES = {f"exports/{ID}/{name}" for name in ("audio.wav", "export.json", "transcript.jsonl")}


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    return empty_bucket(tmp_path)


def gateway(bucket: Bucket, **changed: Any) -> AbstractAsyncContextManager[Exports]:
    """The exports of a gateway that keeps them in the bucket."""
    settings = {
        "store": "s3",
        "s3_endpoint": bucket.endpoint,
        "s3_bucket": BUCKET,
        "s3_access_key_id": ACCESS_KEY,
        "s3_secret_access_key": SECRET_KEY,
    }
    return kept_in(bucket.folder.parents[1] / "exports", **(settings | changed))


async def exported(exports: Exports, export_id: str = ID, count: int = 3) -> None:
    export = await begun(exports, export_id, ALICE)
    for number in range(count):
        export.append(chunk(number))
    await export.final(WORDS, " one two")
    await export.complete()


async def moved(exports: Exports, bucket: Bucket) -> None:
    """Until nothing is here any more."""

    async def gone() -> bool:
        return files_in(bucket.folder.parents[1] / "exports") == [] and exports._quota.used_bytes == 0

    await wait_for(gone)


async def test_a_finished_export_moves_into_the_bucket_and_is_read_from_there(bucket: Bucket) -> None:
    with bucket.served():
        async with gateway(bucket) as exports:
            await exported(exports)
            await moved(exports, bucket)
            assert bucket.files() == FILES
            record = await exports.find(ID, Reach("alice"))
            assert (record.state, record.owner) == ("complete", "alice")
            assert await samples(exports) == b"".join(map(chunk, range(3)))
            assert await texts(exports) == [" one two"]
            with pytest.raises(NotFoundError):
                await exports.find(ID, Reach("bob"))
            with pytest.raises(NotFoundError):
                await exports.find(OTHER_ID, ALL)


async def test_a_large_export_travels_in_parts(bucket: Bucket) -> None:
    with bucket.served():
        async with gateway(bucket) as exports:
            await exported(exports, count=40_000)  # 25.6 MB
            await moved(exports, bucket)
            assert await samples(exports) == b"".join(map(chunk, range(40_000)))


async def test_another_gateway_and_the_next_start_know_what_the_bucket_holds(bucket: Bucket) -> None:
    with bucket.served():
        async with gateway(bucket) as exports:
            await exported(exports)
            await moved(exports, bucket)
        async with gateway(bucket) as exports:
            assert [each.export_id for each in await exports.records(ALL)] == [ID]
            assert await samples(exports) == b"".join(map(chunk, range(3)))
            await exports.delete(await exports.find(ID, ALL))
            assert bucket.files() == set()
            assert await exports.records(ALL) == []


async def test_what_the_bucket_does_not_take_waits_here_and_goes_when_it_does(bucket: Bucket) -> None:
    async with gateway(bucket) as exports:
        await exported(exports)
        assert await samples(exports) == b"".join(map(chunk, range(3)))

        async def tried() -> bool:
            return exports._metrics.value("gateway_exports_save_failures_total") > 0

        await wait_for(tried)
        with bucket.served():
            await moved(exports, bucket)
            assert bucket.files() == FILES
            assert await texts(exports) == [" one two"]


async def test_what_waits_is_found_at_the_next_start(bucket: Bucket) -> None:
    async with gateway(bucket) as exports:
        await exported(exports)
        (await begun(exports, OTHER_ID, ALICE)).append(chunk(9))
    with bucket.served():
        async with gateway(bucket) as exports:
            await moved(exports, bucket)
            states = {each.export_id: each.state for each in await exports.records(ALL)}
            assert states == {ID: "complete", OTHER_ID: "incomplete"}
            assert await samples(exports, OTHER_ID) == chunk(9)


async def test_local_exports_move_when_the_settings_change(bucket: Bucket) -> None:
    async with gateway(bucket, store="local") as exports:
        await exported(exports)
    with bucket.served():
        async with gateway(bucket) as exports:
            await moved(exports, bucket)
            assert bucket.files() == FILES


async def test_the_time_is_over_in_the_bucket_too(bucket: Bucket) -> None:
    with bucket.served():
        async with gateway(bucket, retention_hours=1e-9) as exports:
            await exported(exports)
            await moved(exports, bucket)
            await exports.sweep()
            assert bucket.files() == set()


async def test_what_has_no_readable_record_goes_from_the_bucket_too_when_its_time_is_over(bucket: Bucket) -> None:
    with bucket.served():
        async with gateway(bucket) as exports:
            for export_id in (ID, OTHER_ID):
                await exported(exports, export_id)
            await moved(exports, bucket)
        (bucket.folder / f"exports/{ID}/export.json").unlink()
        (bucket.folder / f"exports/{OTHER_ID}/export.json").write_text("null")
        async with gateway(bucket) as exports:
            await exports.sweep()
            assert await exports.records(ALL) == []
            assert len(bucket.files()) == 5
        async with gateway(bucket, retention_hours=1e-9) as exports:
            await exports.sweep()
            assert bucket.files() == set()


async def test_a_server_that_does_not_answer_is_an_error_of_its_own(bucket: Bucket) -> None:
    async with gateway(bucket) as exports:
        with pytest.raises(UnavailableError, match="try again later") as failed:
            await exports.find(ID, ALL)
        assert str(bucket.port) not in str(failed.value)


async def test_a_secret_that_is_wrong_is_named_but_not_shown(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with bucket.served():
        async with gateway(bucket, s3_secret_access_key="some-other-secret") as exports:
            await exported(exports)

            async def refused() -> bool:
                return any("SignatureDoesNotMatch" in str(record.__dict__) for record in caplog.records)

            await wait_for(refused)
    told = str([record.__dict__ for record in caplog.records])
    assert "some-other-secret" not in told
    assert ACCESS_KEY not in told


async def test_the_way_to_the_bucket_is_encrypted_and_its_certificate_checked(bucket: Bucket, tmp_path: Path) -> None:
    certificate, key = certified(tmp_path)
    endpoint = bucket.endpoint.replace("http:", "https:")
    with bucket.served(f"--cert={certificate}", f"--key={key}"):
        async with gateway(bucket, s3_endpoint=endpoint) as exports:
            with pytest.raises(UnavailableError):
                await exports.find(ID, ALL)
        async with gateway(bucket, s3_endpoint=endpoint, s3_ca_file=str(certificate)) as exports:
            await exported(exports)
            await moved(exports, bucket)
            assert await texts(exports) == [" one two"]


def certified(directory: Path) -> tuple[Path, Path]:
    """A certificate for this machine, signed by itself, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl")
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=tests"
    names = "-addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
    subprocess.run([*new.split(), *names.split(), "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"STORE": "tape"}, "local or s3"),
        ({"STORE": "s3"}, "s3_bucket"),
        ({"S3_ENDPOINT": "minio:9000"}, "https://host"),
        ({"S3_ENDPOINT": "https://user:secret@host"}, "https://host"),
        ({"S3_ACCESS_KEY_ID": "half"}, "neither"),
        ({"S3_SECRET_ACCESS_KEY": "7"}, "of type str"),
        ({"RETENTION_HOURS": "0"}, "more than 0"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(changed: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        load(None, {f"GATEWAY_EXPORTS__{key}": value for key, value in changed.items()})


async def test_an_authority_that_is_not_there_is_said_at_the_start(bucket: Bucket) -> None:
    with pytest.raises(SettingsError, match=r"s3_ca_file"):
        async with gateway(bucket, s3_ca_file="/nowhere/ca.pem"):
            pass


def test_the_key_is_not_shown_with_the_settings() -> None:
    names = ("GATEWAY_EXPORTS__S3_ACCESS_KEY_ID", "GATEWAY_EXPORTS__S3_SECRET_ACCESS_KEY")
    assert SECRET_KEY not in repr(load(None, dict.fromkeys(names, SECRET_KEY)).exports).replace(
        f"id='{SECRET_KEY}'", ""
    )
