"""The whole page: what stands in it, that it is safe, and that it runs."""

import html.parser
import json
import re
import shutil
import subprocess
import unittest

import numpy as np
from absl.testing import absltest

from srfeat_jax.evaluation import runs as runs_lib
from srfeat_jax.image_io import images
from srfeat_jax.reporting import curves, figures, page, sources, tables
from tests.support import image_files

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run")
# What would be an element, or a script, if it were not escaped.
HOSTILE = "<b onclick=x()>\"'&"
CLOSING = "</script><script>document.title = 1</script>"


class _Parser(html.parser.HTMLParser):
  """Collects elements with their attributes, and text outside of scripts."""

  def __init__(self, text: str):
    super().__init__()
    self.elements: list[tuple[str, dict]] = []
    self.texts: list[str] = []
    self.feed(text)

  def handle_starttag(self, tag, attrs):
    self.elements.append((tag, dict(attrs)))

  def handle_data(self, data):
    self.texts.append(data)

  def all(self, tag: str) -> list[dict]:
    return [attributes for name, attributes in self.elements if name == tag]


class PageTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    rng = np.random.default_rng(0)
    lr = rng.integers(0, 256, (8, 10, 3), dtype=np.uint8)
    config = {
      "num_steps": 4,
      "init_from": CLOSING,
      "generator": {"batch_norm": False},
      "discriminators": {"feature": {"architecture": "srgan"}},
    }
    lines = [
      {"step": 0, "eval/set5/psnr_y_bicubic": 28.4},
      {
        **{"step": 2, "loss/pixel": 0.5, f"loss/{CLOSING}": 0.25},
        **{"probability/image_real": 0.75, "probability/image_fake": 0.125},
        **{"eval/set5/psnr_y": 30.25, "eval/set5/lpips": 0.125},
        **{"speed/images_per_second": 5, "speed/steps_per_second": 2},
      },
    ]
    # A file's name cannot hold a slash.
    self.name = HOSTILE + CLOSING.replace("/", "")
    self.file(f"{self.name}/config.json", json.dumps(config).encode())
    self.file(
      f"{self.name}/metrics.jsonl",
      "\n".join(map(json.dumps, lines)).encode(),
    )
    self.file(
      f"{self.name}/environment.json",
      json.dumps({"devices": ["TPU v5e"] * 4, "command": ["main.py"]}).encode(),
    )
    hr = rng.integers(0, 256, (32, 40, 3), dtype=np.uint8)
    for name, image in {"LR": lr, "HR": hr, "0": hr // 2, "4": hr // 3}.items():
      path = self.folder / self.name / f"snapshots/{name}/Set5/{HOSTILE}.png"
      images.write(path, image)
    point = {"set": "Set5", "psnr_y": 29.5, "lpips": 0.09}
    sweep = [point | {"alpha": alpha} for alpha in (0, 0.5)]
    self.file("sweep/sweep.json", json.dumps(sweep).encode())

  def html(self) -> str:
    found = sources.load(
      [str(self.folder / name) for name in (self.name, "sweep")]
    )
    shown = figures.make(found, None, None, 5)
    return page.make(found, "psnr_y", shown).html

  def test_all_parts_are_there_and_nothing_from_outside_is_code(self):
    text = self.html()
    parsed = _Parser(text)
    self.assertNotIn("<b onclick", text)
    self.assertNotIn("<script>document.title", text)
    # Data for the charts, each in one piece, and the one script.
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL)
    data = [json.loads(body) for kind, body in scripts if "json" in kind]
    self.assertLen(parsed.all("script"), len(data) + 1)
    self.assertLen(data, len(parsed.all("svg")))
    shown = {
      series["name"].removesuffix(", D(real)").removesuffix(", D(fake)")
      for chart in data
      for series in chart
    }
    # Who is published beside the run, its points and those of the sweep.
    self.assertContainsSubset(
      {self.name, "bicubic", "ESRGAN, published, backbone not named"}, shown
    )
    plane = next(chart for chart in data if "published" in chart[0]["name"])
    self.assertIn([29.5, 29.5], [series["x"] for series in plane])

    texts = " ".join(parsed.texts)
    for part in (
      *(self.name, CLOSING, "30.25", "28.40", "4 x TPU v5e", "main.py"),
      *("Set5 " + HOSTILE, "--vgg_weights=FILE"),
    ):
      self.assertIn(part, texts)
    for image in parsed.all("img"):
      self.assertStartsWith(image["src"], "data:image/webp;base64,")
      self.assertNotEmpty(image["alt"])
    # Bicubic, start, end and target; and the crops of them with an overview.
    self.assertLen(parsed.all("img"), 4 + 5)

  def test_no_address_leads_to_the_network(self):
    parsed = _Parser(self.html())
    for tag, attributes in parsed.elements:
      for name in ("src", "href", "srcset", "action", "data", "poster"):
        if address := attributes.get(name):
          self.assertRegex(address, "^(data:|#)", tag)
    (policy,) = [
      each["content"] for each in parsed.all("meta") if "http-equiv" in each
    ]
    self.assertIn("default-src 'none'; img-src data:;", policy)

  def test_runs_with_and_without_batch_norm_have_a_chart_of_their_own(self):
    def run(name, batch_norm, num_steps):
      config = {"generator.batch_norm": batch_norm, "num_steps": num_steps}
      curves_of_run = {"eval/set5/psnr_y": ([num_steps], [30.0])}
      return runs_lib.Run(name, config, curves_of_run)

    pair = [run("a", True, 300), run("b", False, 300)]
    for runs, expected in (
      ([*pair, run("c", False, 9000)], ["a", "b"]),
      (pair, None),  # which all charts show
      ([pair[0], run("c", False, 9000)], None),
    ):
      titles = {each.name: each.name for each in runs}
      (all_runs, *rest) = curves.groups(runs, titles, "psnr_y")
      self.assertLen(all_runs.charts[0].lines, len(runs))
      shown = [line.name for group in rest for line in group.charts[0].lines]
      self.assertEqual(shown, expected or [])

  def test_runs_of_other_kinds_are_no_pair(self):
    def run(name, batch_norm, **fields):
      config = {"generator.batch_norm": batch_norm, "num_steps": 300, **fields}
      return runs_lib.Run(name, config, {"eval/set5/psnr_y": ([1], [30.0])})

    adversarial = {
      **{"discriminators.image.architecture": "srgan", "init_from": "b"},
      "losses.adversarial_weight": 1e-3,
    }
    others = (
      {"losses.pixel_weight": 0.5},
      {"init_from": "b"},
      {"discriminators.image.architecture": "srgan"},
      {"data.train": "elsewhere"},
      {"generator.features": 64},
    )
    runs = [
      run("bn", True, **{"learning_rate.peak": 1e-3}),
      run("nobn", False, **{"generator.block_bias": True}),
      # Fields that came later, and are off.
      run("new", False, **{"teacher": "", "losses.phase_weight": 0.0}),
      run("gan", True, **adversarial),
      run("gan_nobn", False, **{**adversarial, "init_from": "c"}),
      *(run(f"other_{i}", False, **each) for i, each in enumerate(others)),
    ]
    titles = {each.name: each.name for each in runs}
    _, group, *_ = curves.groups(runs, titles, "psnr_y")
    self.assertEqual(
      [[line.name for line in chart.lines] for chart in group.charts],
      [["bn", "nobn", "new"], ["gan", "gan_nobn"]],
    )
    self.assertEqual(
      [chart.title for chart in group.charts],
      ["set5/psnr_y: bn, nobn, new", "set5/psnr_y: gan, gan_nobn"],
    )

  def test_words_and_numbers_of_tables_and_rows_of_crops(self):
    scores = {"psnr_y": 30.0, "niqe": 5.0, "custom": 0.5, "images": {}}
    published = {"method": "EDSR", "protocol": "Y", "source": "a paper"}
    results = {
      **{"weights": "x", "protocol": {"description": ""}},
      "sets": {"Set": scores},
      "speed": {"x": {"Set": {"megapixels_per_second": 198.381774}}},
      "published": [{**published, "sets": {"Set": {"psnr_y": 32.46}}}],
    }
    self.file("results/results.json", json.dumps(results).encode())
    found = sources.load([str(self.folder / "results")]).results
    means, everything, others = tables.of_results(found, "psnr_y")
    self.assertEqual(
      list(zip(means.header, means.rows[0], strict=True))[1:],
      [
        *(("psnr_y", "30.00"), ("niqe", "5.000")),
        ("megapixels a second", "198.38"),
      ],
    )
    self.assertFalse(means.is_text or everything.is_text)
    self.assertTrue(others.is_text)
    # The metric that was asked for is in sight, too.
    self.assertIn("custom", tables.of_results(found, "custom")[0].header)
    # With the whole image: one row of up to eight, then rows as long.
    for count, columns in ((7, 8), (8, 5), (9, 5), (11, 6)):
      crops = figures.Crops(
        "", "", 1, 1, (0, 0, 0, 0), [("", None, "")] * count
      )
      self.assertEqual(crops.columns, columns)

  def test_sliders_and_crops_show_the_same_versions_of_all_images(self):
    rng = np.random.default_rng(0)
    names = "abc"
    scores = {"Set": {"images": {name: {"psnr_y": 9} for name in names}}}
    results = {
      **{"weights": "x", "protocol": {"description": ""}, "sets": scores},
      "others": {"y": scores},
    }
    self.file("results/results.json", json.dumps(results).encode())
    for i, name in enumerate(names):
      hr = rng.integers(0, 200, (32, 40, 3), dtype=np.uint8)
      images.write(self.folder / f"sets/Set/HR/{name}.png", hr)
      of_y = hr + np.uint8(20 * (2 - i) + 1)
      # In the first image both are the same.
      for method, image in (("x", of_y if i == 0 else hr // 2), ("y", of_y)):
        path = self.folder / f"results/images/{method}/Set/{name}.png"
        images.write(path, image)
    found = sources.load([str(self.folder / "results")])
    shown = figures.make(found, self.folder / "sets", None, 5)
    self.assertEqual(shown.sorted_by, "y")
    (worst, first), (best, rest) = shown.viewers
    self.assertEqual((worst, best), ("Worst first", "Best first"))
    viewers = [*first, *rest]
    self.assertEqual(
      [each.title for each in viewers], ["Set a", "Set b", "Set c"]
    )
    for each in viewers:
      captions = [caption for caption, *_ in each.versions]
      self.assertEqual(captions, ["bicubic", "x", "y", "target"])
      self.assertEqual((each.left, each.right), (0, 2))
    psnr = [each.versions[each.right][1] for each in viewers]
    self.assertEqual(psnr, sorted(psnr))
    for each in shown.crops:
      self.assertEqual(
        [caption for caption, *_ in each.panels],
        ["bicubic", "x", "y", "target"],
      )

  @unittest.skipUnless(CHROMIUM, "needs Chromium: apt install chromium")
  def test_a_browser_runs_the_script_and_complains_of_nothing(self):
    path = self.file("report.html", self.html().encode())
    result = subprocess.run(
      [
        *(CHROMIUM, *FLAGS, f"--user-data-dir={self.folder / 'profile'}"),
        *("--enable-logging=stderr", "--dump-dom", path.as_uri()),
      ],
      capture_output=True,
      text=True,
      check=False,
      timeout=300,
    )
    # Errors of scripts, and what the page's policy has stopped.
    self.assertNotIn("CONSOLE", result.stderr)
    parsed = _Parser(result.stdout)
    self.assertEqual(parsed.all("html"), [{"lang": "en", "class": "js"}])
    self.assertIn("Super-resolution report", parsed.texts)
    # The script fills the menus, and shows the first and the last version.
    self.assertLen(parsed.all("option"), 2 * 4)
    shown = [
      each for each in parsed.all("div") if each.get("class") == "version shown"
    ]
    self.assertLen(shown, 2)
    (handle,) = [
      each for each in parsed.all("div") if each.get("role") == "slider"
    ]
    self.assertRegex(handle["aria-valuetext"], "50 percent bicubic .* dB, then")


if __name__ == "__main__":
  absltest.main()
