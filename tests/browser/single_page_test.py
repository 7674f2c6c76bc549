"""The page that upscales in a browser; with npm's package, in Chromium."""

import base64
import gzip
import os
import pathlib
import re

import numpy as np
from absl.testing import absltest

from srfeat_jax import errors
from srfeat_jax.browser import single_page
from srfeat_jax.image_io import images
from tests.support import chromium, programs

PACKAGE = os.environ.get("SRFEAT_ONNXRUNTIME_WEB")
NO_PACKAGE = (
  "onnxruntime-web not found: set SRFEAT_ONNXRUNTIME_WEB to npm's folder of it"
)
FILES = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs")


class SinglePageTest(programs.ProgramTestCase):
  def package(self) -> pathlib.Path:
    """A folder like npm's, with other content."""
    for name in (*FILES, "ort-wasm-simd-threaded.wasm"):
      path = self.file(f"package/dist/{name}", f"</script>{name}".encode())
    return path.parent.parent

  def test_all_is_in_one_file(self):
    path = self.folder / "page.html"
    network = single_page.Network(b"graph", 4, 7)
    size = single_page.write(path, {"<x>": network}, self.package())
    text = path.read_text()
    self.assertEqual(size, path.stat().st_size)
    found = dict(
      re.findall(r'<script type="text/plain" id="(\w+)">([^<]*)</script>', text)
    )
    unpacked = {
      name: gzip.decompress(base64.b64decode(found[name]))
      for name in ("runtime", "loader", "graph0")
    }
    self.assertEqual(unpacked["runtime"], b"</script>ort.wasm.min.js")
    self.assertEqual(unpacked["graph0"], b"graph")
    self.assertIn('"margin": 7', found["settings"])
    self.assertNotIn("@@", text)
    self.assertIn("Microsoft", text)
    for url in re.findall(r"(?:https?:)?//[\w.-]+\.\w+|src=|@import", text):
      self.fail(f"the page loads {url}")

  def test_what_is_missing(self):
    with self.assertRaisesRegex(errors.InputError, "npm install --no-save"):
      single_page.write(self.folder / "x.html", {}, self.folder)
    for arguments, part in (
      (("--output=x.png",), ".html"),
      (("--output=gs://b/x.html",), "is an address"),
      (("x.png", "--output=x.html"), "x.png"),
      ((), "--output"),
      (("--output=x.html", "--weights=a/g.npz,b/g.npz"), "called g.npz"),
    ):
      self.assert_fails(programs.run("browser", *arguments), part)

  @absltest.skipIf(chromium.PATH is None, chromium.ABSENT)
  def test_the_line_is_where_the_image_before_ends(self):
    path = self.folder / "page.html"
    network = single_page.Network(b"graph", 4, 7)
    single_page.write(path, {"x": network}, self.package())
    with chromium.started(self.folder / "profile") as browser:
      page = browser.open(path.as_uri())
      page.run("element('result').hidden = false")
      for window in (320, 1280):
        page.resize(width=window)
        for width in (40, 256, 720, 3000):
          line, before, after, slider, end = page.run(
            "(() => {for (const name of ['before', 'after']) {"
            f" element(name).width = {width}; element(name).height = 50;}}"
            " element('slider').value = 70; slide();"
            " const box = (id) => element(id).getBoundingClientRect();"
            " return [box('line').x + 1 - box('frame').x,"
            " box('before').width, box('after').width, box('slider').width,"
            " document.documentElement.scrollWidth];})()"
          )
          self.assertEqual(before, after)
          expected = min(width, window - 32, 992)
          self.assertAlmostEqual(before, expected, delta=0.5)
          self.assertAlmostEqual(line, 0.7 * before, delta=0.5)
          if before >= 200:  # the button is narrower
            self.assertAlmostEqual(slider, before, delta=0.5)
          self.assertEqual(end, window)
      self.assertEmpty(page.complaints())

  @absltest.skipIf(chromium.PATH is None, chromium.ABSENT)
  @absltest.skipIf(PACKAGE is None, NO_PACKAGE)
  def test_tiles_offline_and_from_disk(self):
    """The page's pixels are those of the command line, in tiles and whole."""
    lr, sr = self.write("lr.png", 37, 50, 3), self.folder / "sr.png"
    weights = self.weights()
    for program, *arguments in (
      ("upscale", lr, f"--weights={weights}", f"--output={sr}"),
      (
        *("browser", f"--weights={weights}", f"--onnxruntime={PACKAGE}"),
        f"--output={self.folder / 'whole.html'}",
      ),
    ):
      result = programs.run(program, *arguments)
      self.assertEqual(result.returncode, 0, result.stderr)
    whole = (self.folder / "whole.html").read_text()
    self.file("tiles.html", whole.replace('"tile": 128', '"tile": 16').encode())
    expected = images.read(sr).astype(int)
    made = []
    for name in ("whole", "tiles"):
      profile = self.folder / name
      with chromium.started(profile) as browser:
        page = browser.open((self.folder / f"{name}.html").as_uri())
        page.disconnect()
        page.upload("#file", lr)
        page.wait("!document.querySelector('#start').disabled")
        page.run(
          "let tiles = 0; const type = CanvasRenderingContext2D.prototype,"
          " put = type.putImageData; type.putImageData = function (...all)"
          " {tiles += 1; put.apply(this, all);}"
        )
        page.click("#start")
        page.wait("document.querySelector('#about').innerText.endsWith('s')")
        self.assertEqual(page.run("tiles"), {"whole": 1, "tiles": 12}[name])
        page.click("#download")
        file = profile / "lr_x4.png"
        while not file.exists():
          page.run("new Promise((then) => setTimeout(then, 20))")
        self.assertEmpty(page.complaints())
        for url in page.requests():
          self.assertTrue(url.startswith(("file:", "blob:", "data:")), url)
      made.append(images.read(file).astype(int))
      difference = np.abs(made[-1] - expected)
      self.assertLessEqual(difference.max(), 1)
      self.assertLess((difference > 0).mean(), 0.001)
    np.testing.assert_array_less(np.abs(made[0] - made[1]), 2)
    self.assertLess((made[0] != made[1]).mean(), 0.001)


if __name__ == "__main__":
  absltest.main()
