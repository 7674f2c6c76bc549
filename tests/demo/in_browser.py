"""Uses the page of `srfeat_jax.demo` in headless Chromium as a person would.

  apt install chromium && launch/install.sh demo,pages
  .venv/bin/python -m tests.demo.in_browser [SCREENSHOT.png]

Says what it saw and ends with status 0 if all was right. Not run with the other
tests, for it needs playwright.
"""

import pathlib
import re
import sys
import tempfile

import matplotlib.cbook
import numpy as np
from PIL import Image

from tests.support import demo_server, playwright_chromium, programs

WEIGHTS = "srfeat_jax/weights/pretrained/srfeat-lite.safetensors"
LAPTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
PATIENCE = 300_000  # milliseconds
expect = playwright_chromium.expect


def main(screenshot: str | None = None) -> None:
  """Uploads, upscales, compares, downloads, stops; what is to be refused."""
  with (
    tempfile.TemporaryDirectory() as name,
    playwright_chromium.launched(PATIENCE) as browser,
    demo_server.served("--max_megapixels=25") as url,
  ):
    folder = pathlib.Path(name)
    page = browser.new_page(viewport=LAPTOP)
    page.set_default_timeout(PATIENCE)
    requests, mistakes = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: mistakes.append(error))
    page.goto(url)
    check_weights(page)
    check_upscaling(page, folder, screenshot)
    check_stop(page, folder)
    check_refusals(page, folder)
    elsewhere = [
      request
      for request in requests
      if not request.startswith((url, "data:", "blob:"))
    ]
    check(not elsewhere, f"all {len(requests)} requests were to {url}")
    check(not mistakes, "no errors in the page's scripts")


def check_weights(page) -> None:
  """Opens the menu and sees that it says what each is for."""
  menu = page.locator("#weights input")
  menu.click()
  options = page.get_by_role("option").all_inner_texts()
  check(
    len(options) == 3 and all(": " in option for option in options),
    "the menu says what weights are for",
  )
  page.keyboard.press("Escape")


def check_upscaling(page, folder: pathlib.Path, screenshot: str | None) -> None:
  source = folder / "grace_hopper.jpg"
  with matplotlib.cbook.get_sample_data(source.name) as file:
    source.write_bytes(file.read())
  start = page.get_by_role("button", name="Upscale", exact=True)
  expect(start).to_be_disabled()
  page.set_input_files("#source input[type=file]", source)
  expect(page.locator("#about")).to_contain_text("512 x 600 pixels")
  estimate = page.locator("#estimate")
  expect(estimate).to_contain_text("This takes about")
  check(True, f"said before it starts: {estimate.inner_text()}")
  start.click()
  bar = page.locator("#result .progress-bar").first
  bar.wait_for(state="attached")
  expect(page.locator("#summary")).to_contain_text("2048 x 2400 pixels")
  check(True, "an image is upscaled, and a bar shows its progress")
  shown = page.locator("#result img")
  sizes = shown.evaluate_all(
    "(all) => Promise.all(all.map(async (each) => {await each.decode();"
    " return [each.naturalWidth, each.naturalHeight]}))"
  )
  check(sizes == [[2048, 2400]] * 2, "before and after are there, and as large")
  check_slider(page)
  if screenshot:
    zoom(page)
    page.screenshot(path=screenshot)
  with page.expect_download() as waiting:
    page.get_by_role("link", name="Download as PNG").or_(
      page.get_by_role("button", name="Download as PNG")
    ).first.click()
  check(
    waiting.value.suggested_filename == "grace_hopper_x4.png",
    "the download is called grace_hopper_x4.png",
  )
  downloaded = folder / "downloaded.png"
  waiting.value.save_as(downloaded)
  expected = folder / "expected.png"
  result = programs.run(
    "upscale", source, f"--weights={WEIGHTS}", f"--output={expected}"
  )
  check(result.returncode == 0, result.stdout.strip() or result.stderr)
  with Image.open(downloaded) as ours, Image.open(expected) as theirs:
    check(
      np.array_equal(np.array(ours), np.array(theirs)),
      f"the download's pixels, {ours.size}, are the command line's",
    )
  check(
    downloaded.read_bytes() == expected.read_bytes(),
    "the download's bytes are the command line's",
  )
  page.set_viewport_size(PHONE)
  width = page.evaluate("document.documentElement.scrollWidth")
  check(width <= PHONE["width"], "nothing is wider than a phone")
  page.set_viewport_size(LAPTOP)


def check_stop(page, folder: pathlib.Path) -> None:
  """Stops a 24-megapixel photo, and upscales another image afterwards."""
  photo, small = folder / "photo.jpg", folder / "small.png"
  with Image.open(folder / "grace_hopper.jpg") as image:
    image.resize((4000, 6000)).save(photo)
    image.resize((40, 60)).save(small)
  start = page.get_by_role("button", name="Upscale", exact=True)
  stop = page.get_by_role("button", name="Stop")
  estimate = page.locator("#estimate")
  summary = page.locator("#summary")
  choose(page, photo)
  expect(page.locator("#about")).to_contain_text("4000 x 6000 pixels")
  expect(estimate).to_contain_text("This takes about")
  check(True, f"a photo of 24 megapixels: {estimate.inner_text()}")
  start.click()
  left = page.locator("#result").get_by_text(re.compile("Upscaling, .* left"))
  expect(left.first).to_be_attached()
  check(True, f"while it runs: {left.first.inner_text()}")
  expect(start).to_be_hidden()
  stop.click()
  expect(summary).to_have_text("Stopped.")
  expect(stop).to_be_hidden()
  check(True, "it is stopped between tiles")
  choose(page, small)
  expect(page.locator("#about")).to_contain_text("40 x 60 pixels")
  start.click()
  expect(summary).to_contain_text("160 x 240 pixels")
  check(True, "and then another image is upscaled")


def choose(page, path: pathlib.Path) -> None:
  """Uploads an image instead of the one that is there."""
  if page.get_by_label("Clear").count():
    page.get_by_label("Clear").first.click()
  page.set_input_files("#source input[type=file]", path)


def check_slider(page) -> None:
  """Drags the handle and sees that another part of the image is covered."""
  handle = page.locator("#result .inner").first
  box = handle.bounding_box()
  middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
  page.mouse.move(*middle)
  page.mouse.down()
  page.mouse.move(middle[0] - 40, middle[1], steps=4)
  page.mouse.up()
  moved = handle.bounding_box()["x"] - box["x"]
  check(abs(moved + 40) < 5, f"the slider follows the mouse, {moved:.0f} px")


def zoom(page) -> None:
  """Zooms in to the face."""
  box = page.locator("#result img").first.bounding_box()
  page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
  for _ in range(14):
    page.mouse.wheel(0, -120)
    page.wait_for_timeout(200)
  page.mouse.move(0, 0)
  page.wait_for_timeout(500)


def check_refusals(page, folder: pathlib.Path) -> None:
  large = folder / "large.jpg"
  Image.new("RGB", (6000, 5000)).save(large)
  damaged = folder / "damaged.jpg"
  damaged.write_bytes((folder / "grace_hopper.jpg").read_bytes()[:9000])
  empty = folder / "empty.png"
  empty.touch()
  for path, part in (
    (large, f"{large.name} is too large for this page"),
    (damaged, "damaged.jpg is damaged"),
    (empty, "empty.png is empty"),
  ):
    choose(page, path)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(part)
    check(True, f"refused: {alert.inner_text()}")
    expect(
      page.get_by_role("button", name="Upscale", exact=True)
    ).to_be_disabled()


def check(right: bool, what: str) -> None:
  """Says what was seen, or ends the program."""
  print("ok   " if right else "WRONG", what, flush=True)
  if not right:
    sys.exit(1)


if __name__ == "__main__":
  main(*sys.argv[1:])
