"""Which protocol an upgrade is for: a table of paths and ports."""

import pytest

from frontend.connection.paths import Paths
from frontend.errors import NotFoundError
from frontend.protocols import WEBSOCKETS
from frontend.protocols.base import WireProtocol
from frontend.rest import ROUTES

PATHS = Paths(route.path for route in ROUTES)


@pytest.mark.parametrize("protocol", WEBSOCKETS, ids=lambda protocol: protocol.profile.name)
@pytest.mark.parametrize("port", ["whisper", "live", "rest", "voice", "transcribe", "vosk"])
def test_a_path_means_its_protocol_on_every_port_with_or_without_a_slash(
    protocol: type[WireProtocol], port: str
) -> None:
    for path in (protocol.profile.path, f"{protocol.profile.path}/"):
        assert PATHS.protocol(path, port) is protocol


@pytest.mark.parametrize(
    ("path", "port", "name"),
    [
        ("/", "live", "live"),
        ("/", "whisper", "whisper"),
        ("/", "voice", "first_frame"),
        ("/anything", "live", "live"),
        ("/my/live", "live", "live"),
        ("/live/en", "live", "live"),
        ("/livestream", "live", "live"),
        ("/anything/at/all", "rest", "first_frame"),
        ("/websocket", "live", "live"),
        ("/ws/whisper", "whisper", "whisper"),
        ("/speech", "whisper", "whisper"),
    ],
)
def test_what_no_protocol_names_belongs_to_the_owner_of_the_port(path: str, port: str, name: str) -> None:
    assert PATHS.protocol(path, port).profile.name == name


@pytest.mark.parametrize("port", ["live", "voice"])
@pytest.mark.parametrize(
    "path",
    [
        "/speech_summary_streams",
        "/Speech_Summary_Stream",
        "/speech-endpoint-detector",
        "/speech_summary_stream/v1",
        "/voice_verify",
        "/ws/transcribe2",
        "/whisper/large",
        "/export",
        "/exports/audio",
        "/healthz",
        "/metrics/",
        "/core/get_build_info",
        "//speech_summary_stream",
        "//ws/transcribe/",
    ],
)
def test_what_looks_like_a_path_of_ours_never_becomes_a_live_transcription(path: str, port: str) -> None:
    with pytest.raises(NotFoundError):
        PATHS.protocol(path, port)
