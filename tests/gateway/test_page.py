"""The page for browsers, in a real Chromium whose microphone plays a person's voice."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from tests import readings
from tests.chromium import Page, browsing
from tests.gateway.rest import ask
from tests.gateway_server import GatewayAddress, running_gateway
from tests.sounds import wav
from tests.triton_server import ROOT, TritonAddress
from tests.voices import silence

WIDE, NARROW = (1200, 800), (390, 844)
AXE = (ROOT / "tests" / "node" / "node_modules" / "axe-core" / "axe.min.js").read_text()
TABS = ("captions", "language", "voice", "endpoint")
TEXT = "document.getElementById('text').innerText.toLowerCase().replace(/[^a-z ]+/g, ' ').replace(/ +/g, ' ')"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Somebody reads, pauses, and reads again for as long as we listen."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "microphone.wav").write_bytes(wav(np.concatenate([*readings.parts(), silence(1.5)])))
    with browsing(folder / "profile", folder / "microphone.wav") as page:
        yield page


@pytest.fixture(autouse=True)
def fresh(page: Page) -> Iterator[None]:
    """Nothing is complained about, and nobody else is asked."""
    page.complaints.clear()
    page.requests.clear()
    yield
    assert not page.complaints
    assert {urlsplit(request).hostname for request in page.requests} <= {"127.0.0.1"}


def found_by_axe(page: Page) -> list[str]:
    """What shuts somebody out."""
    page.value(f"{AXE}; undefined")
    found = page.value("axe.run().then(({ violations }) => violations.map(({ id, impact }) => `${impact}: ${id}`))")
    return [each for each in found if each.startswith(("serious", "critical"))]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_what_a_person_says_becomes_captions(gateway: GatewayAddress, page: Page, size: tuple[int, int]) -> None:
    page.open(gateway.http("/"), *size)
    page.click("#captions-microphone")
    page.until("document.getElementById('partial').textContent.length > 10")
    for part in readings.PARTS:
        page.until(f"{TEXT}.includes({json.dumps(part)})")
    word = page.value("document.querySelector('#text span').title")
    assert "% sure, at " in word
    assert page.value("document.getElementById('captions-latency').textContent").endswith(" s")
    assert page.value("document.documentElement.scrollWidth <= innerWidth"), "it is scrolled sideways"
    page.value("document.querySelector('#text span').click()")
    assert page.value("document.getElementById('captions-word').textContent.startsWith('It ')")
    page.value("document.getElementById('text').focus()")
    page.press("ArrowRight")
    assert page.value("document.getElementById('captions-word').textContent").startswith("was ")
    back = "new KeyboardEvent('keydown', { key: 'ArrowLeft', altKey: true, cancelable: true })"
    assert page.value(f"document.getElementById('text').dispatchEvent({back})"), "the browser's own keys are taken"
    assert page.value("document.getElementById('captions-word').textContent").startswith("was ")
    assert not found_by_axe(page)
    page.click("#captions-microphone")
    page.until("document.getElementById('captions-microphone').textContent === 'Speak'")
    assert page.value("[...document.querySelectorAll('[data-format]')].every((button) => !button.disabled)")
    page.click("#captions-clear")
    assert page.value("document.querySelectorAll('#text span').length") == 0


def test_a_recording_becomes_captions_that_can_be_saved(gateway: GatewayAddress, page: Page, tmp_path: Path) -> None:
    (tmp_path / "reading.wav").write_bytes(wav(np.concatenate(readings.parts())))
    page.open(gateway.http("/"))
    page.give("#captions-file", tmp_path / "reading.wav")
    page.until(f"{TEXT}.includes({json.dumps(readings.PARTS[0])})")
    page.until("document.getElementById('captions-heard').textContent === 'English'")
    page.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    for name, begin in (("txt", "It was"), ("srt", "1\n00:00:0"), ("vtt", "WEBVTT\n\n00:00:0")):
        page.click(f"[data-format={name}]")
        saved = tmp_path / f"captions.{name}"
        while not saved.exists():
            page.value("new Promise((done) => setTimeout(done, 50))")
        assert saved.read_text().startswith(begin)


def test_what_is_no_recording_is_told(gateway: GatewayAddress, page: Page, tmp_path: Path) -> None:
    (tmp_path / "none.wav").write_bytes(b"no sound at all")
    page.open(gateway.http("/"))
    page.give("#captions-file", tmp_path / "none.wav")
    page.until("!document.getElementById('trouble').hidden")
    assert page.value("document.getElementById('trouble').textContent").startswith("The gateway answered: ")
    page.complaints.clear()  # the browser notes that a request was answered with 400


def test_the_language_of_what_is_said_is_told(gateway: GatewayAddress, page: Page) -> None:
    page.open(gateway.http("/"))
    page.click("#tab-language")
    page.click("#language-microphone")
    answer = page.until("document.getElementById('language-answer').textContent.match(/.*% sure/)?.[0]")
    assert answer.startswith("English, ")


def test_a_voice_is_enrolled_and_known_again(gateway: GatewayAddress, page: Page) -> None:
    page.open(gateway.http("/"))
    page.click("#tab-voice")
    assert page.value("document.getElementById('voice-verify').disabled")
    page.click("#voice-enrol")
    page.click("#voice-verify")  # once there is a template
    page.until("document.getElementById('voice-probability').value > 0.5")
    assert page.value("document.querySelector('#voice-course polyline').getAttribute('points').length") > 0
    page.click("#voice-verify")
    page.until("document.getElementById('voice-verify').textContent === 'Who speaks?'")


def test_the_end_of_speech_is_told(gateway: GatewayAddress, page: Page) -> None:
    page.open(gateway.http("/"))
    page.click("#tab-endpoint")
    page.click("#endpoint-microphone")
    page.until("document.getElementById('endpoint-answer').textContent.startsWith('Finished after ')")
    page.until("document.getElementById('endpoint-microphone').textContent === 'Listen'")


def test_it_is_used_with_the_keyboard_alone(gateway: GatewayAddress, page: Page) -> None:
    page.open(gateway.http("/"))
    page.value("document.getElementById('tab-captions').focus()")
    page.press("ArrowRight")
    assert page.value("document.activeElement.id") == "tab-language"
    assert page.value("document.getElementById('captions').hidden && !document.getElementById('language').hidden")
    page.press("ArrowLeft")
    assert not page.value("document.getElementById('captions').hidden")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("tab", TABS)
def test_nobody_is_shut_out(gateway: GatewayAddress, page: Page, tab: str, dark: bool) -> None:
    """By what axe-core finds: contrast, names, roles, order."""
    page.open(gateway.http("/"), *NARROW, dark=dark)
    page.click(f"#tab-{tab}")
    assert not found_by_axe(page)


def test_a_key_is_asked_for_and_taken(triton: TritonAddress, page: Page, tmp_path: Path) -> None:
    with running_gateway(triton, tmp_path, {"SERVER_API_KEY": "a-key"}) as gateway:
        page.open(gateway.http("/"))
        page.click("#captions-microphone")
        page.until("document.getElementById('trouble').textContent.includes('is a key needed')")
        page.complaints.clear()  # the browser notes the refusal
        page.value("document.getElementById('key').value = 'a-key'")
        page.click("#captions-microphone")
        page.until(f"{TEXT}.includes('it was the')")


def test_others_get_json_and_pages_nothing_from_elsewhere(gateway: GatewayAddress) -> None:
    for accept in ("*/*", "application/json"):
        assert json.loads(ask(gateway, "/", headers={"Accept": accept})[1])["status"] == "ok"
    status, body, headers = ask(gateway, "/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b'<option value="en"></option>' in body
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert b"//" not in body.replace(b"<!doctype", b"")
    for name in ("index.html", "none.js", "..%2Fapp.py"):
        assert ask(gateway, f"/page/{name}")[0] == 404
