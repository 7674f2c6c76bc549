"""The page: its files, and what people do on it, in headless Chromium."""

import json
import threading

import numpy as np
from absl.testing import absltest
from PIL import Image

from srfeat_jax import errors
from srfeat_jax.image_io import images
from srfeat_jax.mos import collected, server, store, study_page
from srfeat_jax.mos import study as study_lib
from tests.support import chromium, image_files, opinion_studies

READY = "shownAt !== null"
END = "!document.querySelector('#end').hidden"


class StudyPageTest(image_files.FolderTestCase):
  def test_nothing_tells_what_made_an_image(self):
    study = opinion_studies.build(self.folder)
    page = self.folder / study_lib.PAGE
    for file in page.rglob("*.*"):
      content = file.read_bytes()
      for word in (*study.methods, "00", "01"):
        self.assertNotIn(word, file.name.partition("example")[0].split("_"))
      if file.suffix == ".png":
        with Image.open(file) as image:
          self.assertEmpty(image.info)
      else:
        for method in ("nearest", "theirs", study_lib.KEY):
          self.assertNotIn(method.encode(), content)
    shown = json.loads(
      (page / "study.js").read_text()[len("const STUDY =") : -2]
    )
    self.assertEqual({each["id"] for each in shown["items"]}, study.ids)
    self.assertEqual(
      {(each["width"], each["height"]) for each in shown["items"]}, {(32, 24)}
    )
    for each in shown["items"]:
      self.assertEqual({*each}, {"id", "scene", "width", "height"})

  def test_each_item_is_its_image(self):
    study = opinion_studies.draw(num_images=2, repeats=3)
    methods = {
      method: {
        source: lambda level=10 * i + j: np.full((9, 7, 3), level, np.uint8)
        for j, source in enumerate(sorted({it.source for it in study.items}))
      }
      for i, method in enumerate(study.methods)
    }
    size = study_page.write(self.folder, study, methods, [], crop=5)
    self.assertEqual(size, (5, 5))
    for item in study.items:
      image = images.read(self.folder / "images" / f"{item.id}.png")
      self.assertEqual(image.shape, (5, 5, 3))
      expected = 10 * study.methods.index(item.method) + int(item.name)
      self.assertTrue((image == expected).all())

  def test_crops(self):
    image = np.arange(30).reshape(5, 6)
    np.testing.assert_array_equal(study_page.center(image, 0), image)
    np.testing.assert_array_equal(study_page.center(image, 9), image)
    np.testing.assert_array_equal(study_page.center(image, 2), image[1:3, 2:4])

  def test_versions_of_other_sizes(self):
    study = opinion_studies.draw(1, 0, ("a", "b"))
    (source,) = {item.source for item in study.items}
    methods = {
      "a": {source: lambda: np.zeros((8, 8), np.uint8)},
      "b": {source: lambda: np.zeros((8, 9), np.uint8)},
    }
    with self.assertRaisesRegex(errors.InputError, "8 x 8 .* 8 x 9"):
      study_page.write(self.folder / "page", study, methods, [])


@absltest.skipIf(chromium.PATH is None, chromium.ABSENT)
class InBrowserTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.study = opinion_studies.build(self.folder / "study", num_images=1)
    self.file = self.folder / "study" / study_lib.PAGE / "index.html"
    self.results = self.folder / "results"
    self.pressed = {}

  def rate(self, page, scores: str) -> None:
    """Rates images that follow, with the keyboard."""
    for score in scores:
      page.wait(READY)
      item = page.run("items[index].id")
      self.assertIn(item, page.run("document.querySelector('#image').src"))
      page.press(score)
      self.pressed[item] = int(score)

  def begin(self, page) -> None:
    page.click("#start")
    page.wait("!document.querySelector('#calibration').hidden")
    page.click("#begin")

  def assert_collected(self, rater: str) -> None:
    found = collected.read(self.study, self.results)
    self.assertEmpty(found.left_out)
    row = found.scores[found.raters.index(rater)]
    ids = [item.id for item in self.study.items]
    self.assertEqual(dict(zip(ids, row, strict=True)), self.pressed)

  def test_two_raters_and_a_server(self):
    self.results.mkdir()
    serving = server.Server(
      *(self.study, self.folder / "study", store.Store(self.results)),
      *("127.0.0.1", 0),
    )
    thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
    thread.start()
    self.addCleanup(serving.server_close)
    self.addCleanup(thread.join)
    self.addCleanup(serving.shutdown)
    with chromium.started(self.folder / "profile") as browser:
      page = browser.open(serving.url)
      orders, raters = [], []
      for _ in range(2):
        self.pressed = {}
        page.wait("!document.querySelector('#welcome').hidden")
        self.begin(page)
        self.rate(page, "15")
        page.press("ArrowLeft")
        page.wait(f"index === 1 && {READY}")
        self.rate(page, "4")
        page.wait(f"index === 2 && {READY}")
        # Back twice, and forward with the scores as they are, no further.
        kept = page.run("JSON.stringify(state.ratings)")
        self.assertTrue(page.run("document.querySelector('#next').disabled"))
        page.press("ArrowLeft")
        page.press("ArrowLeft")
        page.wait(f"index === 0 && {READY}")
        page.press("ArrowRight")
        page.wait(f"index === 1 && {READY}")
        page.click("#next")
        page.wait(f"index === 2 && {READY}")
        page.press("ArrowRight")
        self.assertEqual(
          page.run("[index, JSON.stringify(state.ratings)]"), [2, kept]
        )
        page.press("7")
        page.click("#scores button:nth-child(2)")
        self.pressed[page.run("items[2].id")] = 2
        page.wait("index === 3")
        self.rate(page, "345"[: len(self.study.items) - 3])
        page.wait(
          "document.querySelector('#outcome').textContent.includes('received')"
        )
        raters.append(page.run("state.rater"))
        orders.append(page.run("items.map((each) => each.id)"))
        self.assert_collected(raters[-1])
        for method in self.study.methods[1:]:
          self.assertNotIn(
            method, page.run("document.documentElement.outerHTML")
          )
        page.click("#another")
      self.assertCountEqual(*orders)
      self.assertNotEqual(*orders)
      self.assertNotEqual(*raters)
      self.assertEmpty(page.complaints())
      for url in page.requests():
        self.assertTrue(url.startswith((serving.url, "data:")), url)

  def test_from_disk_and_closed_midway(self):
    profile = self.folder / "profile"
    with chromium.started(profile) as browser:
      page = browser.open(self.file.as_uri(), width=375, height=667, ratio=2)
      self.begin(page)
      self.rate(page, "135")
      page.wait(f"index === 3 && {READY}")
      rater, order = page.run("[state.rater, items.map((each) => each.id)]")
      image = page.run("document.querySelector('#image').style.width")
      self.assertEqual(image, "32px")  # 2 x 2 device pixels for each
      self.assertEqual(page.run("document.documentElement.scrollWidth"), 375)
    with chromium.started(profile) as browser:
      page = browser.open(self.file.as_uri())
      self.assertEqual(
        page.run("[state.rater, items.map((each) => each.id)]"), [rater, order]
      )
      page.click("#start")
      page.wait(f"index === 3 && {READY}")
      self.rate(page, "24" + "3" * (len(self.study.items) - 5))
      page.wait(END)
      outcome = "document.querySelector('#outcome').textContent"
      self.assertStartsWith(page.run(outcome), "Please download your scores")
      page.click("#end .save")
      page.wait("!document.querySelector('#another').disabled")
      self.assertIn("are in the file", page.run(outcome))
      self.assertNotIn("Please download", page.run(outcome))
      name = f"scores_{rater[:8]}.json"
      while not (profile / name).exists():
        page.run("new Promise((then) => setTimeout(then, 20))")
      page.go(self.file.as_uri())  # it is still known
      page.wait(END)
      self.assertIn("are in the file", page.run(outcome))
      # Where a server does not answer, a file is not what it has received.
      page.run("server = 'unknown'; failing = true; report()")
      self.assertIn("does not answer", page.run(outcome))
      self.assertIn("Please send it", page.run(outcome))
      self.assertEmpty(page.complaints())
    self.results.mkdir()
    (profile / name).rename(self.results / name)
    self.assert_collected(rater)


if __name__ == "__main__":
  absltest.main()
