"""What all answers over HTTP have in common: who may read them, what they say of the server, slashes in their paths."""

import json
import urllib.error
import urllib.request

from tests.gateway.rest import post_json
from tests.gateway_server import GatewayAddress

MATCH = "/voice_template_matcher/match_voice_templates"


def test_browsers_of_other_origins_may_call(gateway: GatewayAddress) -> None:
    headers = {"Origin": "https://example.test", "Access-Control-Request-Method": "POST"}
    request = urllib.request.Request(gateway.http(MATCH), headers=headers, method="OPTIONS")
    with urllib.request.urlopen(request) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "POST" in response.headers["Access-Control-Allow-Methods"]
    request = urllib.request.Request(gateway.http("/health"), headers={"Origin": "https://example.test"})
    with urllib.request.urlopen(request) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Access-Control-Expose-Headers"] == "X-Connection-Id"


def test_a_slash_at_the_end_of_a_path_changes_nothing(gateway: GatewayAddress) -> None:
    assert gateway.get("/core/get_build_info/") == gateway.get("/core/get_build_info")
    status, body = post_json(gateway, f"{MATCH}/", {})
    assert (status, json.loads(body)["message"]) == (400, "template1 must be a string")
    assert gateway.get("/nothing/here/")[0] == 404


def test_an_answer_does_not_say_what_it_was_made_with(gateway: GatewayAddress) -> None:
    for path in ("/health", "/nothing/here", "/ws"):
        request = urllib.request.Request(gateway.http(path))
        try:
            with urllib.request.urlopen(request) as response:
                headers = response.headers
        except urllib.error.HTTPError as e:
            headers = e.headers
        assert headers["Server"] == "speech-gateway"
