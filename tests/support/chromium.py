"""Headless Chromium, driven by its DevTools protocol through two pipes.

Needs nothing but the browser: no driver and no library.
"""

import base64
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import time
from collections.abc import Iterator

PATH = shutil.which("chromium") or shutil.which("google-chrome")
ABSENT = "Chromium is not installed: apt install chromium"
PATIENCE = 60  # seconds
_FLAGS = (
  *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
  *("--disable-background-networking", "--disable-component-update"),
  *("--disable-dev-shm-usage", "--disable-extensions", "--disable-sync"),
  *("--remote-debugging-pipe", "about:blank"),
)


class Browser:
  """A running Chromium."""

  def __init__(self, source, target):
    self._source, self._target = source, target
    self._number = 0
    self.events = []

  def call(self, method: str, session: str | None = None, **params) -> dict:
    """Calls a method of the protocol, and waits for its result."""
    self._number += 1
    request = {"id": self._number, "method": method, "params": params}
    if session:
      request["sessionId"] = session
    self._target.write(json.dumps(request).encode() + b"\0")
    self._target.flush()
    while True:
      answer = self._read()
      if answer.get("id") == self._number:
        if "error" in answer:
          raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]
      self.events.append(answer)

  def open(self, url: str, **size) -> "Page":
    """Opens a tab; see `Page.resize`."""
    target = self.call("Target.createTarget", url="about:blank")["targetId"]
    attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
    page = Page(self, target, attached["sessionId"])
    for domain in ("Page", "Runtime", "Log", "Network"):
      page.call(f"{domain}.enable")
    page.resize(**size)
    page.go(url)
    return page

  def _read(self) -> dict:
    data = bytearray()
    while (each := self._source.read(1)) != b"\0":
      if not each:
        raise RuntimeError("Chromium has ended")
      data += each
    return json.loads(data)


class Page:
  """A tab."""

  def __init__(self, browser: Browser, target: str, session: str):
    self._browser, self._target, self._session = browser, target, session

  def call(self, method: str, **params) -> dict:
    return self._browser.call(method, self._session, **params)

  def resize(
    self,
    width: int = 1280,
    height: int = 800,
    ratio: float = 1,
    dark: bool = False,
  ) -> None:
    """Sets the size in CSS pixels and how many device pixels each has."""
    self.call(
      "Emulation.setDeviceMetricsOverride",
      width=width,
      height=height,
      deviceScaleFactor=ratio,
      mobile=width < 600,
    )
    scheme = {"name": "prefers-color-scheme", "value": ["light", "dark"][dark]}
    self.call("Emulation.setEmulatedMedia", features=[scheme])

  def go(self, url: str) -> None:
    """Loads a page."""
    self.call("Page.navigate", url=url)
    self.wait(
      "document.readyState === 'complete' && location.href !== 'about:blank'"
    )

  def run(self, code: str):
    """Returns what JavaScript evaluates to, a promise's value included."""
    result = self.call(
      "Runtime.evaluate",
      expression=code,
      awaitPromise=True,
      returnByValue=True,
      userGesture=True,
    )
    if "exceptionDetails" in result:
      raise RuntimeError(f"{code}: {result['exceptionDetails']}")
    return result["result"].get("value")

  def wait(self, condition: str) -> None:
    """Waits until JavaScript is true."""
    end = time.monotonic() + PATIENCE
    while True:
      # While a page loads there may be nothing to evaluate in.
      with contextlib.suppress(RuntimeError):
        if self.run(f"Boolean({condition})"):
          return
      if time.monotonic() > end:
        raise TimeoutError(condition)
      time.sleep(0.02)

  def click(self, selector: str) -> None:
    """Clicks the middle of an element, which must be in the window."""
    x, y = self.run(
      f"(() => {{const each = document.querySelector({json.dumps(selector)});"
      " each.scrollIntoView({block: 'nearest'});"
      " const box = each.getBoundingClientRect();"
      " return [box.x + box.width / 2, box.y + box.height / 2];})()"
    )
    for kind in ("mousePressed", "mouseReleased"):
      self.call(
        "Input.dispatchMouseEvent",
        type=kind,
        x=x,
        y=y,
        button="left",
        clickCount=1,
      )

  def press(self, key: str) -> None:
    """Presses a key, such as "1" or "ArrowLeft"."""
    for kind in ("keyDown", "keyUp"):
      self.call("Input.dispatchKeyEvent", type=kind, key=key)

  def upload(self, selector: str, path: str | os.PathLike) -> None:
    """Chooses a file in an input."""
    found = self.call(
      "Runtime.evaluate",
      expression=f"document.querySelector({json.dumps(selector)})",
    )
    self.call(
      "DOM.setFileInputFiles",
      files=[os.fspath(path)],
      objectId=found["result"]["objectId"],
    )

  def disconnect(self) -> None:
    """Takes the page off the network."""
    speeds = dict.fromkeys(
      ("latency", "downloadThroughput", "uploadThroughput"), 0
    )
    self.call("Network.emulateNetworkConditions", offline=True, **speeds)

  def screenshot(self, path: str | os.PathLike, **options) -> None:
    data = self.call("Page.captureScreenshot", **options)["data"]
    pathlib.Path(path).write_bytes(base64.b64decode(data))

  def close(self) -> None:
    self._browser.call("Target.closeTarget", targetId=self._target)

  def complaints(self) -> list[str]:
    """Errors and warnings of the console until now."""
    self.run("0")
    found = []
    for event in self._browser.events:
      params = event.get("params", {})
      match event.get("method", ""):
        case name if name.startswith("Runtime.exception"):
          found.append(str(params["exceptionDetails"]))
        case "Runtime.consoleAPICalled" if params["type"] in (
          "error",
          "warning",
        ):
          found.append(str(params["args"]))
        case "Log.entryAdded" if params["entry"]["level"] in (
          "error",
          "warning",
        ):
          found.append(params["entry"]["text"])
    return found

  def requests(self) -> list[str]:
    """URLs that were requested until now, by all tabs."""
    return [
      event["params"]["request"]["url"]
      for event in self._browser.events
      if event.get("method") == "Network.requestWillBeSent"
    ]


@contextlib.contextmanager
def started(folder: str | os.PathLike) -> Iterator[Browser]:
  """Starts Chromium.

  Args:
    folder: where it keeps its profile and puts downloads; with the same folder
      it remembers.
  """
  folder = pathlib.Path(folder)
  to_read, source = os.pipe()
  sink, to_write = os.pipe()
  # It reads from descriptor 3 and writes to 4. (Not sh: it may know but one
  # digit.)
  command = f'exec "$@" 3<&{to_read} 4>&{to_write}'
  process = subprocess.Popen(
    ["bash", "-c", command, "bash", PATH, f"--user-data-dir={folder}", *_FLAGS],
    pass_fds=(to_read, to_write),
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
  )
  os.close(to_read)
  os.close(to_write)
  with open(sink, "rb") as reader, open(source, "wb") as writer:
    browser = Browser(reader, writer)
    try:
      browser.call(
        "Browser.setDownloadBehavior",
        behavior="allow",
        downloadPath=str(folder),
      )
      yield browser
      browser.call("Browser.close")
      process.wait(PATIENCE)
    finally:
      process.kill()
      process.wait()
