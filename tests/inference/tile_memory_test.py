"""Memory: the tiles that it allows, and what happens when it runs out."""

import pathlib
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from flax import linen as nn

from srfeat_jax import errors, models
from srfeat_jax.inference import (
  equivalence,
  overlap,
  tile_memory,
  tile_program,
  upscaler,
)
from tests.support import inference_networks

CONFIGS = inference_networks.CONFIGS


def _image(*shape: int, dtype=np.uint8) -> np.ndarray:
  limit = np.iinfo(dtype).max + 1
  return np.random.default_rng(7).integers(0, limit, shape, dtype=dtype)


class _Hungry(nn.Module):
  """Repeats pixels; fails for tiles larger than the square of `most`."""

  most: int
  error: type[Exception] = MemoryError
  scale: int = 4
  receptive_radius: int = 3

  @nn.compact
  def __call__(self, lr):
    if lr.shape[1] * lr.shape[2] > self.most**2:
      raise self.error("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes.")
    return lr.repeat(4, axis=1).repeat(4, axis=2)


def _hungry(*args, tile: int) -> upscaler.Upscaler:
  """An upscaler whose network is not tried beforehand."""
  known = equivalence.Equivalence(overlap.Overlap(3))
  with mock.patch.object(equivalence, "of", return_value=known):
    return upscaler.Upscaler(_Hungry(*args), {}, tile)


class MemoryTest(parameterized.TestCase):
  @parameterized.parameters(MemoryError, jax.errors.JaxRuntimeError)
  def test_tiles_are_halved_when_memory_runs_out(self, error):
    lr = _image(90, 70, 3)
    upscale = _hungry(25, error, tile=100)
    finished = []
    with self.assertLogs(level="WARNING") as logs:
      sr = upscale(lr, finished.append)
    np.testing.assert_array_equal(sr, lr.repeat(4, axis=0).repeat(4, axis=1))
    self.assertEqual(sum(finished), 90 * 70)
    self.assertLen(logs.output, 2)
    self.assertRegex(logs.output[-1], r"tiles of 2\d pixels")
    with self.assertNoLogs(level="WARNING"):
      upscale(lr)  # remembered

  def test_progress_is_reported_once_when_memory_runs_out_on_the_way(self):
    upscale = _hungry(100, tile=40)
    upscale_tiles, calls = tile_program.upscale_tiles, []

    def failing(*args, **kwargs):
      calls.append(args)
      if len(calls) == 3:
        raise MemoryError
      return upscale_tiles(*args, **kwargs)

    finished = []
    tile_program.upscale_tiles = failing
    try:
      upscale(_image(300, 40, 3), finished.append)
    finally:
      tile_program.upscale_tiles = upscale_tiles
    self.assertEqual(sum(finished), 300 * 40)
    self.assertGreater(min(finished), 0)

  def test_no_tile_is_small_enough(self):
    upscale = _hungry(5, tile=16)
    with (
      self.assertLogs(level="WARNING"),
      self.assertRaisesRegex(
        errors.InputError, "40 x 30 pixels, not even in tiles of 8 x 8"
      ),
    ):
      upscale(_image(30, 40, 3))

  def test_an_image_that_must_not_be_cut(self):
    known = equivalence.Equivalence(None)
    with mock.patch.object(equivalence, "of", return_value=known):
      upscale = upscaler.Upscaler(_Hungry(130), {})
    upscale(_image(130, 130, 3))
    with self.assertRaisesRegex(
      errors.InputError, "140 x 130 pixels, which _Hungry needs in one piece"
    ):
      upscale(_image(130, 140, 3))

  def test_of_an_image_in_one_piece(self):
    class Paired(nn.Module):
      """Compares each pixel with each."""

      scale: int = 1
      receptive_radius: int = 1

      def __call__(self, lr):
        x = lr.reshape(lr.shape[0], -1, 3)
        distances = jnp.sort(x.sum(-1)[:, :, None] - x.sum(-1)[:, None])
        return x.reshape(lr.shape) + distances[:, 0, 0]

    plain, weights = inference_networks.build(CONFIGS["msrresnet"])
    for generator, variables, low, high in (
      (plain, weights, 3.5, 4.5),
      (Paired(), {}, 14, 17),
    ):
      small, large = (
        tile_memory.of_whole(generator, variables, False, shape)
        for shape in ((300, 200), (600, 400))
      )
      self.assertBetween(large / small, low, high)

  def test_other_failures_are_not_hidden(self):
    class Broken(_Hungry):
      def __call__(self, lr):
        raise jax.errors.JaxRuntimeError("INTERNAL: broken")

    with self.assertRaisesRegex(jax.errors.JaxRuntimeError, "broken"):
      upscaler.Upscaler(Broken(1), {})(_image(4, 4, 3))

  def test_tiles_fit_into_the_budget(self):
    generator, variables = inference_networks.build(
      CONFIGS["srresnet"] | {"features": 32}
    )
    folded = upscaler.folding.fold(generator, variables)
    sides = []
    for budget in (2**26, 2**27, 2**28, 2**40):
      side = tile_memory.largest_tile(generator, folded, False, budget)
      sides.append(side)
      if side > 400:
        continue
      tiles = jax.ShapeDtypeStruct((1, side, side, 3), np.uint8)
      usage = (
        tile_program.upscale_tiles.lower(generator, folded, tiles, (side, side))
        .compile()
        .memory_analysis()
      )
      total = usage.temp_size_in_bytes + usage.output_size_in_bytes
      self.assertBetween(total, budget / 8, budget)
    self.assertEqual(sides, sorted(set(sides)))
    self.assertEqual(sides[-1], 1024)

  def test_no_array_has_too_many_numbers_for_a_gpu(self):
    class Wide(nn.Module):
      """Has 2**13 numbers for each pixel."""

      scale: int = 1
      receptive_radius: int = 1

      @nn.compact
      def __call__(self, lr):
        return nn.Conv(3, (1, 1))(nn.Conv(2**13, (3, 3))(lr))

    variables = models.init(Wide(), jax.random.key(0))
    side = tile_memory.largest_tile(Wide(), variables, False, 2**40)
    self.assertEqual(side, 448)  # 512**2 * 2**13 would be 2**31

  def test_is_found_out_once_for_all_starts(self):
    generator, variables = inference_networks.build(CONFIGS["srresnet"])
    folder = self.create_tempdir().full_path

    def side(network=generator):
      return tile_memory.largest_tile(network, variables, False, 2**26)

    def is_compiled(network=generator):
      found = []
      compiled = tile_memory._compiled_bytes.__wrapped__

      def spy(*arguments):
        found.append(arguments)
        return compiled(*arguments)

      with mock.patch.object(tile_memory, "_compiled_bytes", spy):
        self.assertEqual(side(network), expected)
      return bool(found)

    expected = side()
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", folder)
    try:
      self.assertTrue(is_compiled())
      self.assertFalse(is_compiled())
      # A damaged file is found out again.
      (kept,) = pathlib.Path(folder, "numbers").iterdir()
      kept.write_text("")
      self.assertTrue(is_compiled())
      self.assertFalse(is_compiled())

      class Another(type(generator)):
        """May change without a change of its name."""

      another = Another(
        **{
          name: getattr(generator, name) for name in models.fields_of(generator)
        }
      )
      self.assertTrue(is_compiled(another))
      self.assertTrue(is_compiled(another))
    finally:
      jax.config.update("jax_compilation_cache_dir", before)

  def test_default_budget(self):
    self.assertEqual(tile_memory.default_budget(), 1.5 * 2**30)
    device = mock.Mock()
    device.memory_stats.return_value = {"bytes_limit": 80 * 2**30}
    with mock.patch.object(jax, "local_devices", return_value=[device]):
      self.assertEqual(tile_memory.default_budget(), 20 * 2**30)

  def test_budget_below_the_smallest_tile(self):
    generator, variables = inference_networks.build(CONFIGS["srresnet"])
    with self.assertRaisesRegex(errors.InputError, "^64 KiB of memory are too"):
      upscaler.Upscaler(generator, variables, memory=2**16)

  def test_tile_within_the_radius(self):
    generator, variables = inference_networks.build(CONFIGS["srfeat"])
    radius = generator.receptive_radius
    with self.assertRaisesRegex(errors.InputError, f"{2 * radius + 1} or more"):
      upscaler.Upscaler(generator, variables, tile=2 * radius)


if __name__ == "__main__":
  absltest.main()
