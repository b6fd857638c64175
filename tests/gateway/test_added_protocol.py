"""What `docs/adding-a-protocol.md` says, done in a copy of the house: a file, a line, and it is served and tested."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import connect

from tests import pages
from tests.gateway_server import running_gateway
from tests.triton_server import ROOT, TritonAddress
from tests.voices import TEXT, say, silence

# What its own test and the rules for all protocols need.
COPIED, LINKED = ("frontend", "tests"), ("docker", "docs", "export", "model_repository", "pyproject.toml")
RULES = (
    "tests/frontend/protocols/test_share.py",
    "tests/frontend/protocols/test_base.py",
    "tests/frontend/connection/test_door.py",
    "tests/frontend/connection/test_session_answers.py",
    "tests/frontend/rest/test_descriptions.py",
    "tests/test_house.py",
    "tests/test_documentation.py",
)
MISSED = [
    "tests/frontend/protocols/test_share.py::test_half_of_what_came_was_loud",
    "tests/frontend/protocols/test_base.py::test_garbage_never_raises_and_lock_step_clients_get_one_answer_a_message",
    "tests/frontend/rest/test_descriptions.py::test_every_word_that_a_protocol_knows_is_described",
    "tests/frontend/rest/test_descriptions.py::test_both_sides_of_a_conversation_say_every_message_of_its_channel",
    "tests/test_documentation.py::test_every_socket_has_its_page",
]
CHOSEN = "share or circle or (stands_before and protocols) or half_of_what_came"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This house with one protocol more."""
    house = tmp_path_factory.mktemp("house")
    for name in COPIED:
        shutil.copytree(
            ROOT / name, house / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__", "*.png")
        )
    for name in LINKED:
        (house / name).symlink_to(ROOT / name)
    protocol, test = (content for kind, content in pages.blocks(ROOT / "docs/adding-a-protocol.md") if kind == "python")
    (house / "frontend/protocols/share.py").write_text(protocol)
    (house / "tests/frontend/protocols/test_share.py").write_text(test)
    listed = house / "frontend/protocols/__init__.py"
    imports, name, rest = listed.read_text().partition("PROTOCOLS:")
    last_line = rest.rindex("\n)")
    entry = f"{rest[:last_line]}\n    Share,{rest[last_line:]}"
    listed.write_text(f"{imports}from frontend.protocols.share import Share\n\n{name}{entry}")
    for command in (["init", "-q"], ["add", *COPIED]):  # the rules look at the files that git knows
        subprocess.run(["git", *command], cwd=house, check=True)
    return house


def test_the_example_is_served_by_the_real_gateway(house: Path, triton: TritonAddress, tmp_path: Path) -> None:
    spoken = np.concatenate([silence(1.0), say(TEXT)])
    with (
        running_gateway(triton, tmp_path, house=house) as gateway,
        connect(gateway.ws("/share")) as socket,
    ):
        socket.send(spoken.tobytes())
        per_cent, _, sign = str(socket.recv()).partition(" ")
        socket.send("hello")
        refusal = socket.recv()
        assert gateway.metric('gateway_errors_total{code="protocol",protocol="share"}') == 1
        socket.send("bye")
        with pytest.raises(ConnectionClosedOK):
            socket.recv()
    assert sign == "%"
    assert 40 < int(per_cent) < 95
    assert refusal == "say bye or send audio"


def test_its_own_test_and_the_rules_hold_and_only_its_page_and_description_are_missed(house: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", CHOSEN, *RULES]
    told = subprocess.run(command, cwd=house, capture_output=True, text=True, timeout=120).stdout
    missed = [line.split()[1].partition("[")[0] for line in told.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert missed == MISSED, told
    assert "no page in docs/protocols tells of this path" in told
    assert "frontend/descriptions/asyncapi.yaml has no channel of this name" in told
    assert "frontend/descriptions/asyncapi.yaml has no such message of this channel" in told
