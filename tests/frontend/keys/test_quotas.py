"""What a key file may say of a name."""

from pathlib import Path

import pytest

from frontend.errors import SettingsError
from frontend.keys.files import KeyFiles
from frontend.keys.quotas import changes_of

ALL = "alice streams=2 requests_a_minute=60 audio_seconds_a_day=3600 bytes_a_day=5 protocols=live,vosk recordings=no"


def test_a_line_says_what_a_name_may_have_other_than_the_settings_do() -> None:
    name, changes = changes_of(ALL) or ("", {})
    assert name == "alice"
    assert changes == {
        "streams": 2,
        "requests_a_minute": 60,
        "audio_seconds_a_day": 3600.0,
        "bytes_a_day": 5,
        "protocols": ("live", "vosk"),
        "recordings": False,
    }
    assert changes_of("bob protocols= recordings=yes") == ("bob", {"protocols": (), "recordings": True})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("alice", "must be name:sha256"),
        ("alice speed=2", "must be name:sha256"),
        ("ali/ce streams=2", "must be name:sha256"),
        ("alice streams=two", "streams must be a whole number"),
        ("alice streams=-1", "streams must be a whole number"),
        ("alice streams=9999999999999999999", "streams must be a whole number"),
        ("alice audio_seconds_a_day=inf", "audio_seconds_a_day must be a whole number"),
        ("alice recordings=maybe", "recordings must be yes or no"),
        ("alice streams=1 streams=2", "streams stands there twice"),
        ("alice protocols=live,telnet", "protocols must be any of live, vosk"),
        ("bob streams=3", "bob has such a line already"),
    ],
)
def test_what_it_cannot_say_is_told_by_its_line(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "keys.txt"
    path.write_text(f"bob streams=1\n{line}\n")
    with pytest.raises(SettingsError, match=rf"keys\.txt, line 2: {words}"):
        KeyFiles([str(path)], (), protocols=("live", "vosk"))


async def test_what_is_said_of_names_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    path.write_text("server streams=1\n")
    files = KeyFiles([str(path)], ("server:key",))
    assert files.keyring.changes == {"server": {"streams": 1}}
    path.write_text("server streams=2 recordings=no\n")
    await files.refresh()
    assert files.keyring.changes == {"server": {"streams": 2, "recordings": False}}
    path.write_text("server streams=few\n")
    await files.refresh()
    assert files.keyring.changes == {"server": {"streams": 2, "recordings": False}}
