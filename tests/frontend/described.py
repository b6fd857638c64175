"""What the descriptions say of messages, for whoever compares it with those that are sent."""

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator

from frontend.rest.descriptions import content

ASYNCAPI = content("asyncapi")


def resolved(value: Mapping[str, Any], described: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in value:
        found: Any = described
        for key in value["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        value = found
    return value


def messages(channel: str, action: str) -> Iterator[Mapping[str, Any]]:
    """Those of a channel that the gateway receives, or sends."""
    for operation in ASYNCAPI["operations"].values():
        if operation["channel"]["$ref"] == f"#/channels/{channel}" and operation["action"] == action:
            yield from (resolved(reference, ASYNCAPI) for reference in operation["messages"])


def is_described(channel: str, text: str) -> bool:
    """Whether the gateway may send this."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return any(schema.is_valid(text if as_text else value) for as_text, schema in _schemas(channel))


@functools.cache
def _schemas(channel: str) -> Sequence[tuple[bool, Draft202012Validator]]:
    """Of what the gateway sends; whether it is no JSON, and what it must be like."""
    components = {"components": ASYNCAPI["components"]}
    return [
        (each.get("contentType", "").startswith("text/"), Draft202012Validator({**each["payload"], **components}))
        for each in messages(channel, "send")
    ]
