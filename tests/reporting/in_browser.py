"""Uses a report in headless Chromium as a person would.

  apt install chromium && launch/install.sh pages
  .venv/bin/python -m tests.reporting.in_browser REPORT.html [SCREENSHOTS]

Says what it saw and ends with status 0 if all was right. REPORT.html is one
with curves and images. The folder SCREENSHOTS gets the page at two widths,
light and dark. Not run with the other tests, for it needs playwright; page_test
opens a small page in Chromium.
"""

import pathlib
import sys

from tests.support import playwright_chromium

LAPTOP, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 812}
PATIENCE = 120_000  # milliseconds


def main(report: str, screenshots: str | None = None) -> None:
  """Moves the sliders by mouse, touch and keyboard, at two widths."""
  with playwright_chromium.launched(PATIENCE) as browser:
    for size, name in ((LAPTOP, "desktop"), (PHONE, "phone")):
      for scheme in ("light", "dark"):
        is_phone = name == "phone"
        context = browser.new_context(
          viewport=size,
          color_scheme=scheme,
          is_mobile=is_phone,
          has_touch=is_phone,
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        requests, complaints = [], []
        page.on("request", lambda each, seen=requests: seen.append(each.url))
        page.on("console", lambda each, seen=complaints: seen.append(each.text))
        page.on("pageerror", lambda each, seen=complaints: seen.append(each))
        page.goto(pathlib.Path(report).absolute().as_uri())
        print(f"{name}, {scheme}")
        width = page.evaluate("document.documentElement.scrollWidth")
        check(width == size["width"], f"nothing is wider than {width} px")
        if screenshots:
          folder = pathlib.Path(screenshots)
          folder.mkdir(parents=True, exist_ok=True)
          path = folder / f"{name}_{scheme}.png"
          page.screenshot(path=path, full_page=True)
        if scheme == "light":
          check_slider(page)
          check_zoom(page)
          check_menu(page)
          check_chart(page)
          if is_phone:
            check_touch(page)
        elsewhere = [
          url for url in requests if not url.startswith(("file:", "data:"))
        ]
        check(not elsewhere, "no request to any address")
        check(not complaints, f"no complaint in the console {complaints}")
        context.close()


def check_slider(page) -> None:
  """Drags the handle, and moves it by keys; more of the left image is seen."""
  viewer = page.locator(".viewer").first
  viewer.scroll_into_view_if_needed()
  handle = viewer.locator(".handle")
  stage = viewer.locator(".stage").bounding_box()
  x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
  page.mouse.move(x, y)
  page.mouse.down()
  page.mouse.move(stage["x"] + 0.75 * stage["width"], y, steps=5)
  page.mouse.up()
  check(
    value(handle) == 75, f"the mouse drags the slider, to {value(handle)} %"
  )
  check(abs(clipped(viewer) - 0.75) < 0.01, "and the images are cut there")
  handle.focus()
  for _ in range(5):
    page.keyboard.press("ArrowLeft")
  check(value(handle) == 65, f"arrow keys move it, to {value(handle)} %")
  check(abs(clipped(viewer) - 0.65) < 0.01, "and the images are cut there")
  page.keyboard.press("End")
  check(value(handle) == 100, "End moves it to the end")
  page.keyboard.press("Home")
  check(value(handle) == 0, "Home moves it to the beginning")


def check_zoom(page) -> None:
  """Zooms by button, key and double click, and moves the zoomed image."""
  viewer = page.locator(".viewer").first
  output = viewer.locator("output")
  viewer.get_by_role("button", name="Zoom in").click()
  check(output.inner_text() == "2x", "a button zooms")
  viewer.locator(".handle").focus()
  page.keyboard.press("+")
  check(output.inner_text() == "4x", "a key zooms")
  before = transform(viewer)
  page.keyboard.press("Shift+ArrowRight")
  check(transform(viewer) != before, "Shift and an arrow key move the image")
  before = transform(viewer)
  stage = viewer.locator(".stage").bounding_box()
  x, y = stage["x"] + 0.6 * stage["width"], stage["y"] + 0.5 * stage["height"]
  page.mouse.move(x, y)
  page.mouse.down()
  page.mouse.move(x - 30, y - 30, steps=3)
  page.mouse.up()
  check(transform(viewer) != before, "the mouse moves the zoomed image")
  page.mouse.dblclick(x, y)
  check(output.inner_text() == "1x", "a double click shows all of it again")


def check_menu(page) -> None:
  """Chooses another version, which is then the one that is shown."""
  viewer = page.locator(".viewer").first
  menu = viewer.locator("select.right")
  last = menu.locator("option").last
  menu.select_option(last.get_attribute("value"))
  shown = viewer.locator(".version.shown").last.locator("p").text_content()
  check(shown == last.text_content(), f"a menu chooses {shown}")
  name = viewer.locator(".handle").get_attribute("aria-valuetext")
  check(last.text_content() in name, f"and the slider says so: {name}")


def check_chart(page) -> None:
  """Reads values by mouse and keyboard, and hides a run."""
  chart = page.locator("#curves .chart").first
  chart.scroll_into_view_if_needed()
  readout = chart.locator(".readout")
  box = chart.locator("svg").bounding_box()
  page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
  check("step" in readout.inner_text(), f"values: {readout.inner_text()}")
  chart.locator("svg").focus()
  page.keyboard.press("Home")
  first = readout.inner_text()
  page.keyboard.press("ArrowRight")
  check(readout.inner_text() != first, f"by keys: {readout.inner_text()}")
  key = page.locator("#curves button.key").first
  run = key.get_attribute("data-run")
  key.click()
  visible = page.locator(f'#curves .line[data-run="{run}"]:visible').count()
  check(visible == 0, "a click on its name hides a run")
  key.click()


def check_touch(page) -> None:
  """Drags with a finger, and zooms with two, by the protocol of DevTools."""
  viewer = page.locator(".viewer").nth(1)
  viewer.scroll_into_view_if_needed()
  stage = viewer.locator(".stage").bounding_box()
  session = page.context.new_cdp_session(page)

  def touch(kind: str, *points: tuple[float, float]) -> None:
    places = [
      {
        "x": stage["x"] + x * stage["width"],
        "y": stage["y"] + y * stage["height"],
        "id": i,
      }
      for i, (x, y) in enumerate(points)
    ]
    session.send(
      "Input.dispatchTouchEvent", {"type": kind, "touchPoints": places}
    )

  touch("touchStart", (0.5, 0.3))
  for x in (0.45, 0.4, 0.35, 0.3):
    touch("touchMove", (x, 0.3))
  touch("touchEnd")
  handle = viewer.locator(".handle")
  check(abs(value(handle) - 30) <= 1, f"a finger drags it to {value(handle)} %")
  touch("touchStart", (0.4, 0.3), (0.6, 0.3))
  for d in (0.15, 0.2, 0.3):
    touch("touchMove", (0.5 - d, 0.3), (0.5 + d, 0.3))
  touch("touchEnd")
  zoom = viewer.locator("output").inner_text()
  check(float(zoom.rstrip("x")) > 2, f"two fingers zoom: {zoom}")


def value(handle) -> int:
  return int(handle.get_attribute("aria-valuenow"))


def clipped(viewer) -> float:
  """Where the right image begins, as a share of the width of the stage."""
  return viewer.locator(".stage").evaluate(
    "(stage) => {const shown = [...stage.querySelectorAll('.version.shown')]"
    ".find((each) => each.style.clipPath);"
    " return parseFloat(shown.style.clipPath.split(' ').at(-1))"
    " / stage.getBoundingClientRect().width}"
  )


def transform(viewer) -> str:
  return viewer.locator(".versions").evaluate("(each) => each.style.transform")


def check(right: bool, what: str) -> None:
  """Says what was seen, or ends the program."""
  print("ok   " if right else "WRONG", what, flush=True)
  if not right:
    sys.exit(1)


if __name__ == "__main__":
  if not 2 <= len(sys.argv) <= 3 or not pathlib.Path(sys.argv[1]).is_file():
    sys.exit("error: name a report that is there, and maybe a folder")
  main(*sys.argv[1:])
