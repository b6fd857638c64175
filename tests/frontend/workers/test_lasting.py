"""What a worker that starts later reads is taken, but for what all workers share."""

import dataclasses
import json
from pathlib import Path

import pytest

from frontend.config.settings import Admin, Exports, Ports, Server, Settings
from frontend.workers.lasting import kept, lasting

BEFORE = Settings(server=Server(workers=4, drain_seconds=5.0), exports=Exports(directory="before"))


def test_what_all_workers_share_stays_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    server = dataclasses.replace(BEFORE.server, workers=1, drain_seconds=60.0, max_connections=7)
    read = Settings(server=server, exports=Exports(directory="after"), admin=Admin(enabled=True), ports=Ports(voice=1))
    found = kept(read, json.loads(json.dumps(lasting(BEFORE))))
    assert found == dataclasses.replace(BEFORE, server=dataclasses.replace(BEFORE.server, max_connections=7))
    (record,) = caplog.records
    told = str(record.__dict__)
    assert all(name in told for name in ("server.workers", "server.drain_seconds", "ports.voice", "admin.enabled"))
    assert "max_connections" not in told


def test_where_nothing_of_it_changed_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    assert kept(BEFORE, lasting(BEFORE)) == BEFORE
    assert kept(BEFORE, {}) == BEFORE  # who serves alone was given nothing
    assert not caplog.text


def test_the_operators_guide_names_each(request: pytest.FixtureRequest) -> None:
    guide = Path(request.config.rootpath, "docs", "operations.md").read_text(encoding="utf-8")
    (sentence,) = (each for each in guide.split("\n\n") if each.startswith("**SIGTERM** to the parent"))
    parts = lasting(BEFORE)
    assert "`ports`" in sentence
    assert "`admin`" in sentence
    assert all(f"`{part}.{key}`" in sentence for part in ("server", "exports") for key in parts[part])
