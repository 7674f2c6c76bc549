"""Metrics that a person wrote."""

import os

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.data import benchmarks
from srfeat_jax.evaluation import evaluator, own_metric
from srfeat_jax.image_io import images
from srfeat_jax.inference import upscaler
from tests.support import image_files

_SOURCE = b"""
import numpy as np
import neighbor
def largest_error(sr, hr):
  return np.abs(sr.astype(int) - hr).max() + neighbor.NOTHING
def spoil(sr, hr):
  sr[:] = hr[:] = 0
  return True
def fails(sr, hr):
  raise RuntimeError("no luck")
def array(sr, hr):
  return sr[0]
def text(sr, hr):
  return "1"
number = 3
"""


class OwnMetricTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.file("neighbor.py", b"NOTHING = 0")
    self.path = self.file("mine.py", _SOURCE)
    rng = np.random.default_rng(0)
    self.sr, self.hr = rng.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)

  def test_from_a_file(self):
    metric = own_metric.Metric(f"{self.path}:largest_error")
    self.assertEqual(metric.name, "largest_error")
    expected = float(np.abs(self.sr.astype(int) - self.hr).max())
    self.assertEqual(metric(self.sr, self.hr), expected)

  def test_from_a_module_in_the_current_folder(self):
    self.file("srfeat_jax_test_module.py", b"def one(sr, hr): return 1")
    self.addCleanup(os.chdir, os.getcwd())
    os.chdir(self.folder)
    metric = own_metric.Metric("srfeat_jax_test_module:one")
    self.assertEqual(metric(self.sr, self.hr), 1.0)

  def test_cannot_spoil_the_images(self):
    before = self.sr.copy()
    own_metric.Metric(f"{self.path}:spoil")(self.sr, self.hr)
    np.testing.assert_array_equal(self.sr, before)

  @parameterized.parameters(
    ("fails", "failed: RuntimeError: no luck, mine.py line 10"),
    ("array", r"returned ndarray \(8, 3\): expected a number"),
    ("text", "returned str: expected a number"),
  )
  def test_a_function_that_does_not_measure(self, name, sentence):
    metric = own_metric.Metric(f"{self.path}:{name}")
    with self.assertRaisesRegex(
      errors.InputError, f"mine.py:{name} {sentence}"
    ):
      metric(self.sr, self.hr)

  @parameterized.parameters(
    ("{}:nothing", "AttributeError"),
    ("{}:number", "not a function, but 3"),
    ("{}", 'not a function: expected "FILE.py:FUNCTION"'),
    ("{}:", "not a function"),
    ("{}.py:f", "No such file"),
    ("no_such_module:f", "No module named 'no_such_module'"),
    ("{}/broken.py:f", "SyntaxError"),
    ("{}/raises.py:f", "KeyError: 'x', raises.py line 2"),
  )
  def test_no_function(self, source, sentence):
    self.file("broken.py", b"def f(:")
    self.file("raises.py", b"\n{}['x']")
    place = self.folder if "/" in source else self.path
    with self.assertRaisesRegex(errors.InputError, sentence):
      own_metric.Metric(source.format(place))

  def test_names_that_are_taken(self):
    sources = [f"{self.path}:spoil", f"{self.path}:text"]
    metrics = own_metric.load([*sources, sources[0]], ["psnr_y"])
    self.assertEqual([each.name for each in metrics], ["spoil", "text"])
    with self.assertRaisesRegex(errors.InputError, "metric text already"):
      own_metric.load(sources, ["text"])

  def test_is_evaluated_with_the_others(self):
    image = np.random.default_rng(1).integers(0, 256, (24, 24, 3), np.uint8)
    images.write(self.folder / "set/HR/a.png", image)
    sets = benchmarks.load(self.folder / "set")
    metrics = own_metric.load([f"{self.path}:largest_error"], [])
    results = evaluator.evaluate(upscaler.bicubic, sets, own=metrics)
    scores = results["sets"]["set"]
    self.assertGreater(scores["largest_error"], 1)
    self.assertEqual(
      scores["images"]["a"]["largest_error"], scores["largest_error"]
    )
    failing = own_metric.load([f"{self.path}:fails"], [])
    with self.assertRaisesRegex(errors.InputError, "^set a: .*no luck"):
      evaluator.evaluate(upscaler.bicubic, sets, own=failing)


if __name__ == "__main__":
  absltest.main()
