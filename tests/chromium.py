"""A headless Chromium, spoken to over a pipe: what a page looks like, asks for and complains about."""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ANSWER_WITHIN = 120.0  # seconds; of a machine that does other things, too


class Page:
    """One page: ``requests`` are the addresses that it has asked for, ``complaints`` its errors and warnings."""

    def __init__(self, to: int, back: int):
        self._to, self._back = to, back
        self._number, self._session, self._rest = 0, None, b""
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._seen: set[str] = set()
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the DevTools protocol, and its result."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + ANSWER_WITHIN
        while time.monotonic() < until:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
        raise TimeoutError(method)

    def open(self, file: Path, width: int, height: int = 900, **media: str) -> None:
        """Load a file at a width in CSS pixels; media features such as prefers_color_scheme="dark"."""
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.ask("Emulation.setEmulatedMedia", features=features)
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        self._seen.discard("Page.loadEventFired")
        self.ask("Page.navigate", url=file.resolve().as_uri())
        until = time.monotonic() + ANSWER_WITHIN
        while "Page.loadEventFired" not in self._seen and time.monotonic() < until:
            self._read()
        assert "Page.loadEventFired" in self._seen

    def evaluate(self, script: str) -> Any:
        """The value of an expression of JavaScript."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            codes = {"ArrowLeft": 37, "ArrowRight": 39, "Tab": 9, "Home": 36, "End": 35}
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key])

    def screenshot(self, out: Path) -> None:
        """The whole page as a PNG."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12000), "scale": 1}
        found = self.ask("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        out.write_bytes(base64.b64decode(found["data"]))

    def pdf(self, out: Path) -> None:
        out.write_bytes(base64.b64decode(self.ask("Page.printToPDF", printBackground=False)["data"]))

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._back, 2**20)
            assert part, "Chromium has ended."
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(line)
        method, parameters = message.get("method", ""), message.get("params", {})
        self._seen.add(method)
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"].get("exception", {}).get("description")))
        elif method == "Log.entryAdded":
            self.complaints.append(f"{parameters['entry']['level']}: {parameters['entry']['text']}")
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(f"console.{parameters['type']}")
        return message


@contextmanager
def browser() -> Iterator[Page]:
    """A page in a browser that ends with the block."""
    assert PROGRAM
    (from_us, to), (back, to_us) = os.pipe(), os.pipe()
    keep = {3: from_us, 4: to_us}
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        words = [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run"]
        words += [f"--user-data-dir={profile}", "--disable-background-networking", "--disable-dev-shm-usage", "about:blank"]
        shell = ["bash", "-c", f'exec "$@" 3<&{keep[3]} 4>&{keep[4]}', "chromium", *words]
        process = subprocess.Popen(shell, pass_fds=(from_us, to_us), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(from_us)
        os.close(to_us)
        try:
            yield Page(to, back)
        finally:
            os.close(to)
            process.terminate()
            process.wait(30)
            os.close(back)


def main() -> None:
    """Write a screenshot."""
    parser = argparse.ArgumentParser(prog="python -m tests.chromium", description="A screenshot of a page.")
    parser.add_argument("page", type=Path, help="an HTML file")
    parser.add_argument("picture", type=Path, help="the PNG file to write")
    parser.add_argument("width", type=int, help="of the window, in pixels")
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help="JavaScript to run first")
    options = parser.parse_args()
    with browser() as shown:
        shown.open(options.page, options.width)
        for script in options.scripts:
            shown.evaluate(script)
        shown.screenshot(options.picture)


if __name__ == "__main__":
    main()
