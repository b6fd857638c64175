"""The configuration: documented, overridden by the environment, refused when it says something unknown."""

import re
from pathlib import Path

import pytest

from frontend.config import loading as configuration
from frontend.config import settings
from frontend.errors import SettingsError
from frontend.protocols import PROTOCOLS


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    return path


def test_the_bundled_file_says_exactly_the_defaults() -> None:
    assert configuration.load(None, {}) == settings.Settings()


def test_the_ports_that_speak_no_http_are_those_of_protocols_over_plain_connections() -> None:
    plain = [protocol.profile.name for protocol in PROTOCOLS if protocol.profile.transport == "events"]
    assert list(settings.PLAIN_PORTS) == plain
    assert {*plain} <= {*settings.Settings().port_numbers}


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "ports:\n  voice: 9001\n  live: 9002\n")
    loaded = configuration.load(path, {"GATEWAY_PORTS__VOICE": "9003", "HOME": "/"})
    assert (loaded.ports.voice, loaded.ports.live) == (9003, 9002)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("voice:\n  speech_inn: 0.5\n", "unknown key voice.speech_inn"),
        ("voices: {}\n", "unknown section 'voices'"),
        ("ports:\n  voice: eighty\n", "ports.voice must be of type int"),
        ("ports:\n  voice: true\n", "ports.voice must be of type int"),
        ("ports:\n  voice: 8000\n", "two listeners share a port"),
        ("voice:\n  speech_out_probability: 0.9\n", "speech_out_probability <= speech_in_probability"),
        ("server:\n  drain_seconds: -1\n", "server.drain_seconds must be"),
        ("server:\n  drain_seconds: .nan\n", "server.drain_seconds must be"),
        ("server:\n  allowed_origins: all\n", "server.allowed_origins must be a list of strings"),
        ("server:\n  allowed_origins: [page.example]\n", "server.allowed_origins must hold scheme://host"),
        ("server:\n  allowed_origins: ['https://page.example/']\n", "without a path"),
        ("deepgram:\n  url_origins: ['https://files.example/x']\n", "deepgram.url_origins must hold https://host"),
        ("deepgram:\n  url_origins: ['https://Files.example:443']\n", "must hold 'https://files.example' in place of"),
        ("deepgram:\n  url_origins: ['https://files.example:x']\n", "'https://files.example:x' is no origin"),
        ("deepgram:\n  url_origins: ['ftp://files.example']\n", "deepgram.url_origins must hold https://host"),
        ("server:\n  allowed_hosts: ['https://speech.example']\n", "server.allowed_hosts must hold names"),
        ("server:\n  allowed_hosts: ['speech.example:80']\n", "server.allowed_hosts must hold names"),
        ("admin:\n  enabled: true\n  port: 8000\n", "two listeners share a port"),
        ("admin:\n  enabled: true\n  port: 70000\n", "admin.port must be at most 65535"),
        ("keys:\n  without: [live]\n", "keys.without names 'live': there is only wyoming"),
        (
            "server:\n  json_metrics_ports: ['8000']\n",
            "server.json_metrics_ports names '8000': there is only admin, live, rest",
        ),
        ("keys:\n  show_seconds: 0\n", "keys.show_seconds must be more than 0"),
        ("ports:\n  voice: 70000\n", "ports.voice must be at most 65535"),
        ("batching:\n  vad_rows: 0\n", "batching.vad_rows must be more than 0"),
        ("triton:\n  max_in_flight: 0\n", "triton.max_in_flight must be more than 0"),
        ("voice:\n  verify_hop_seconds: 0.0\n", "voice.verify_hop_seconds must be more than 0"),
        ("limits:\n  held_bytes: 1073741824\n", "limits.held_bytes must be more than"),
        ("log:\n  level: LOUD\n", "log.level must be"),
        ("- a list\n", "must hold sections"),
        ("server: 3\n", "section 'server' must hold keys"),
        ("a: [\n", "cannot read the configuration file"),
        ("log:\n  level: 2024-02-31\n", "cannot read the configuration file"),
        ("log: !!timestamp never\n", "cannot read the configuration file"),
        ("[" * 1000, "cannot read the configuration file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(words)):
        configuration.load(write(tmp_path, text), {})


@pytest.mark.parametrize("line", ["  clients: ['a:SECRET'", "  api_key: SECRET: KEY"])
def test_a_mistake_does_not_show_the_key_beside_it(tmp_path: Path, line: str) -> None:
    with pytest.raises(SettingsError, match=r"is no YAML in line \d") as refused:
        configuration.load(write(tmp_path, f"keys:\n{line}\n"), {})
    assert "SECRET" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--config"):
        configuration.load(tmp_path / "none.yaml", {})


@pytest.mark.parametrize("name", ["GATEWAY_PORTS", "GATEWAY_PORTS__NONE", "GATEWAY_NONE__X"])
def test_an_override_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(SettingsError):
        configuration.load(None, {name: "1"})


def test_an_empty_section_means_its_defaults(tmp_path: Path) -> None:
    assert configuration.load(write(tmp_path, "server:\n"), {}) == settings.Settings()


@pytest.mark.parametrize(("workers", "told"), [("0", "more than 0"), ("65", "at most 64"), ("two", "of type int")])
def test_a_number_of_workers_that_cannot_be_is_refused(workers: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        configuration.load(None, {"GATEWAY_SERVER__WORKERS": workers})
