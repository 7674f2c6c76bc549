"""Tests of srfeat_jax.training.degradation."""

import functools
import os
import sys
import tempfile
import textwrap

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.configs import common, degradations
from srfeat_jax.data import synthetic
from srfeat_jax.ops import pixels, resize
from srfeat_jax.training import config_checks, degradation, parallel


class DegradeTest(parameterized.TestCase):
  @parameterized.parameters(1, 2, 4, 8)
  def test_equals_numpy_bit_for_bit(self, scale):
    rng = np.random.default_rng(scale)
    noise = rng.integers(0, 256, (4, 48, 32, 3), dtype=np.uint8)
    # Over- and undershoot that the 8 bits cut off, and halves to be rounded.
    extreme = 255 * (noise > 127).astype(np.uint8)
    edges = np.where(np.arange(32) % 16 < 8, 0, 255)[:, None]
    edges = np.broadcast_to(edges, (4, 48, 32, 3)).astype(np.uint8)
    function = jax.jit(degradation.degrade, static_argnums=1)
    mesh = parallel.make_mesh()
    for crops in (noise, extreme, edges):
      lr, hr = function(parallel.to_global(crops, mesh), scale)
      expected = resize.resize(crops, 1 / scale)
      self.assertEqual(expected.dtype, np.uint8)
      for ours, levels in ((lr, expected), (hr, crops)):
        np.testing.assert_array_equal(pixels.to_uint8(ours), levels)
        # XLA may multiply by 1/255 in place of dividing.
        levels = levels / np.float32(255)
        np.testing.assert_array_max_ulp(np.asarray(ours), levels, 1)

  def test_equals_numpy_but_for_halves_where_the_scale_is_3(self):
    crops = np.stack([synthetic.scene(i, 96) for i in range(4)])
    lr, hr = jax.jit(degradation.degrade, static_argnums=1)(crops, 3)
    np.testing.assert_array_equal(pixels.to_uint8(hr), crops)
    expected = resize.resize(crops, 1 / 3).astype(int)
    self.assertEqual(lr.shape, (4, 32, 32, 3))
    difference = np.abs(pixels.to_uint8(np.asarray(lr)) - expected)
    self.assertLessEqual(difference.max(), 1)
    self.assertLess(difference.mean(), 1e-3)

  @parameterized.parameters((98, 4), (0, 4), (2, 4), (-8, 4), (12, 8))
  def test_crop_does_not_divide(self, crop_size, scale):
    with self.assertRaisesRegex(
      errors.InputError, f"crop_size is {crop_size}, .*scale {scale}"
    ):
      degradation.check_crop_size(crop_size, scale)

  def test_crop_divides(self):
    degradation.check_crop_size(296, 4)
    degradation.check_crop_size(4, 4)


def _small() -> ml_collections.ConfigDict:
  """All stages, of which compiling does not take long."""
  config = degradations.mixed()
  config.first_probability = 0.5
  config.clean_probability = 0.5
  for stage in (config.first, config.second):
    stage.kernel_size = (3, 7)
  return config


def _crops(count: int = 8, side: int = 32) -> np.ndarray:
  return np.stack([synthetic.scene(i, side) for i in range(count)])


@functools.cache
def _compiled():
  """Compiled once for all tests that degrade photographs."""
  return jax.jit(degradation.make(_small(), 4))


class PhotoBatchTest(parameterized.TestCase):
  def test_device_counts_agree(self):
    crops, key = _crops(), jax.random.key(3)
    on_one = _compiled()(crops, key)
    mesh = parallel.make_mesh()
    self.assertEqual(mesh.size, 4)
    on_four = _compiled()(
      jax.device_put(crops, parallel.split(mesh)),
      jax.device_put(key, parallel.replicated(mesh)),
    )
    self.assertLen(on_four[0].addressable_shards, 4)
    results = jax.device_get((on_one, on_four))
    for one, four in zip(*map(jax.tree.leaves, results), strict=True):
      # Draws alike; sums of products may be grouped otherwise, which can move
      # a value over the edge of a level, or of a step of JPEG's tables.
      self.assertLess(np.mean(np.abs(one - np.float32(four)) > 1e-4), 0.01)

  def test_a_share_is_clean(self):
    crops = _crops()
    expected, _ = degradation.degrade(jnp.asarray(crops), 4)
    shares = []
    for seed in range(6):
      lr, _, draws = _compiled()(crops, jax.random.key(seed))
      same = np.all(np.asarray(lr == expected), axis=(1, 2, 3))
      np.testing.assert_array_equal(same, draws["clean"])
      shares.append(same.mean())
    self.assertBetween(np.mean(shares), 0.2, 0.8)

  def test_captions_say_what_was_drawn(self):
    draws = jax.device_get(_compiled()(_crops(), jax.random.key(0))[2])
    captions = [
      degradation.caption({name: value[i] for name, value in draws.items()})
      for i in range(8)
    ]
    for caption, clean in zip(captions, draws["clean"], strict=True):
      self.assertEqual(caption == "bicubic", bool(clean))
    self.assertIn("JPEG", "".join(captions))

  @parameterized.parameters(
    ("clean_probability", 1.5, "a probability"),
    ("first_probability", -0.1, "a probability"),
    ("second.noise_sigma", (5.0, 1.0), "the smaller one first"),
    ("first.jpeg_quality", (0.0, 95.0), "from 1 to 100"),
    ("first.kernel_size", (7, 20), "two odd numbers"),
    ("first.kernels", (0.0,) * 6, "shares"),
    ("second.resize_range", (0.0, 1.0), "from 0.05 to 4"),
  )
  def test_values_out_of_range_are_named(self, field, value, expected):
    config = common.get_config()
    config.update_from_flattened_dict({f"degradation.{field}": value})
    with self.assertRaisesRegex(
      errors.InputError, f"config.degradation.{field} is .*{expected}"
    ):
      config_checks.check(config)

  @parameterized.parameters(1, 3)
  def test_other_scales(self, scale):
    hr = np.stack([synthetic.scene(i, 36) for i in range(4)])
    degrade = jax.jit(degradation.make(_small(), scale))
    lr, target, draws = degrade(hr, jax.random.key(0))
    np.testing.assert_array_equal(pixels.to_uint8(target), hr)
    self.assertEqual(lr.shape, (4, 36 // scale, 36 // scale, 3))
    ours, _ = degradation.degrade(hr, scale)
    for i in range(4):
      if draws["clean"][i]:
        np.testing.assert_allclose(lr[i], ours[i], rtol=0, atol=1.01 / 255)
      else:
        self.assertFalse(np.allclose(lr[i], ours[i], rtol=0, atol=1.01 / 255))

  def test_an_unknown_kind_is_named(self):
    config = degradations.bicubic()
    config.kind = "film"
    with self.assertRaisesRegex(errors.InputError, '"film".*bicubic, photo'):
      degradation.make(config, 4)


class PairsTest(parameterized.TestCase):
  def batch(self):
    rng = np.random.default_rng(0)
    hr = rng.integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    return {"hr": hr, "lr": rng.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)}

  def made(self, batch):
    degrade = degradation.make(degradations.bicubic(), 2)
    of_batch = jax.jit(functools.partial(degradation.of_batch, degrade))
    return of_batch(batch, jax.random.key(0))

  def test_without_pairs(self):
    hr = self.batch()["hr"]
    lr, target, draws = self.made(hr)
    ours, theirs = degradation.degrade(hr, 2)
    np.testing.assert_array_equal(pixels.to_uint8(lr), pixels.to_uint8(ours))
    # Compiled or not, 1/255 may be a factor or a divisor.
    np.testing.assert_array_max_ulp(np.asarray(target), theirs, 1)
    self.assertEmpty(draws)

  def test_pairs_alone(self):
    batch = self.batch()
    lr, hr, draws = self.made(batch)
    np.testing.assert_array_equal(pixels.to_uint8(lr), batch["lr"])
    np.testing.assert_array_equal(pixels.to_uint8(hr), batch["hr"])
    self.assertTrue(draws["is_pair"].all())

  def test_mixed(self):
    is_pair = np.array([True, False, False, True])
    batch = self.batch()
    lr, hr, draws = self.made(batch | {"is_pair": is_pair})
    ours, _ = degradation.degrade(batch["hr"], 2)
    expected = np.where(
      is_pair[:, None, None, None], batch["lr"], pixels.to_uint8(ours)
    )
    np.testing.assert_array_equal(pixels.to_uint8(lr), expected)
    np.testing.assert_array_equal(pixels.to_uint8(hr), batch["hr"])
    captions = [
      degradation.caption({"is_pair": each}) for each in draws["is_pair"]
    ]
    self.assertEqual(captions, ["a pair", "", "", "a pair"])


class CustomTest(parameterized.TestCase):
  """A user's own function, in a module of their own."""

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    path = os.path.join(folder.name, "own_degradations.py")
    with open(path, "w") as file:
      file.write(
        textwrap.dedent("""\
          import jax

          def noisy(hr, key, scale):
            lr = hr[:, ::scale, ::scale]
            return lr + 0.1 * jax.random.normal(key, lr.shape)

          def large(hr, key, scale):
            return hr
        """)
      )
    sys.path.insert(0, folder.name)
    self.addCleanup(sys.path.remove, folder.name)
    self.addCleanup(sys.modules.pop, "own_degradations", None)

  def test_is_called(self):
    config = degradations.custom("own_degradations:noisy")
    function = jax.jit(degradation.make(config, 4))
    crops = _crops(2)
    lr, hr, _ = function(crops, jax.random.key(0))
    np.testing.assert_allclose(hr, crops / np.float32(255), rtol=1e-6)
    deviation = np.std(lr - hr[:, ::4, ::4])
    self.assertBetween(deviation, 0.08, 0.12)
    other, _, _ = function(crops, jax.random.key(1))
    self.assertTrue(np.any(lr != other))

  @parameterized.parameters(
    ("", "expected .MODULE:FUNCTION"),
    ("own_degradations", "expected .MODULE:FUNCTION"),
    ("no_such_module:f", "No module named"),
    ("own_degradations:film", "no attribute 'film'"),
  )
  def test_what_is_not_there_is_named(self, name, expected):
    config = degradations.custom(name)
    with self.assertRaisesRegex(
      errors.InputError, f'degradation.function is "{name}".*{expected}'
    ):
      degradation.make(config, 4)

  def test_another_shape_is_named(self):
    function = degradation.make(
      degradations.custom("own_degradations:large"), 4
    )
    with self.assertRaisesRegex(
      errors.InputError, r"returned float32 \(2, 32, 32, 3\).*\(2, 8, 8, 3\)"
    ):
      jax.eval_shape(function, _crops(2), jax.random.key(0))


if __name__ == "__main__":
  absltest.main()
