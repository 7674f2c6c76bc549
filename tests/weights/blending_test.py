"""Network interpolation: as a function, as a file, as flags."""

import jax
import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax import errors
from srfeat_jax.weights import blending, lookup
from tests.support import blendable


class BlendTest(blendable.BlendTestCase):
  @parameterized.parameters(0.0, 0.3, 1.0)
  def test_every_array_is_interpolated(self, alpha):
    blended = blending.blend(self.first, self.second, alpha)
    self.assertEqual(blended.generator, blendable.GENERATOR)
    ends = (lookup.load(p).variables for p in (self.first, self.second))
    jax.tree.map(
      lambda x, a, b: np.testing.assert_allclose(
        x, (1 - alpha) * a + alpha * b, rtol=1e-6
      ),
      blended.variables,
      *ends,
    )
    self.assertIn("batch_stats", blended.variables)

  @parameterized.parameters(-0.1, 1.1, float("nan"))
  def test_alpha_outside(self, alpha):
    with self.assertRaisesRegex(errors.InputError, "alpha is .* from 0.* to 1"):
      blending.blend(self.first, self.second, alpha)

  def test_different_architectures(self):
    other = self._save("other", blendable.GENERATOR | {"num_blocks": 2}, seed=0)
    with self.assertRaisesRegex(
      errors.InputError,
      "cannot be blended.*num_blocks is 1 and 2; .*missing: .*blocks_1",
    ):
      blending.blend(self.first, other, 0.5)

  def test_same_shapes_of_another_function(self):
    other = self._save("other", blendable.GENERATOR | {"tanh": True}, seed=0)
    with self.assertRaisesRegex(
      errors.InputError, "different architectures: tanh is False and True$"
    ):
      blending.blend(self.first, other, 0.5)

  def test_what_does_not_matter(self):
    change = {"dtype": "bfloat16", "initializer": "normal", "tanh": False}
    other = self._save("other", blendable.GENERATOR | change, seed=1)
    blended = blending.blend(self.first, other, 0.5)
    self.assertEqual(blended.generator, blendable.GENERATOR)

  def test_file_and_flags_agree(self):
    source = self.folder / "in.png"
    noise = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    Image.fromarray(noise).save(source)
    file = str(self.folder / "blend.safetensors")
    self._run(
      "convert", "blend", self.first, self.second, "--alpha=0.3",
      f"--output={file}",
    )  # fmt: skip
    by_file, by_flags = (self.folder / f"{i}.png" for i in range(2))
    self._run(
      "upscale", str(source), f"--weights={file}", f"--output={by_file}"
    )
    self._run(
      "upscale", str(source), f"--weights={self.first}",
      f"--blend={self.second}", "--alpha=0.3", f"--output={by_flags}",
    )  # fmt: skip
    np.testing.assert_array_equal(Image.open(by_file), Image.open(by_flags))

  def test_flags_that_do_not_fit(self):
    Image.new("RGB", (4, 4)).save(self.folder / "a.png")
    common = ("upscale", str(self.folder), f"--output={self.folder / 'out'}")
    for flags, message in (
      ((f"--weights={self.first}", "--alpha=0.3"), "blend and alpha"),
      (
        ("--weights=bicubic", f"--blend={self.first}", "--alpha=1"),
        "bicubic has no weights",
      ),
    ):
      with self.subTest(message):
        self.assertIn(message, self._fail(*common, *flags))


if __name__ == "__main__":
  absltest.main()
