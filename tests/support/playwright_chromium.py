"""Chromium under playwright, for scripts that use a page as a person would.

They do not run with the tests, which drive Chromium alone (`chromium`): they
need playwright, too, which the extra `pages` of pyproject.toml names.
"""

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from typing import Any

from tests.support import chromium

_FLAGS = (
  *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
  *("--disable-background-networking", "--disable-component-update"),
)


def expect(place: Any) -> Any:
  """Playwright's assertions about a place of a page."""
  from playwright import sync_api

  return sync_api.expect(place)


@contextlib.contextmanager
def launched(patience: int) -> Iterator[Any]:
  """A headless browser of playwright; ends the program if a part is missing.

  Args:
    patience: how long `expect` waits, in milliseconds.
  """
  if importlib.util.find_spec("playwright") is None:
    sys.exit(
      "error: this needs playwright, which is not installed: launch/install.sh"
      " pages"
    )
  if chromium.PATH is None:
    sys.exit(
      "error: this needs Chromium, and there is neither chromium nor"
      " google-chrome in $PATH: apt install chromium"
    )
  from playwright import sync_api

  sync_api.expect.set_options(timeout=patience)
  with sync_api.sync_playwright() as playwright:
    browser = playwright.chromium.launch(
      executable_path=chromium.PATH, args=list(_FLAGS)
    )
    with contextlib.closing(browser):
      yield browser
