"""Keys: whose they are, and that they are never shown."""

import pytest

from frontend.config.loading import load
from frontend.config.settings import Settings
from frontend.errors import SettingsError
from frontend.keys.hashed import hashed
from frontend.keys.keyring import Keyring

SECRET = "an-unspeakable-key"


def test_a_key_belongs_to_its_name() -> None:
    keys = Keyring((f"alice:{SECRET}", "bob:with:colons"))
    assert keys
    assert keys.name_of(SECRET) == "alice"
    assert keys.name_of("with:colons") == "bob"
    for wrong in ("", "alice", SECRET + "x", SECRET[:-1], "ü\udcff"):
        assert keys.name_of(wrong) is None


def test_without_keys_nobody_needs_one() -> None:
    assert not Keyring(())
    assert Keyring(()).name_of("") is None


def test_where_key_files_are_configured_a_key_is_needed_even_when_they_hold_none() -> None:
    keys = Keyring(filed=())
    assert keys
    assert keys.name_of("") is None


def test_exchanged_keys_are_good_at_once_and_those_before_no_more() -> None:
    keys = Keyring(("alice:1",), [hashed("bob", "2", "0a"), hashed("bob", "3", "0b")])
    assert [keys.name_of(key) for key in "123"] == ["alice", "bob", "bob"]
    keys.exchange([hashed("carol", "4", "0a")])
    assert [keys.name_of(key) for key in "1234"] == ["alice", None, None, "carol"]


def test_a_key_that_is_far_too_long_is_not_worth_hashing() -> None:
    long = "x" * 1025
    assert Keyring(filed=[hashed("alice", long, "0a")]).name_of(long) is None
    with pytest.raises(SettingsError, match="at most 1024"):
        load(None, {"SERVER_API_KEY": long})


def test_keys_come_from_the_settings_and_the_environment() -> None:
    environ = {"GATEWAY_KEYS__CLIENTS": '["alice:1"]', "SERVER_API_KEY": SECRET}
    loaded = load(None, environ)
    assert Keyring(loaded.keys.clients).name_of(SECRET) == "server"
    assert Keyring(loaded.keys.clients).name_of("1") == "alice"
    assert SECRET not in repr(loaded)
    assert load(None, {"SERVER_API_KEY": ""}) == Settings()


@pytest.mark.parametrize("value", [f'["{SECRET}"]', f'[":{SECRET}"]', '["alice:"]', f"{SECRET}", f"{{{SECRET}: 1}}"])
def test_a_key_that_cannot_be_used_is_refused_but_not_repeated(value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(None, {"GATEWAY_KEYS__CLIENTS": value})
    assert SECRET not in str(refused.value)


def test_a_name_stands_for_one_key_only() -> None:
    with pytest.raises(SettingsError, match="twice"):
        load(None, {"GATEWAY_KEYS__CLIENTS": '["a:1", "a:2"]'})
