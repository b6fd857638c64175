"""A real Chromium, driven over its own protocol: pages are opened, clicked and looked at as people do."""

import base64
import contextlib
import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

SECONDS = 60.0
_OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
            "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--disable-background-networking",
            "--disable-component-update", "--no-default-browser-check", "--remote-debugging-port=0")  # fmt: skip


class Page:
    """One page, with everything it complained about and asked for."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.command(f"{domain}.enable")

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (message := self._hear()).get("id") != number:
            pass
        assert "error" not in message, message
        return dict(message["result"])

    def open(self, address: str, width: int = 1200, height: int = 800, *, dark: bool = False) -> None:
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.command("Emulation.setEmulatedMedia", features=scheme)
        self.command("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        """Of JavaScript on the page, awaited."""
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = self.command("Runtime.evaluate", **asked)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, expression: str, seconds: float = SECONDS) -> Any:
        """Its value once it is true."""
        deadline = time.monotonic() + seconds
        while not (value := self.value(expression)):
            shown = self.value("document.body?.innerText")
            assert time.monotonic() < deadline, f"never {expression}\n{shown}\n{self.complaints[:3]}"
            self.value("new Promise((done) => setTimeout(done, 50))")  # the page has more to do than to answer us
        return value

    def click(self, selector: str) -> None:
        self.until(f"document.querySelector({json.dumps(selector)})?.disabled === false")
        self.value(f"document.querySelector({json.dumps(selector)}).click()")

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=_CODES[key])

    def give(self, selector: str, file: Path) -> None:
        """A file to a field that asks for one."""
        root = self.command("DOM.getDocument")["root"]["nodeId"]
        field = self.command("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.command("DOM.setFileInputFiles", nodeId=field, files=[str(file)])

    def picture(self) -> bytes:
        return base64.b64decode(self.command("Page.captureScreenshot")["data"])

    def _hear(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=SECONDS))
        told = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.complaints.append(str(told["exceptionDetails"].get("exception", told))[:300])
            case "Runtime.consoleAPICalled" if told["type"] in ("error", "warning"):
                self.complaints.append(str(told["args"])[:300])
            case "Log.entryAdded" if told["entry"]["level"] in ("error", "warning"):
                self.complaints.append(told["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            case "Network.webSocketCreated":
                self.requests.append(told["url"])
        return message


_CODES = {"ArrowRight": 39, "ArrowLeft": 37, "Enter": 13, "Tab": 9}


@contextlib.contextmanager
def browsing(profile: Path, microphone: Path, more: Sequence[str] = ()) -> Iterator[Page]:
    """A page of a new browser, whose microphone plays the file over and over."""
    command = ["chromium", f"--user-data-dir={profile}", f"--use-file-for-fake-audio-capture={microphone}"]
    silent = subprocess.DEVNULL
    started = [*command, *_OPTIONS, *more, "about:blank"]
    with subprocess.Popen(started, stdout=silent, stderr=silent, start_new_session=True) as browser:
        try:
            with connect(_address(profile), max_size=None) as socket:
                yield Page(socket)
        finally:
            os.killpg(browser.pid, signal.SIGKILL)  # with all its helpers


def _address(profile: Path) -> str:
    """Of the first page, once the browser has one."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError, StopIteration):
            port, path = (profile / "DevToolsActivePort").read_text().split()
            with connect(f"ws://127.0.0.1:{port}{path}") as socket:
                socket.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
                targets = json.loads(socket.recv())["result"]["targetInfos"]
            identity = next(each["targetId"] for each in targets if each["type"] == "page")
            return f"ws://127.0.0.1:{port}/devtools/page/{identity}"
        time.sleep(0.1)
    raise TimeoutError("Chromium does not open a page")
