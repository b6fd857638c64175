import re

from export.people.packages import PACKAGES
from export.people.recordings import Speaker


def test_every_package_is_pinned_by_a_hash_of_its_own_and_states_a_licence() -> None:
    digests = [package.sha256 for package in PACKAGES.values()]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)
    assert len(set(digests)) == len(digests) > 20
    assert all(package.licence and package.version for package in PACKAGES.values())


def test_a_speaker_is_either_trained_or_tested() -> None:
    from pathlib import Path

    armelle = Speaker("asterisk-prompt-fr-armelle", "fr", "armelle")
    june = Speaker("asterisk-core-sounds-fr-wav", "fr", "june")
    assert [each.recording(Path("hello.gsm")).split for each in (armelle, june)] == ["test", "train"]
    assert armelle.recording(Path("hello.gsm")).licence == "GPL-2.0"
