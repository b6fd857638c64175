"""Keys: whose they are, where a request carries them, and that they are never shown."""

import pytest
from multidict import CIMultiDict

from frontend.config.keys import Keyring, key_in
from frontend.config.loading import load
from frontend.config.settings import Settings
from frontend.errors import SettingsError

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


@pytest.mark.parametrize("name", ["key", "KEY", "Authorization", "authorization"])
@pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer "])
def test_a_request_carries_its_key_in_one_of_two_headers(name: str, scheme: str) -> None:
    assert key_in(CIMultiDict({name: scheme + SECRET})) == SECRET
    assert key_in(CIMultiDict({name: ""})) is None


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
