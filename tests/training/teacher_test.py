"""A step whose target a teacher makes, by hand.

Its output is computed in the step, or read from files that `upscale` made with
the same weights. These are rounded to 8 bits, so values of the target differ by
up to share * 0.5 / 255, and so does the mean absolute difference from SR. The
crops are whole images: of a part of an image a teacher makes something else
near its edges than of the whole.
"""

import dataclasses

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax
from absl.testing import absltest

import srfeat_jax
from srfeat_jax import errors, models
from srfeat_jax.configs import common, pretrain
from srfeat_jax.data import image_blocks, prepared
from srfeat_jax.image_io import images
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.ops import pixels
from srfeat_jax.preparation import planning, recipes, sets
from srfeat_jax.training import (
  degradation,
  networks,
  optimizers,
  steps,
  teacher,
)
from srfeat_jax.training import state as state_lib
from tests.support import image_files

_SHARE = 0.25


def _config():
  config = common.get_config()
  config.generator = pretrain.get_config("srfeat_lite").generator
  config.generator.features = 4
  config.generator.num_blocks = 1
  config.crop_size = 16
  config.teacher_share = _SHARE
  config.losses.perceptual_weight = 1.0
  config.losses.perceptual_layers = {"conv1_1": 1.0}
  config.discriminators.image = ml_collections.ConfigDict(
    {"architecture": "unet", "features": 4}
  )
  return config


def _drawn(shapes):
  """Small numbers; initializers would take longer to compile than the step."""
  rng = np.random.default_rng(0)
  return jax.tree.map(
    lambda x: 0.1 * rng.standard_normal(x.shape, np.float32), shapes
  )


class StepTest(image_files.FolderTestCase):
  def test_losses_compare_with_a_share_and_discriminators_with_hr(self):
    config = _config()
    modules = networks.assemble(
      config, {"preprocessing": "torchvision", "pooling": "floor"}
    )
    key = jax.random.key(0)
    variables, discriminators = _drawn(jax.eval_shape(modules.init, key))
    vgg = jax.jit(modules.vgg.init)(key, jnp.zeros((1, 16, 16, 3)))
    # Another network, and of no values within [0, 1] alone.
    fields = config.generator.to_dict() | {"num_blocks": 2}
    other = models.build(fields)
    theirs = _drawn(models.shapes(other))
    theirs["params"]["tail"]["bias"] += np.float32([1, 0, -1])
    safetensors_file.save(self.folder / "other.safetensors", fields, theirs)
    taught = dataclasses.replace(
      modules, teacher=teacher.make(other, modules.generator, "")
    )
    crops = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), "u1")
    lr, hr = degradation.degrade(jnp.asarray(crops), 4)
    output = np.asarray(other.apply(theirs, lr))
    self.assertLess(output.min(), -0.1)
    output = np.clip(output, 0, 1)
    batch = self.prepared(crops, pixels.to_uint8(np.asarray(lr)))
    read = batch["teacher"] / np.float32(255)
    # Nothing but rounding, and what is added up in another order.
    np.testing.assert_allclose(read, output, rtol=0, atol=0.501 / 255)

    raw, constant = optax.identity(), optax.constant_schedule(0.0)
    each = optimizers.Optimizers(raw, constant, raw, constant)
    before = state_lib.start(
      variables, raw, discriminators, raw, keep_ema=False
    )
    sr = np.asarray(modules.generator.apply(variables, lr))
    logits = modules.discriminators["image"].apply(
      # Advanced by the real batch, as in the step.
      discriminators["image"],
      hr,
      mutable=["batch_stats"],
    )[0]
    pixel_losses = []
    for used, made_of, of_teacher, of_other in (
      (taught, crops, theirs, output),
      (modules, batch, None, read),
    ):
      _, scalars = jax.jit(steps.make_step(config, used, each))(
        before, vgg, made_of, of_teacher
      )
      target = _SHARE * of_other + (1 - _SHARE) * np.asarray(hr)
      features = [
        np.asarray(modules.vgg.apply(vgg, jnp.asarray(image))["conv1_1"])
        for image in (sr, target)
      ]
      for name, expected in (
        ("pixel", np.mean(np.abs(sr - target))),
        ("perceptual", np.mean(np.square(np.subtract(*features) / 12.75))),
      ):
        np.testing.assert_allclose(scalars[f"loss/{name}"], expected, rtol=1e-4)
      np.testing.assert_allclose(
        scalars["probability/image_real"],
        np.mean(1 / (1 + np.exp(-np.asarray(logits)))),
        rtol=1e-5,
      )
      pixel_losses.append(scalars["loss/pixel"])
    self.assertAlmostEqual(*pixel_losses, delta=_SHARE * 0.501 / 255)

  def prepared(self, crops, lr):
    """A batch of a set whose third images `upscale` made."""
    for i in range(len(crops)):
      output = srfeat_jax.upscale(lr[i], self.folder / "other.safetensors")
      for name, image in (("hr", crops[i]), ("lr", lr[i]), ("sr", output)):
        images.write(self.folder / name / f"{i}.png", image)
    hr, lr, sr = ([str(self.folder / name)] for name in ("hr", "lr", "sr"))
    made = str(self.folder / "set")
    sets.prepare(
      planning.Request(
        hr,
        made,
        "folder",
        recipes.Whole(1),
        processes=1,
        lr_folders=lr,
        lr_scale=4,
        teacher_folders=sr,
      )
    )
    source = prepared.Prepared(made, 16)
    return image_blocks.stack([source[i].parts() for i in range(len(source))])


class MakeTest(absltest.TestCase):
  def test_another_scale(self):
    learner = models.build(_config().generator)
    with self.assertRaisesRegex(errors.InputError, "by 2, .* weights for x4"):
      teacher.make(learner.clone(scale=2), learner, "")

  def test_it_follows_the_dtype_of_the_run(self):
    learner = models.build(_config().generator)
    for dtype, expected in (("", "float32"), ("bfloat16", "bfloat16")):
      made = teacher.make(learner, learner, dtype)
      self.assertEqual(made.generator.dtype, expected)


if __name__ == "__main__":
  absltest.main()
