"""The degradation of photographs: what it draws, and what that does."""

import functools
import types

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.configs import degradations
from srfeat_jax.data import synthetic
from srfeat_jax.ops import resize
from srfeat_jax.training import photo_degradation

_DRAWS = 10_000
_SIDE = 32


@functools.cache
def _draws(preset: str) -> dict[str, np.ndarray]:
  """What is drawn for many images, small ones: sizes follow from the draws."""
  settings = getattr(degradations, preset)()
  image = jnp.full((8, 8, 3), 0.5)

  @jax.jit
  def draw(keys):
    return jax.vmap(
      lambda key: photo_degradation.degrade(image, key, settings, 4)[1]
    )(keys)

  return jax.device_get(draw(jax.random.split(jax.random.key(0), _DRAWS)))


def _neutral() -> ml_collections.ConfigDict:
  config = degradations.photo()
  config.last_sinc_probability = 0.0
  for stage in (config.first, config.second):
    stage.blur_probability = 0.0
    stage.resize_directions = (0.0, 0.0, 1.0)
    stage.resize_kernels = (0.0, 0.0, 0.0, 1.0)
    stage.noise_probability = 0.0
    stage.jpeg_probability = 0.0
  return config


@functools.partial(jax.jit, static_argnums=1)
def _degraded(key, settings):
  image = jnp.asarray(synthetic.scene(0, _SIDE)) / 255
  return photo_degradation.degrade(image, key, settings, 4)[0]


def _second_stage_alone(**changes) -> ml_collections.FrozenConfigDict:
  """The neutral setting without a first stage, changed in the second."""
  config = _neutral()
  config.first_probability = 0.0
  config.second.update(changes)
  return ml_collections.FrozenConfigDict(config)


@jax.jit
def _with_parameters(key, parameters):
  """`_degraded` by the second stage alone, compiled once for all parameters.

  Args:
    key: of the image.
    parameters: the fields of `_PARAMETERS`.
  """
  neutral = _second_stage_alone().as_configdict().second.to_dict()
  settings = types.SimpleNamespace(
    first_probability=0.0,
    last_sinc_probability=0.0,
    second=types.SimpleNamespace(**(neutral | parameters)),
  )
  image = jnp.asarray(synthetic.scene(0, _SIDE)) / 255
  return photo_degradation.degrade(image, key, settings, 4)[0]


# Fields whose values need not be known when compiling, with which nothing is
# blurred, saved as JPEG or made noisy.
_PARAMETERS = {
  "blur_probability": 0.0,
  "sigma": (2.0, 2.0),
  "jpeg_probability": 0.0,
  "jpeg_quality": (20.0, 20.0),
  "noise_probability": 0.0,
  "gaussian_probability": 1.0,
  "noise_sigma": (10.0, 10.0),
  "poisson_scale": (2.0, 2.0),
}


class DrawsTest(parameterized.TestCase):
  @parameterized.product(
    preset=("photo", "mixed"), stage=("first", "second", "last")
  )
  def test_kernels_sum_to_one(self, preset, stage):
    kernels = _draws(preset)[f"{stage}_kernel"]
    self.assertEqual(kernels.shape, (_DRAWS, 21, 21))
    np.testing.assert_allclose(kernels.sum(axis=(1, 2)), 1, atol=1e-4)

  @parameterized.product(
    preset=("photo", "mixed", "camera"),
    stage=("first", "second"),
    field=(
      ("sigma", "sigma_x"),
      ("noise_sigma", "noise_sigma"),
      ("poisson_scale", "poisson_scale"),
      ("jpeg_quality", "jpeg_quality"),
    ),
  )
  def test_numbers_are_uniform_over_their_range(self, preset, stage, field):
    settings = getattr(degradations, preset)()
    if preset == "camera" and stage == "first":
      self.assertNotIn("first_sigma_x", _draws(preset))
      return
    low, high = settings[stage][field[0]]
    # The last JPEG is the second stage's.
    owner = "last" if (stage, field[0]) == ("second", "jpeg_quality") else stage
    values = _draws(preset)[f"{owner}_{field[1]}"]
    width = high - low
    self.assertBetween(values.min(), low - 1e-4, low + 0.02 * width)
    self.assertBetween(values.max(), high - 0.02 * width, high + 1e-4)
    # Six deviations of the mean of so many uniform draws.
    self.assertAlmostEqual(
      values.mean(), (low + high) / 2, delta=6 * width / np.sqrt(12 * _DRAWS)
    )

  @parameterized.product(preset=("photo", "mixed"), stage=("first", "second"))
  def test_what_may_happen_happens_as_often_as_it_should(self, preset, stage):
    settings = getattr(degradations, preset)()[stage]
    draws = _draws(preset)

    def assert_share(condition, expected):
      deviation = np.sqrt(max(expected * (1 - expected), 1e-9) / _DRAWS)
      self.assertAlmostEqual(
        np.mean(condition), expected, delta=6 * deviation + 1e-9
      )

    kind = draws[f"{stage}_kernel_kind"]
    blurred = settings.blur_probability
    assert_share(kind == -1, 1 - blurred)
    assert_share(kind == 6, blurred * settings.sinc_probability)
    for i, share in enumerate(settings.kernels):
      assert_share(kind == i, blurred * (1 - settings.sinc_probability) * share)
    for name, field in (
      ("gaussian", "gaussian_probability"),
      ("gray_noise", "gray_noise_probability"),
      ("noisy", "noise_probability"),
    ):
      assert_share(draws[f"{stage}_{name}"], settings[field])
    factor = draws[f"{stage}_resize"]
    up, down, keep = settings.resize_directions
    assert_share(factor == 1, keep)
    assert_share(factor > 1, up)
    assert_share(factor < 1, down)
    low, high = settings.resize_range
    self.assertBetween(factor.min(), low, low + 0.02)
    self.assertBetween(factor.max(), high - 0.02, high)
    sizes = draws[f"{stage}_kernel_size"]
    self.assertEqual(set(sizes), set(range(7, 22, 2)))

  def test_angles_and_shapes(self):
    draws = _draws("photo")
    kind, beta = draws["first_kernel_kind"], draws["first_beta"]
    isotropic = (kind >= 0) & (kind < 6) & (kind % 2 == 0)
    # One number, which a compiler may compute twice, and round differently.
    np.testing.assert_allclose(
      draws["first_sigma_x"][isotropic],
      draws["first_sigma_y"][isotropic],
      rtol=3e-7,
    )
    angles = draws["first_angle"][(kind % 2 == 1) & (kind < 6)]
    self.assertBetween(angles.min(), -np.pi, -3)
    self.assertBetween(angles.max(), 3, np.pi)
    generalized = beta[(kind == 2) | (kind == 3)]
    self.assertBetween(generalized.min(), 0.5, 0.55)
    self.assertBetween(generalized.max(), 3.9, 4)
    plateau = beta[(kind == 4) | (kind == 5)]
    self.assertBetween(plateau.min(), 1, 1.01)
    self.assertBetween(plateau.max(), 1.95, 2)

  def test_cutoffs_of_sinc_follow_the_kernels_size(self):
    draws = _draws("photo")
    small = draws["first_kernel_size"] < 13
    cutoff = draws["first_cutoff"]
    self.assertBetween(cutoff[small].min(), np.pi / 3, np.pi / 3 + 0.02)
    self.assertBetween(cutoff[~small].min(), np.pi / 5, np.pi / 5 + 0.02)
    self.assertLessEqual(cutoff.max(), np.pi)

  def test_two_keys_draw_apart(self):
    draws = _draws("photo")
    for name in ("first_sigma_x", "second_sigma_x", "last_jpeg_quality"):
      self.assertGreater(len(np.unique(draws[name])), 50)
    together = np.corrcoef(draws["first_sigma_x"], draws["second_sigma_x"])
    self.assertLess(abs(together[0, 1]), 0.06)


class ImagesTest(parameterized.TestCase):
  def test_the_neutral_setting_is_bicubic(self):
    image = synthetic.scene(0, _SIDE)
    expected = resize.resize(image.astype(np.float32), 0.25)
    for seed in range(3):
      lr = _degraded(
        jax.random.key(seed), ml_collections.FrozenConfigDict(_neutral())
      )
      difference = np.abs(np.asarray(lr) * 255 - expected)
      # Edges are mirrored there, and not here.
      self.assertLessEqual(difference[2:-2, 2:-2].max(), 0.51)

  @parameterized.parameters(
    dict(blur_probability=1.0),
    dict(jpeg_probability=1.0),
    dict(noise_probability=1.0),
    dict(noise_probability=1.0, gaussian_probability=0.0),
  )
  def test_each_part_alone_changes_the_image(self, **changes):
    key = jax.random.key(1)
    neutral = _with_parameters(key, _PARAMETERS)
    changed = _with_parameters(key, _PARAMETERS | changes)
    difference = np.abs(np.asarray(changed) - np.asarray(neutral))
    self.assertGreater(difference.mean() * 255, 0.5)

  def test_resizing_alone_changes_the_image(self):
    key = jax.random.key(1)
    settings = _second_stage_alone(
      resize_directions=(0.0, 1.0, 0.0), resize_range=(0.4, 0.4)
    )
    neutral = np.asarray(_with_parameters(key, _PARAMETERS))
    difference = np.abs(np.asarray(_degraded(key, settings)) - neutral)
    self.assertGreater(difference.mean() * 255, 0.5)

  def test_noise_has_its_deviation_and_is_gray_when_drawn_so(self):
    settings = _second_stage_alone(
      noise_probability=1.0,
      gaussian_probability=1.0,
      gray_noise_probability=0.5,
      noise_sigma=(10.0, 10.0),
    )
    image = jnp.full((256, 256, 3), 0.5)
    degrade = functools.partial(
      photo_degradation.degrade, image, settings=settings, scale=4
    )
    keys = jax.random.split(jax.random.key(0), 8)
    lr, draws = jax.jit(jax.vmap(degrade))(keys)
    levels = 255 * np.asarray(lr)
    is_gray = np.asarray(draws["second_gray_noise"])
    self.assertBetween(is_gray.sum(), 1, 7)
    np.testing.assert_array_equal(
      np.ptp(levels, axis=-1).max(axis=(1, 2)) == 0, is_gray
    )
    for each in levels:
      self.assertAlmostEqual(each.std(), 10, delta=0.7)
      self.assertAlmostEqual(each.mean(), 127.5, delta=0.7)

  @parameterized.parameters("camera", "mixed")
  def test_is_eight_bit_and_repeats(self, preset):
    settings = ml_collections.FrozenConfigDict(getattr(degradations, preset)())
    first = np.asarray(_degraded(jax.random.key(3), settings))
    levels = first * 255
    self.assertEqual(first.shape, (_SIDE // 4, _SIDE // 4, 3))
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)
    self.assertBetween(first.min(), 0, 1)
    self.assertBetween(first.max(), 0, 1)
    np.testing.assert_array_equal(first, _degraded(jax.random.key(3), settings))
    self.assertTrue(np.any(first != _degraded(jax.random.key(4), settings)))


if __name__ == "__main__":
  absltest.main()
