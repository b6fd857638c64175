"""The proxy as docker/compose.yaml configures it, in front of a gateway: what goes through, and what does not."""

import contextlib
import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import websockets

from tests.docker.test_images import compose
from tests.gateway.rest import BOUNDARY
from tests.gateway_server import GatewayAddress, running_gateway, stop
from tests.triton_server import ROOT, TritonAddress, free_ports, wait_until
from tests.voices import say

CADDY = str(Path(sys.executable).with_name("caddy"))
CADDYFILE = ROOT / "docker" / "proxy" / "Caddyfile"


@dataclass(frozen=True)
class Proxy:
    host: str
    trusting: ssl.SSLContext
    gateway: GatewayAddress

    def ask(
        self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        request = urllib.request.Request(f"https://{self.host}{path}", body, dict(headers or {}))
        try:
            with urllib.request.urlopen(request, timeout=60, context=self.trusting) as response:
                return response.status, response.read(), dict(response.headers)
        except urllib.error.HTTPError as e:
            return e.code, e.read(), dict(e.headers)


@contextlib.contextmanager
def proxied(gateway: GatewayAddress, place: Path) -> Iterator[Proxy]:
    """With an authority of its own, as it has for localhost."""
    http, https = free_ports(2)
    host, root = f"localhost:{https}", place / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    environment = {
        **os.environ,
        **{"SITE": f"https://{host}", "HTTP_PORT": str(http), "GATEWAY": f"127.0.0.1:{gateway.ports['rest']}"},
        **{"XDG_DATA_HOME": str(place), "XDG_CONFIG_HOME": str(place)},
    }
    with (place / "log").open("wb") as log:
        process = subprocess.Popen([CADDY, "run", "--config", str(CADDYFILE)], env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: b"certificate obtained successfully" in (place / "log").read_bytes(), 60)
        yield Proxy(host, ssl.create_default_context(cafile=str(root)), gateway)
    finally:
        stop(process)


@pytest.fixture(scope="module")
def proxy(triton: TritonAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    settings = {"GATEWAY_SERVER__TRUSTED_PROXIES": "[127.0.0.1]", "GATEWAY_LIMITS__UPLOAD_BYTES": "4000000"}
    with (
        running_gateway(triton, tmp_path_factory.mktemp("gateway"), settings) as gateway,
        proxied(gateway, tmp_path_factory.mktemp("proxy")) as proxy,
    ):
        yield proxy


async def test_a_socket_goes_through_and_the_client_is_known_by_its_own_address(proxy: Proxy) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9"}
    url = f"wss://{proxy.host}/speech_summary_stream"
    async with websockets.connect(url, ssl=proxy.trusting, additional_headers=forged) as socket:
        await socket.send("16000")
        assert await socket.recv() == "200"
        await socket.send(say("good morning").tobytes())
        assert json.loads(await socket.recv())["speech_length"] > 0
        connection = socket.response.headers["X-Connection-Id"] if socket.response else ""
    lines = [line for line in proxy.gateway.log_file.read_text().splitlines() if connection in line]
    assert any("connected" in line and "address=127.0.0.1" in line for line in lines)
    assert not any("203.0.113.9" in line for line in lines)


async def test_the_gateways_own_close_goes_through(proxy: Proxy) -> None:
    async with websockets.connect(f"wss://{proxy.host}/live", ssl=proxy.trusting) as socket:
        await socket.send('{"config": {"sample_rate": 1}}')
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1003


def form(fields: Mapping[str, str], file: bytes) -> tuple[bytes, Mapping[str, str]]:
    begin = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    parts = [f'{begin}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    head = "".join(parts) + f'{begin}"file"; filename="a.wav"\r\n\r\n'
    body = head.encode() + file + f"\r\n--{BOUNDARY}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def test_a_recording_goes_up_and_its_events_come_down(proxy: Proxy) -> None:
    body, headers = form({"model": "whisper-1", "stream": "true"}, (ROOT / "tests" / "hello.wav").read_bytes())
    status, events, told = proxy.ask("/v1/audio/transcriptions", body, headers)
    assert (status, told["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    assert b"transcript.text.done" in events


def test_the_gateways_limits_and_errors_go_through(proxy: Proxy) -> None:
    body, headers = form({"model": "whisper-1"}, bytes(6_000_000))
    status, answer, _ = proxy.ask("/v1/audio/transcriptions", body, headers)
    assert status == 413
    assert json.loads(answer)["error"]["code"] == "limit"


def test_what_is_for_operators_stays_inside(proxy: Proxy) -> None:
    assert proxy.ask("/metrics")[0] == 404
    assert proxy.ask("/metrics/")[0] == 404
    assert proxy.ask("/export")[0] == 401, "who asks through the proxy is not from here"
    status, _, headers = proxy.ask("/health")
    assert (status, headers["Strict-Transport-Security"]) == (200, "max-age=31536000")


def test_it_is_believed_by_the_address_that_compose_gives_it() -> None:
    services = compose()["services"]
    address = services["proxy"]["networks"]["default"]["ipv4_address"]
    assert services["gateway"]["environment"]["GATEWAY_SERVER__TRUSTED_PROXIES"] == f"[{address}]"
    assert services["proxy"]["volumes"][0].split(":")[0] == "./proxy/Caddyfile"
    version = subprocess.run([CADDY, "version"], capture_output=True, text=True, check=True).stdout.split()[0]
    assert services["proxy"]["image"] == f"caddy:{version.removeprefix('v')}", "it is tested in this release"


def test_its_configuration_is_written_as_it_should_be() -> None:
    subprocess.run([CADDY, "fmt", "--diff", str(CADDYFILE)], check=True, capture_output=True)
