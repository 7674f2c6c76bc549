"""Tests of srfeat_jax.evaluation.evaluator."""

import json
import math
import os
import socket
import subprocess
import sys

import jax
import numpy as np
from absl.testing import absltest
from PIL import Image

from srfeat_jax import errors
from srfeat_jax.evaluation import evaluator, protocol
from srfeat_jax.image_io import images
from srfeat_jax.inference import upscaler
from tests.support import image_files, paths


def _noise(*shape: int, seed: int = 0) -> np.ndarray:
  """Smooth noise, so that bicubic has something to restore."""
  rng = np.random.default_rng(seed)
  small = rng.integers(0, 256, (9, 9, *shape[2:]), dtype=np.uint8)
  return np.asarray(Image.fromarray(small).resize(shape[1::-1]))


class EvaluatorTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    for i in range(3):
      images.write(self.folder / f"A/HR/{i}.png", _noise(40, 48, 3, seed=i))
    images.write(self.folder / "B/HR/flat.png", np.full((40, 40), 9, np.uint8))
    self.sets = protocol.MATLAB.load(self.folder)

  def test_means_images_and_callback(self):
    seen = []

    def keep(set_name, name, lr, sr, hr):
      seen.append((set_name, name, lr.shape, sr.shape, hr.shape))

    results = evaluator.evaluate(upscaler.bicubic, self.sets, on_image=keep)
    scores = results["sets"]["A"]
    self.assertEqual(list(results["sets"]), ["A", "B"])
    self.assertEqual(list(scores["images"]), ["0", "1", "2"])
    for metric in protocol.MATLAB.metrics(4):
      values = [image[metric] for image in scores["images"].values()]
      mean = sum(values) / 3
      if metric == "checkerboard":
        mean = math.prod(values) ** (1 / 3)
      self.assertAlmostEqual(scores[metric], mean)
      self.assertLen(set(values), 3)
    self.assertEqual(results["protocol"]["name"], "matlab")
    self.assertLen(seen, 4)
    self.assertEqual(seen[0], ("A", "0", (10, 12, 3), (40, 48, 3), (40, 48, 3)))
    self.assertEqual(seen[3], ("B", "flat", (10, 10), (40, 40), (40, 40)))

  def test_equal_images_have_infinite_psnr(self):
    scores = evaluator.evaluate(upscaler.bicubic, self.sets)["sets"]["B"]
    self.assertEqual((scores["psnr_y"], scores["ssim_y"]), (math.inf, 1))

  def test_several_devices_share_the_images(self):
    seen, devices = [], []

    class Brightness:
      name, description = "brightness", "the mean level; not defined for 9"

      def __call__(self, sr, hr):
        devices.append(jax.numpy.zeros(()).device)
        return math.nan if hr.max() == 9 else float(sr.mean())

    def upscale(lr):
      return upscaler.bicubic(lr)

    options = {"more": [Brightness()], "timed": True}
    results = evaluator.evaluate(
      [upscale] * 2, self.sets, on_image=lambda *a: seen.append(a[1]), **options
    )
    self.assertCountEqual(seen, ["0", "1", "2", "flat"])
    self.assertContainsSubset(devices, jax.local_devices()[:2])
    speed = results.pop("speed")
    alone = evaluator.evaluate(upscale, self.sets, **options)
    of_set = alone.pop("speed")["A"]
    self.assertEqual(repr(results), repr(alone))  # NaN is not equal to itself
    self.assertEqual(list(speed["A"]["images"]), ["0", "1", "2"])
    total = sum(of_set["images"].values())
    self.assertAlmostEqual(of_set["seconds"], total / 3)
    self.assertAlmostEqual(
      of_set["megapixels_per_second"], 3 * 40 * 48 / 1e6 / total
    )
    self.assertTrue(math.isnan(results["sets"]["B"]["brightness"]))
    self.assertIn("brightness", results["metrics"])

  def test_a_mistake_ends_all_threads(self):
    def metric(sr, hr):
      raise errors.InputError("no such thing")

    metric.name = metric.description = "x"
    with self.assertRaisesRegex(errors.InputError, "[AB] .*: no such thing"):
      evaluator.evaluate([upscaler.bicubic] * 2, self.sets, more=[metric])

  def test_the_first_image_of_a_size_is_upscaled_twice_for_its_time(self):
    sizes = []

    def upscale(lr):
      sizes.append(lr.shape)
      return upscaler.bicubic(lr)

    evaluator.evaluate(upscale, self.sets, timed=True)
    self.assertEqual(sizes, [(10, 12, 3)] * 4 + [(10, 10)] * 2)

  def test_no_sets(self):
    self.assertEqual(evaluator.evaluate(upscaler.bicubic, [])["sets"], {})

  def test_two_processes_agree_with_one(self):
    with socket.socket() as free:
      free.bind(("localhost", 0))
      address = f"localhost:{free.getsockname()[1]}"
    program = f"""
import json, sys, jax
jax.distributed.initialize({address!r}, 2, int(sys.argv[1]))
from srfeat_jax.evaluation import evaluator, protocol, report
from srfeat_jax.inference import upscaler
sets, mine = protocol.MATLAB.load({str(self.folder)!r}), []
results = evaluator.evaluate(
  upscaler.bicubic, sets, on_image=lambda *a: mine.append(a[1]))
nothing = evaluator.evaluate(upscaler.bicubic, [])["sets"]
print(json.dumps([results, mine, nothing]))
"""
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    processes = [
      subprocess.Popen(
        [sys.executable, "-c", program, str(i)],
        stdout=subprocess.PIPE,
        cwd=paths.REPOSITORY,
        env=environment,
        text=True,
      )
      for i in range(2)
    ]
    outputs = [process.communicate()[0] for process in processes]
    self.assertEqual([process.returncode for process in processes], [0, 0])
    alone = evaluator.evaluate(upscaler.bicubic, self.sets)
    for output, share in zip(outputs, (["0", "2"], ["1", "flat"]), strict=True):
      results, mine, nothing = json.loads(output.splitlines()[-1])
      self.assertEqual(results, alone)
      self.assertEqual(mine, share)
      self.assertEqual(nothing, {})


if __name__ == "__main__":
  absltest.main()
