"""What validation and evaluation report is the network's own score."""

import jax
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.evaluation import evaluator, protocol, validator
from srfeat_jax.inference import upscaler
from srfeat_jax.ops import pixels
from tests.support import image_files, own_generators


class _Writer:
  """Keeps what is written."""

  def __init__(self):
    self.scalars, self.images = {}, {}

  def write_scalars(self, step, scalars):
    self.scalars[step] = scalars

  def write_images(self, step, images):
    self.images[step] = images


class ValidatorTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    rng = np.random.default_rng(4)
    for name, size in (("a", (64, 80)), ("b", (50, 46))):
      noise = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
      path = self.folder / "Set" / "HR" / f"{name}.png"
      path.parent.mkdir(parents=True, exist_ok=True)
      path.write_bytes(image_files.encode(noise, "PNG"))

  @parameterized.parameters(
    own_generators.NormBefore,
    own_generators.NormAfter,
    own_generators.Mirroring,
    own_generators.Pooling,
    own_generators.Transposed,
  )
  def test_scores_are_the_plain_network_s(self, kind):
    generator, variables = own_generators.build(kind)
    # As bright as images are, so that differences are not clipped away.
    tail = max(variables["params"])
    scaled = jax.tree.map(lambda x: 0.3 * x, variables["params"][tail])
    scaled["bias"] = scaled["bias"] + np.float32(0.4)
    variables["params"][tail] = scaled

    def plain(lr):
      lr = pixels.to_float(lr)
      return pixels.to_uint8(own_generators.plain(generator, variables, lr))

    sets = protocol.MATLAB.load(self.folder, (), generator.scale)
    expected = evaluator.evaluate(plain, sets, scale=generator.scale)
    scores = expected["sets"]["Set"]
    upscale = upscaler.Upscaler(generator, variables)
    evaluated = evaluator.evaluate(upscale, sets, scale=generator.scale)
    writer = _Writer()
    validated = validator.Validator(generator, str(self.folder), ()).validate(
      7, jax.tree.map(jax.numpy.asarray, variables), writer
    )
    self.assertLess(scores["psnr_y"], 30)
    self.assertEqual(writer.scalars, {7: validated})
    self.assertLen(writer.images[7], 2)
    for metric in ("psnr_y", "ssim_y"):
      value = scores[metric]
      self.assertAlmostEqual(
        evaluated["sets"]["Set"][metric], value, delta=1e-3
      )
      self.assertAlmostEqual(validated[f"eval/set/{metric}"], value, delta=1e-3)

  def test_abandoned(self):
    generator, variables = own_generators.build(own_generators.NormBefore)
    variables = jax.tree.map(jax.numpy.asarray, variables)
    checked = validator.Validator(
      *(generator, self.folder, ()),
      workdir=self.folder / "run",
      snapshot_steps=frozenset([3]),
    )
    for answers in ([True], [False, True], [False, False, True]):
      writer = _Writer()
      with self.assertRaises(validator.AbandonedError):
        checked.validate(3, variables, writer, iter(answers).__next__)
      self.assertEqual((writer.scalars, writer.images), ({}, {}))

  def test_more_metrics(self):
    (self.folder / "mine.py").write_text(
      "def mine(sr, hr):\n  return abs(sr.astype(float) - hr).mean()\n"
    )

    class Perceptual:
      """In place of LPIPS, whose weights are not here."""

      description = "half of it"
      backbone = "squeeze"

      def __call__(self, sr, hr):
        return abs(sr.astype(float) - hr).mean() / 2

    generator, _ = own_generators.build(own_generators.Pooling)
    found = validator.Validator(
      generator,
      str(self.folder),
      ("Set",),
      Perceptual(),
      (f"{self.folder}/mine.py:mine",),
    )
    self.assertContainsSubset(("psnr_y", "lpips", "mine"), found.metrics)
    self.assertEqual(found.record(), {"lpips_backbone": "squeeze"})
    scores = found.write_baseline(_Writer())
    shown = found.headline(scores)
    self.assertEqual(
      list(shown),
      [
        f"eval/set/{name}_bicubic"
        for name in ("psnr_y", "ssim_y", "lpips", "mine")
      ],
    )
    self.assertAlmostEqual(
      shown["eval/set/mine_bicubic"], 2 * shown["eval/set/lpips_bicubic"]
    )
    self.assertGreater(shown["eval/set/mine_bicubic"], 1)


if __name__ == "__main__":
  absltest.main()
