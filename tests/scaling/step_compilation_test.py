"""Tests of srfeat_jax.scaling.step_compilation, on this machine's CPU."""

import functools
import importlib.util
import os
from unittest import mock

import jax
import numpy as np
import torch
from absl.testing import absltest, parameterized
from torch.utils import flop_counter

from srfeat_jax import errors
from srfeat_jax.configs import gan, pretrain
from srfeat_jax.scaling import step_compilation, topologies
from srfeat_jax.training import networks, optimizers, parallel
from srfeat_jax.weights import starts
from tests.support import generator_peers

_FOUR = topologies.parse("cpu:4")


def _pretraining(crop_size: int = 64):
  config = pretrain.get_config("srfeat")
  config.batch_size = 8
  config.crop_size = crop_size
  config.generator.features = 8
  config.generator.num_blocks = 1
  return config


def _adversarial():
  """Most of its parameters are in a dense layer."""
  config = gan.get_config("srgan_mse")
  config.batch_size = 4
  config.crop_size = 32
  config.generator.features = 4
  config.generator.num_blocks = 1
  config.discriminators.image.features = 2
  config.discriminators.image.hidden = 128
  return config


@functools.cache
def _compiled_pretraining() -> step_compilation.CompiledStep:
  return step_compilation.compile_step(_pretraining(), _FOUR)


class PretrainingTest(absltest.TestCase):
  def test_operations_are_pytorch_s(self):
    config, step = _pretraining(), _compiled_pretraining()
    fields = {
      name: config.generator[name]
      for name in ("architecture", "features", "num_blocks", "batch_norm")
    }
    peer = generator_peers.peer_of(fields)
    lr = torch.zeros(8, 3, 16, 16, dtype=torch.float64)
    with flop_counter.FlopCounterMode(display=False) as counter:
      peer(lr).sum().backward()
    # PyTorch counts products with the zeros around an image, XLA does not.
    self.assertBetween(step.step_flops / counter.get_total_flops(), 0.8, 1.05)
    # All devices together compute what is written, and hardly more.
    self.assertBetween(4 * step.flops / step.step_flops, 0.97, 1.1)

  def test_it_is_what_a_run_takes(self):
    config, step = _pretraining(), _compiled_pretraining()
    mesh = parallel.make_mesh(_FOUR.devices())
    state = starts.make(
      config,
      networks.assemble(config, {}),
      optimizers.build(config),
      mesh,
      begins=True,
    )
    batch = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), np.uint8)
    batch = parallel.to_global(batch, mesh)
    # State and batch, as they lie on a device.
    on_each = parallel.bytes_on_a_device((state, batch))
    self.assertAlmostEqual(step.memory.arguments, on_each, delta=64)
    self.assertLess(step.memory.results, 1024)  # all else is in place
    self.assertGreater(step.memory.temporaries, batch.nbytes)
    # It takes just these arrays, which a program for others would refuse.
    following, scalars = step.compiled(state, {}, batch, None)
    self.assertTrue(np.isfinite(float(scalars["loss/pixel"])))
    self.assertTrue(state.generator.params["head"]["kernel"].is_deleted())
    self.assertEqual(int(following.step), 1)

  def test_gradients_are_summed_over_devices(self):
    config, step = _pretraining(), _compiled_pretraining()
    shapes = starts.shapes(
      config, networks.assemble(config, {}), optimizers.build(config)
    )
    parameters = sum(
      4 * x.size for x in jax.tree.leaves(shapes.generator.params)
    )
    summed = sum(
      each.count * each.num_bytes
      for each in step.sent
      if each.kind == "all-reduce"
    )
    self.assertBetween(summed / parameters, 1, 1.2)  # and BatchNorm's sums
    self.assertEqual({each.devices for each in step.sent}, {4})
    # A message each way for both norms of the block, and one of all gradients.
    self.assertEqual({each.kind for each in step.sent}, {"all-reduce"})
    self.assertLessEqual(sum(each.count for each in step.sent), 2 * 2 + 1)


class AdversarialTest(absltest.TestCase):
  def test_large_weights_may_be_split(self):
    config = _adversarial()
    whole = step_compilation.compile_step(config, _FOUR)
    config.fsdp = 200
    split = step_compilation.compile_step(config, _FOUR)
    self.assertLess(split.memory.arguments, 0.6 * whole.memory.arguments)
    self.assertNotEqual(split.sent, whole.sent)
    self.assertAlmostEqual(split.step_flops, whole.step_flops)

  def test_vgg_19_s_weights_need_not_be_there(self):
    config = gan.get_config("srfeat")
    config.vgg_weights = "/no/such/file"
    _, (_, vgg, batch, teacher) = step_compilation.step_and_shapes(config)
    # Sixteen layers, as published: 20,024,384 parameters without dense ones.
    count = sum(x.size for x in jax.tree.leaves(vgg))
    self.assertEqual(count, 20_024_384)
    self.assertEqual(batch.shape, (5, 296, 296, 3))
    self.assertIsNone(teacher)


class MistakesTest(parameterized.TestCase):
  def test_a_batch_that_does_not_divide(self):
    config = _pretraining()
    config.batch_size = 9
    with self.assertRaisesRegex(
      errors.InputError, "batch_size is 9, .* devices, 4"
    ):
      step_compilation.compile_step(config, _FOUR)

  def test_parts_of_a_batch_are_divided_by_the_devices_compiled_for(self):
    config = _pretraining()
    config.accumulation_steps = 4
    with (
      mock.patch.object(jax, "device_count", return_value=1),  # of this machine
      self.assertRaisesRegex(errors.InputError, "by 16, .* the devices, 4"),
    ):
      step_compilation.compile_step(config, _FOUR)

  def test_a_config_that_no_run_can_have(self):
    config = _pretraining()
    config.crop_size = 63
    with self.assertRaisesRegex(errors.InputError, "crop_size is 63"):
      step_compilation.compile_step(config, _FOUR)
    config = _pretraining()
    config.learning_rate.peak = -1.0
    with self.assertRaisesRegex(errors.InputError, "peak is -1"):
      step_compilation.compile_step(config, _FOUR)

  def test_too_little_memory(self):
    said = (
      "RESOURCE_EXHAUSTED: XLA:TPU compile permanent error. Ran out of memory"
      " in memory space hbm. Used 26.18G of 15.75G hbm. Exceeded hbm capacity"
      " by 10.43G."
    )
    program = mock.Mock()
    program.lower().compile.side_effect = jax.errors.JaxRuntimeError(said)
    with (
      mock.patch.object(parallel, "jit_step", return_value=program),
      self.assertRaisesRegex(errors.InputError, "26.18G, of 15.75G .* chips"),
    ):
      step_compilation.compile_step(_pretraining(), _FOUR)
    program.lower().compile.side_effect = jax.errors.JaxRuntimeError("INTERNAL")
    with (
      mock.patch.object(parallel, "jit_step", return_value=program),
      self.assertRaisesRegex(jax.errors.JaxRuntimeError, "INTERNAL"),
    ):
      step_compilation.compile_step(_pretraining(), _FOUR)


class TPUTest(absltest.TestCase):
  def test_a_slice(self):
    if importlib.util.find_spec("libtpu") is None:
      self.skipTest("libtpu is not installed: pip install .[libtpu]")
    config = _pretraining(crop_size=16)
    config.generator.features = 4
    config.dtype = "bfloat16"
    topology = topologies.parse("v5e:2x2")
    with mock.patch.dict(os.environ):
      topologies.prepare(topology)
      step = step_compilation.compile_step(config, topology)
    self.assertIn("all-reduce", {each.kind for each in step.sent})
    self.assertEqual({each.devices for each in step.sent}, {4})
    self.assertGreater(step.cycles, 0)
    self.assertGreater(step.flops, 0.2 * step.step_flops)


if __name__ == "__main__":
  absltest.main()
