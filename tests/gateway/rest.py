"""A small client of the gateway's REST endpoints."""

import contextlib
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.client import HTTPMessage
from types import MappingProxyType
from typing import Any

from frontend.speech import Samples
from tests.gateway_server import GatewayAddress

TEMPLATES = "/voice_template_factory/create_voice_template_from_"
BOUNDARY = "a-boundary-of-parts"


def post(gateway: GatewayAddress, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    request = urllib.request.Request(gateway.http(path), body, dict(headers), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60, context=gateway.whoever) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


def post_file(gateway: GatewayAddress, path: str, file: bytes, part: str = "wav_file") -> tuple[int, bytes]:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{part}"; filename="a.wav"\r\n\r\n'
    body = head.encode() + file + f"\r\n--{BOUNDARY}--\r\n".encode()
    return post(gateway, path, body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})


def post_samples(gateway: GatewayAddress, path: str, samples: Samples, rate: int = 16000) -> tuple[int, bytes]:
    headers = {"Content-Type": "application/octet-stream"}
    return post(gateway, f"{path}?sample_rate={rate}", samples.tobytes(), headers)


def post_json(gateway: GatewayAddress, path: str, body: Any) -> tuple[int, bytes]:
    return post(gateway, path, json.dumps(body).encode(), {"Content-Type": "application/json"})


def template_of(gateway: GatewayAddress, samples: Samples) -> str:
    status, body = post_samples(gateway, TEMPLATES + "samples", samples)
    assert status == 200, body
    return body.decode()


def ask(
    gateway: GatewayAddress,
    path: str,
    method: str = "GET",
    headers: Mapping[str, str] = MappingProxyType({}),
    port: str = "rest",
) -> tuple[int, bytes, HTTPMessage]:
    """Status, body and headers of the answer to a request with exactly these headers."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.ports[port], timeout=30)
    with contextlib.closing(connection):
        connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.read(), response.headers
