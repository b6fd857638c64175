"""The descriptions as a page to read: plain HTML, from here alone."""

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_Object = Mapping[str, Any]
# Whose the way of a message is, as operations name it from the gateway's side.
_FROM = {"receive": "clients send", "send": "the gateway sends"}

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Speech gateway: its interfaces</title>
<link rel="icon" href="/page/icon.svg">
<link rel="stylesheet" href="/page/style.css">
<link rel="stylesheet" href="/page/descriptions.css">
</head>
<body>
<main>
<h1>What this gateway understands</h1>
<p>For programs: <a href="/docs/openapi.json">OpenAPI</a> (<a href="/docs/openapi.yaml">YAML</a>) and
<a href="/docs/asyncapi.json">AsyncAPI</a> (<a href="/docs/asyncapi.yaml">YAML</a>). <a href="/">Speak to it.</a></p>
"""
_TAIL = "</main>\n</body>\n</html>\n"


def written(openapi: _Object, asyncapi: _Object) -> str:
    return _HEAD + "\n".join([*_over_http(openapi), *_over_sockets(asyncapi)]) + _TAIL


def _over_http(described: _Object) -> Iterator[str]:
    yield f"<h2>Over HTTP</h2>\n<p>{_text(described['info']['description'])}</p>"
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    for tag in described["tags"]:
        yield f"<h3>{_text(tag['name'])}</h3>\n<p>{_text(tag['description'])}</p>"
        for name, operation in operations:
            if operation["tags"] == [tag["name"]]:
                yield from _operation(name, operation, described)


def _operation(name: str, operation: _Object, described: _Object) -> Iterator[str]:
    told = f"{operation['summary']} {operation.get('description', '')}"
    yield f"<h4><code>{_text(name)}</code></h4>\n<p>{_text(told)}</p>"
    asked = [_resolved(each, described) for each in operation.get("parameters", ())]
    rows = [(each["name"], each["in"], _shape(each["schema"], described), each.get("description")) for each in asked]
    body = _resolved(operation.get("requestBody", {}), described).get("content", {})
    for kind, form in body.items():
        schema = _resolved(form["schema"], described)
        fields = schema.get("properties") or {"(the body)": schema}
        rows += [(key, kind, _shape(each, described), each.get("description")) for key, each in fields.items()]
    if rows:
        yield _table(("name", "in", "what it is", ""), rows)
    answers = [
        (status, " ".join(answer.get("content", ())), answer["description"])
        for status, answer in ((key, _resolved(each, described)) for key, each in operation["responses"].items())
    ]
    yield _table(("status", "kind", ""), answers)


def _over_sockets(described: _Object) -> Iterator[str]:
    yield f"<h2>Over sockets</h2>\n<p>{_text(described['info']['description'])}</p>"
    for name, channel in described["channels"].items():
        address = channel["address"] or f"{name}, on the port of its name"
        yield f"<h3><code>{_text(address)}</code></h3>\n<p>{_text(channel['description'])}</p>"
        query = channel.get("bindings", {}).get("ws", {}).get("query", {}).get("properties", {})
        if query:
            rows = [(key, _shape(each, described), each.get("description")) for key, each in query.items()]
            yield _table(("in the query", "what it is", ""), rows)
        yield _table(("", "", "for example"), list(_messages(name, described)))


def _messages(channel: str, described: _Object) -> Iterator[Sequence[Any]]:
    for operation in described["operations"].values():
        if operation["channel"]["$ref"] == f"#/channels/{channel}":
            for reference in operation["messages"]:
                message = _resolved(_resolved(reference, described), described)
                shown = [each["payload"] for each in message.get("examples", ())]
                example = (shown[0] if isinstance(shown[0], str) else json.dumps(shown[0])) if shown else ""
                yield _FROM[operation["action"]], message["summary"], example


def _shape(schema: _Object, described: _Object) -> str:
    """Of a value, in a few words."""
    schema = _resolved(schema, described)
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_shape(schema.get('items', {}), described)}"
    kinds = schema.get("type", "anything")
    least, most = schema.get("minimum"), schema.get("maximum")
    within = f" from {least} to {most}" if least is not None and most is not None else ""
    return f"{' or '.join(kinds) if isinstance(kinds, list) else kinds}{within}"


def _resolved(value: _Object, described: _Object) -> _Object:
    reference = value.get("$ref")
    if reference is None:
        return value
    for key in reference.removeprefix("#/").split("/"):
        described = described[key]
    return described


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    columns = "".join(f"<th>{_text(each)}</th>" for each in head)
    lines = "\n".join("<tr>" + "".join(f"<td>{_text(each)}</td>" for each in row) + "</tr>" for row in rows)
    return f"<table>\n<tr>{columns}</tr>\n{lines}\n</table>"


def _text(value: Any) -> str:
    return html.escape(str(value or ""))
