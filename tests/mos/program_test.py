"""The program: its commands as users run them."""

import json
import signal
import subprocess
import sys
import urllib.request

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.image_io import images
from srfeat_jax.mos import study as study_lib
from tests.support import opinion_studies, paths, programs


class ProgramTest(programs.ProgramTestCase, parameterized.TestCase):
  def results(self) -> list[str]:
    """Folders of two methods, and of HR images, of two sets of 4 images."""
    for i, folder in enumerate(("a", "b", "data/A/HR", "data/B/HR")):
      names = [f"{j}.png" for j in range(4)]
      if "HR" not in folder:
        names = [f"{set_name}/{name}" for set_name in "AB" for name in names]
      opinion_studies.write_images(self.folder / folder, *names, seed=i)
    return [f"{name}={self.folder / name}" for name in "ab"]

  def run_mos(self, *arguments):
    return programs.run("mos", *arguments)

  def test_a_study(self):
    study_folder, ratings = self.folder / "study", self.folder / "ratings"
    built = self.run_mos(
      *("build", *self.results(), f"--benchmarks={self.folder / 'data'}"),
      *(f"--output={study_folder}", "--interpolated=nearest", "--seed=1"),
      *("--images_per_set=3", "--repeats=2", "--crop=16", "--scale=4"),
    )
    self.assertEqual(built.returncode, 0, built.stderr)
    self.assertIn("26 items: 6 images by 4 methods", built.stdout)
    study = study_lib.load(study_folder)
    self.assertEqual(study.methods, ("HR", "nearest", "a", "b"))
    sources = {item.source for item in study.items}
    self.assertEqual({name for name, _ in sources}, {"A", "B"})
    page = study_folder / study_lib.PAGE
    shown = images.read(page / "images" / "example1_excellent.png")
    self.assertEqual(shown.shape, (16, 16, 3))
    rng = np.random.default_rng(0)
    quality = np.array([[5], [1], [3], [4]]) + np.zeros((4, 6))
    answers = opinion_studies.Opinions(quality).ratings(study, 6, rng)
    with subprocess.Popen(
      [
        *(sys.executable, "-m", "srfeat_jax.mos", "serve", study_folder),
        f"--results={ratings}",
      ],
      cwd=paths.REPOSITORY,
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    ) as server:
      try:
        url = server.stdout.readline().split()[4]
        self.assertStartsWith(url, "http://127.0.0.1:")
        ids = [item.id for item in study.items]
        for rater, row in zip(answers.raters, answers.scores, strict=True):
          scores = dict(zip(ids, map(int, row), strict=True))
          sent = opinion_studies.submission(study, scores, rater=rater)
          request = urllib.request.Request(
            f"{url}submissions",
            opinion_studies.encode(sent),
            {"Content-Type": "application/json"},
          )
          with urllib.request.urlopen(request) as answer:
            self.assertEqual(answer.status, 201)
          self.assertIn("26 of 26 rated", server.stdout.readline())
      finally:
        server.send_signal(signal.SIGINT)
      self.assertEqual(server.wait(), 0)
      self.assertIn("The page is closed", server.stderr.read())
    (ratings / "<b>x.json").write_bytes(b"{}")
    output = self.folder / "opinions"
    arguments = "analyze", study_folder, f"--results={ratings}"
    result = self.run_mos(*arguments, f"--output={output}")
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn("left out: <b>x.json: the submission lacks", result.stdout)
    self.assertIn("6 raters, of whom 6 rated all 26 items", result.stdout)
    found = json.loads((output / "analysis.json").read_bytes())
    self.assertEqual([*found["sets"]], ["A", "B", "all sets"])
    self.assertEqual(len(found["raters"]), 6)
    score = found["sets"]["all sets"]["everyone"]["b"]
    firsts = [
      i
      for i, item in enumerate(study.items)
      if item.method == "b" and not item.repeat_of
    ]
    self.assertAlmostEqual(score["mos"], answers.scores[:, firsts].mean())
    text = (output / "analysis.md").read_text()
    self.assertIn(f"| {score['mos']:.2f} |", text)
    self.assertNotIn("<b>", text.replace("\\<", ""))
    for name in ("mos.png", "distribution.png"):
      self.assertIn(f"]({name})", text)
      plot = images.read(output / name)
      self.assertGreater(plot.std(), 5)
    # A study that is there stays.
    again = self.run_mos("build", *self.results(), f"--output={study_folder}")
    self.assert_fails(again, "not empty")

  def test_the_scale_of_results(self):
    results = self.folder / "results"
    opinion_studies.write_results(results, ["mine"], ["A/x"], scale=2)
    opinion_studies.write_images(self.folder / "data/A/HR", "x.png")
    arguments = (
      *("build", results, f"--benchmarks={self.folder / 'data'}"),
      *(f"--output={self.folder / 'study'}", "--interpolated=nearest"),
      "--repeats=0",
    )
    self.assert_fails(
      self.run_mos(*arguments, "--scale=4"), "--scale=4, but by its results"
    )
    built = self.run_mos(*arguments)
    self.assertEqual(built.returncode, 0, built.stderr)
    items = study_lib.load(self.folder / "study").items
    (item,) = (each.id for each in items if each.method == "nearest")
    path = self.folder / "study" / study_lib.PAGE / "images" / f"{item}.png"
    shown = images.read(path)
    np.testing.assert_array_equal(shown[::2, ::2], shown[1::2, 1::2])
    self.assertTrue((shown[1:-1:2, 1:-1:2] != shown[2::2, 2::2]).any())

  def test_of_a_study_that_cannot_be_built_nothing_is_left(self):
    a, b = self.results()
    names = {path.name for path in self.folder.iterdir()}
    opinion_studies.write_images(self.folder / "b", "B/3.png", size=(24, 40))
    output = f"--output={self.folder / 'new/study'}"
    result = self.run_mos("build", a, b, output)
    self.assert_fails(result, "B/3 has 24 x 32", "24 x 40 as b did")
    self.assertEqual({path.name for path in self.folder.iterdir()}, names)

  @parameterized.parameters(
    ((), "is not a command"),
    (("rate",), "build, serve, analyze"),
    (("serve", "x"), "needs --results"),
    (("build", "x"), "needs --output"),
    (("analyze", "x", "--results=x", "--output=x", "--port=1"), "--port"),
    (("serve", "--results=x"), "expected one folder"),
    (("serve", "nowhere", "--results=x"), "nowhere/key.json"),
    (("build", "x", "--output=gs://b/x"), "--output=gs://b/x is an address"),
    (("analyze", "gs://b/x", "--results=x", "--output=x"), "is an address"),
  )
  def test_wrong_arguments(self, arguments, part):
    self.assert_fails(self.run_mos(*arguments), part)

  def test_wrong_results(self):
    a, b = self.results()
    output = f"--output={self.folder / 'study'}"
    (self.folder / "b/B/3.png").unlink()
    for arguments, part in (
      ((a,), "two methods"),
      ((a, b), "b has no image B/3, which a has"),
      ((a, b, "--sets=C"), "A, B"),
      ((a, b, "--sets=A", "--interpolated=nearest"), "needs --benchmarks"),
      ((a, b, f"--benchmarks={self.folder / 'data'}"), "--scale is needed"),
      ((), "nothing to rate"),
    ):
      result = self.run_mos("build", *arguments, output)
      self.assert_fails(result, part)
    self.assertFalse((self.folder / "study").exists())
    (self.folder / "study").write_text("mine")
    self.assert_fails(self.run_mos("build", a, b, output), "is a file")
    self.assertEqual((self.folder / "study").read_text(), "mine")


if __name__ == "__main__":
  absltest.main()
