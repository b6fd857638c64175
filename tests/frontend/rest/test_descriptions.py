"""What the descriptions say is what the gateway understands: its routes, its protocols and the words that they know."""

import ast
import inspect
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from openapi_spec_validator import validate

import frontend
from frontend.config.settings import Settings
from frontend.protocols import PROTOCOLS, deepgram, deepgram_form, realtime_session
from frontend.protocols.base import WireProtocol
from frontend.rest import ROUTES, descriptions, exports, openai_form
from frontend.rest import deepgram as prerecorded
from tests.frontend.described import ASYNCAPI, messages, resolved

OPENAPI = descriptions.content("openapi")
FORM = OPENAPI["components"]["schemas"]["TranscriptionForm"]["properties"]
QUERY = r"(?:query|self)\.(?:text|flag|whole)\(\"(\w+)\""

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.profile.name)


def channel(protocol: type[WireProtocol]) -> dict[str, Any]:
    name = protocol.profile.name
    assert name in ASYNCAPI["channels"], "frontend/descriptions/asyncapi.yaml has no channel of this name"
    found: dict[str, Any] = ASYNCAPI["channels"][name]
    return found


def found_in(pattern: str, *modules: ModuleType) -> set[str]:
    return {name for module in modules for name in re.findall(pattern, inspect.getsource(module))}


def test_the_description_of_http_is_as_openapi_wants_it() -> None:
    validate(dict(OPENAPI))


def test_every_route_is_described_and_none_that_does_not_exist() -> None:
    told = {(method.upper(), path) for path, methods in OPENAPI["paths"].items() for method in methods}
    assert told == {(route.method, route.path) for route in ROUTES}


@pytest.mark.parametrize("path", OPENAPI["paths"])
def test_the_parameters_of_a_path_are_those_in_it(path: str) -> None:
    for operation in OPENAPI["paths"][path].values():
        asked = [resolved(each, OPENAPI) for each in operation.get("parameters", ())]
        assert {each["name"] for each in asked if each["in"] == "path"} == set(re.findall(r"{(\w+)}", path))


def test_every_field_of_the_form_is_described() -> None:
    read = found_in(r"form\.(?:text|texts|group)\(\"(\w+)\"", openai_form)
    read |= found_in(r"(?:_choice\(form, |field = )\"(\w+)\"", openai_form)
    assert {name.removesuffix("[]") for name in FORM} == read | {"file"}
    assert set(FORM["response_format"]["enum"]) == set(openai_form.FORMATS)


def test_every_parameter_of_a_query_is_described() -> None:
    listen = OPENAPI["paths"]["/v1/listen"]["post"]["parameters"]
    told = {resolved(each, OPENAPI)["name"] for each in listen}
    assert told == found_in(QUERY, prerecorded, deepgram_form)
    assert set(channel(deepgram.Deepgram)["bindings"]["ws"]["query"]["properties"]) == found_in(
        QUERY, deepgram, deepgram_form
    )
    read = {
        name
        for module in Path(inspect.getfile(exports)).parent.glob("*.py")
        for name in re.findall(r"request\.query\.get\(\"(\w+)\"", module.read_text())
    }
    assert read
    for name in read:
        assert re.search(rf'"name": "{name}", "in": "query"', json.dumps(OPENAPI)), name


def test_what_may_be_chosen_is_described() -> None:
    transcript = OPENAPI["paths"]["/export/transcript/{id}"]["get"]["parameters"][1]["schema"]
    assert tuple(transcript["enum"]) == tuple(exports._FORMATS)
    session = ASYNCAPI["components"]["schemas"]["RealtimeSession"]["properties"]["audio"]["properties"]["input"]
    told = {name: each["properties"] for name, each in session["properties"].items()}
    assert set(told["format"]["type"]["enum"]) == set(realtime_session._FORMATS)
    assert set(told["transcription"]) == set(realtime_session._TRANSCRIPTION)
    assert set(told["transcription"]["delay"]["enum"]) == {*realtime_session._DELAY_SECONDS, None}
    assert set(told["turn_detection"]) == {*realtime_session._VAD, "eagerness"}
    assert set(told["turn_detection"]["eagerness"]["enum"]) == set(realtime_session._EAGERNESS_SECONDS)


def test_every_protocol_has_its_channel_and_its_port() -> None:
    addresses = {protocol.profile.name: protocol.profile.path or None for protocol in PROTOCOLS}
    assert {name: each["address"] for name, each in ASYNCAPI["channels"].items()} == addresses
    ports = {name: int(each["variables"]["port"]["default"]) for name, each in ASYNCAPI["servers"].items()}
    assert ports == {"gateway": Settings().ports.rest, "wyoming": Settings().ports.wyoming}


@every_protocol
def test_every_word_that_a_protocol_knows_is_described(protocol: type[WireProtocol]) -> None:
    """Kinds of messages, and the names of their fields, as its module reads them."""
    known = set(words(ast.parse(Path(inspect.getfile(protocol)).read_text())))
    told = json.dumps([channel(protocol), list(messages(protocol.profile.name, "receive"))])
    assert {word for word in known if f'"{word}"' not in told} == set()


def words(tree: ast.Module) -> list[str]:
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.MatchValue):
            found.append(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            found += node.args[:1]
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In):
            found.append(node.left)
    return [each.value for each in found if isinstance(each, ast.Constant) and isinstance(each.value, str)]


@every_protocol
def test_both_sides_of_a_conversation_say_every_message_of_its_channel(protocol: type[WireProtocol]) -> None:
    there = f"#/channels/{protocol.profile.name}"
    said = [
        reference["$ref"].rpartition("/")[2]
        for operation in ASYNCAPI["operations"].values()
        if operation["channel"]["$ref"] == there
        for reference in operation["messages"]
    ]
    assert sorted(said) == sorted(channel(protocol)["messages"]), "operations receive and send what the channel has"


@pytest.mark.parametrize("described", [OPENAPI, ASYNCAPI], ids=["openapi", "asyncapi"])
def test_a_description_is_of_this_version(described: dict[str, Any]) -> None:
    assert described["info"]["version"] == frontend.__version__


def test_nothing_that_is_shared_in_a_description_is_left_over() -> None:
    for described in (OPENAPI, ASYNCAPI):
        for kind, shared in described["components"].items():
            used = set(re.findall(rf"#/components/{kind}/(\w+)", json.dumps(described)))
            assert kind == "securitySchemes" or set(shared) == used
