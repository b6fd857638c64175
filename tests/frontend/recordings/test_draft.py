"""Drafts on the disk: what a crash leaves of one is finished by what is there."""

import json
import os
import time
import wave
from pathlib import Path

import pytest

from frontend.recordings.draft import Draft
from frontend.recordings.local import LocalStore
from frontend.recordings.record import AUDIO, RECORD, TRANSCRIPT, Record, is_id, wav_header
from tests.frontend.exporting import ID

LINE = b'{"result": [], "text": " a"}\n'


def begun(directory: Path) -> tuple[LocalStore, Draft]:
    store = LocalStore(directory)
    return store, Draft.begin(store, Record(ID, "alice", 1.5, rate=8000), 0)


def recovered(store: LocalStore) -> Record:
    return Draft.left(store, ID).recover()


@pytest.mark.parametrize("tail", [b"{", LINE[:-1], b"\0" * 40, b"\0" * 40 + b"\n", b"[]\n", b"\xff\xff\n"])
def test_what_was_torn_is_dropped_and_what_was_whole_is_kept(tmp_path: Path, tail: bytes) -> None:
    store, draft = begun(tmp_path)
    draft.append(b"\1\0" * 50, LINE)
    draft.close()
    with (store.folder(ID) / TRANSCRIPT).open("ab") as file:
        file.write(tail)
    with (store.folder(ID) / AUDIO).open("ab") as file:
        file.write(b"\2")
    record = recovered(store)
    assert (record.state, record.owner, record.rate, record.audio_bytes) == ("incomplete", "alice", 8000, 100)
    assert store.transcript(ID) == LINE
    assert store.record(ID) == record
    with wave.open(str(store.folder(ID) / AUDIO)) as audio:
        assert (audio.getframerate(), audio.readframes(1000)) == (8000, b"\1\0" * 50)


@pytest.mark.parametrize("size_bytes", [0, 10, 44, 45])
def test_a_file_torn_in_its_header_is_an_empty_recording(tmp_path: Path, size_bytes: int) -> None:
    store, draft = begun(tmp_path)
    draft.close()
    with (store.folder(ID) / AUDIO).open("r+b") as file:
        file.truncate(size_bytes)
    assert recovered(store).audio_bytes == 0
    with wave.open(str(store.folder(ID) / AUDIO)) as audio:
        assert audio.getnframes() == 0


@pytest.mark.parametrize("left", [b"", b"\0" * 60, b"{}", b'{"export_id": '])
def test_a_recording_whose_record_is_torn_is_kept_and_nobodys(tmp_path: Path, left: bytes) -> None:
    store, draft = begun(tmp_path)
    draft.append(b"\1\0" * 50, LINE)
    draft.close()
    (store.folder(ID) / RECORD).write_bytes(left)
    record = recovered(store)
    assert (record.state, record.owner, record.rate, record.audio_bytes) == ("incomplete", None, 8000, 100)
    assert record.started == pytest.approx(time.time(), abs=60)
    assert store.transcript(ID) == LINE


def test_what_begins_is_on_the_disk_before_it_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []

    def fsync(number: int) -> None:
        flushed.append(Path(os.readlink(f"/proc/self/fd/{number}")).name)

    monkeypatch.setattr(os, "fsync", fsync)
    begun(tmp_path)[1].close()
    assert {AUDIO, TRANSCRIPT, RECORD, tmp_path.name} <= set(flushed)


def test_what_is_half_made_or_half_deleted_is_not_there(tmp_path: Path) -> None:
    store, draft = begun(tmp_path)
    draft.finish("complete")
    (tmp_path / f".new-{'0' * 32}").mkdir()
    (tmp_path / f".gone-{'1' * 32}").mkdir()
    (tmp_path / f".gone-{'1' * 32}" / AUDIO).touch()
    assert store.ids() == {ID}
    store.sweep()
    assert [path.name for path in tmp_path.iterdir()] == [ID]


def test_a_record_is_replaced_whole(tmp_path: Path) -> None:
    store, draft = begun(tmp_path)
    assert json.loads((store.folder(ID) / RECORD).read_bytes())["state"] == "running"
    draft.finish("complete")
    assert {path.name for path in store.folder(ID).iterdir()} == {AUDIO, RECORD, TRANSCRIPT}
    with pytest.raises(ValueError, match="record"):
        Record.load(b"{}", ID)


def test_a_reader_of_a_file_that_grows_gets_as_much_as_was_said(tmp_path: Path) -> None:
    store, draft = begun(tmp_path)
    draft.append(b"\1\0" * 50, b"")
    reader = store.audio(store.record(ID))
    draft.append(b"\2\0" * 50, b"")
    assert reader.read() == wav_header(100, 8000)
    assert reader.read() == b"\1\0" * 50
    assert reader.read() == b""
    reader.close()
    draft.close()


def test_a_recording_beyond_what_wav_can_say_has_the_longest_header() -> None:
    assert wav_header(5 << 30, 16000)[4:8] == b"\xff" * 4
    assert wav_header(5 << 30, 16000)[40:44] == b"\xff" * 4


@pytest.mark.parametrize("text", ["", "0" * 31, "0" * 33, "A" * 32, "g" * 32, f"../{'0' * 29}", f"{'0' * 32}\n"])
def test_an_id_has_32_small_hexadecimal_characters(text: str) -> None:
    assert not is_id(text)
    assert is_id(ID)
