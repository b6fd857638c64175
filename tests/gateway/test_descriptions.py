"""The descriptions are served, are what the world expects of such, and hold for whatever they allow to be asked."""

import json
import re
from typing import Any

import jsonschema
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi import checks

from frontend.rest import ROUTES
from frontend.rest.descriptions import content
from frontend.rest.page import FILES
from tests.gateway.rest import ask
from tests.gateway_server import GatewayAddress
from tests.sounds import wav
from tests.triton_server import ROOT
from tests.voices import silence

OPENAPI = schemathesis.openapi.from_dict(dict(content("openapi")))
SOCKETS = {each["address"] for each in content("asyncapi")["channels"].values()}
ASYNCAPI_3 = ROOT / "tests/node/node_modules/@asyncapi/specs/schemas/3.0.0.json"
UNTOLD: dict[str, Any] = {
    name: getattr(checks, name)
    for name in (
        "positive_data_acceptance",
        "allow_header_conformance",
        "unsupported_method",
        "negative_data_rejection",
    )
}
# The same on every run; a few of each kind, for most are decoded in processes.
FEW = settings(
    max_examples=5,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# Where a file is wanted, often one is sent; in which nobody speaks, for what is said is tested elsewhere.
schemathesis.openapi.format("binary", st.one_of(st.just(wav(silence(0.5))), st.binary(max_size=99)))


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
def test_a_description_is_served_in_both_forms_and_to_everybody(gateway: GatewayAddress, name: str) -> None:
    status, body, headers = ask(gateway, f"/docs/{name}.json", headers={"Origin": "http://elsewhere"})
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert json.loads(body) == yaml.safe_load(ask(gateway, f"/docs/{name}.yaml")[1]) == content(name)


def test_what_is_no_description_is_told(gateway: GatewayAddress) -> None:
    status, body, _ = ask(gateway, "/docs/soap.xml")
    assert status == 404
    assert json.loads(body)["message"].startswith("there are openapi and asyncapi")


def test_the_description_of_sockets_is_as_asyncapi_wants_it(gateway: GatewayAddress) -> None:
    described = json.loads(ask(gateway, "/docs/asyncapi.json")[1])
    jsonschema.validate(described, json.loads(ASYNCAPI_3.read_text()))


def test_the_page_tells_of_every_endpoint_and_socket_and_takes_nothing_from_elsewhere(gateway: GatewayAddress) -> None:
    status, body, headers = ask(gateway, "/docs/")
    page = body.decode()
    assert status == 200
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "<script" not in page
    assert "style=" not in page
    for target in re.findall(r'(?:href|src)="([^"]+)"', page):
        assert ask(gateway, target)[0] == 200, target
        assert target.startswith("/")
    told = set(re.findall(r"<code>(.*?)</code>", page))
    assert told >= {f"{route.method} {route.path}" for route in ROUTES}
    assert told >= SOCKETS - {None}
    assert "descriptions.css" in FILES


@OPENAPI.parametrize()
@FEW
def test_whatever_may_be_asked_is_answered_as_it_is_described(
    case: schemathesis.Case[Any], gateway: GatewayAddress
) -> None:
    """Whether it is sound, a template or a language that the recogniser knows, no schema says: it may be refused."""
    excluded = [UNTOLD["positive_data_acceptance"]]
    if case.operation.path in SOCKETS:  # GET is a socket's there; and parameters that say nothing are not looked at
        excluded += UNTOLD.values()
    if case.media_type == "multipart/form-data":  # whose parts are bytes, whatever they should be
        excluded.append(UNTOLD["negative_data_rejection"])
    case.validate_response(case.call(base_url=gateway.http(""), timeout=60), excluded_checks=excluded)
