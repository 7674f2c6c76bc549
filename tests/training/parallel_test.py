"""Tests of srfeat_jax.training.parallel."""

import contextlib
import io
import pathlib

import jax
import numpy as np
from absl.testing import absltest, parameterized
from jax.sharding import PartitionSpec as P
from PIL import Image

from srfeat_jax import errors, train
from srfeat_jax.configs import gan, pretrain
from srfeat_jax.training import checkpoint, optimizers, parallel, steps
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.weights import lookup, starts
from tests.support import runs


class BatchSizeTest(parameterized.TestCase):
  def test_there_are_several_devices(self):
    self.assertEqual(jax.device_count(), 4)

  @parameterized.parameters(0, -4, 3, 6, 9)
  def test_does_not_divide(self, batch_size):
    with self.assertRaisesRegex(
      errors.InputError, f"batch_size is {batch_size}, .*devices, 4"
    ):
      parallel.check_batch_size(batch_size)

  def test_divides(self):
    for batch_size in (4, 16):
      parallel.check_batch_size(batch_size)


class GlobalTest(parameterized.TestCase):
  def test_batches_with_pairs(self):
    batch = {"hr": np.arange(32).reshape(8, 2, 2), "is_pair": np.arange(8) > 2}
    placed = parallel.to_global(batch, parallel.make_mesh())
    for name, array in batch.items():
      np.testing.assert_array_equal(placed[name], array)
      self.assertLen(placed[name].addressable_shards, 4)
      self.assertLen(placed[name].addressable_data(0), 2)


class StateShardingTest(parameterized.TestCase):
  @parameterized.parameters(
    ((184_832, 1024), P("data")),  # SRFeat's dense layer, 189 M
    ((3, 3, 512, 512), P(None, None, "data")),
    ((1000, 1000), P("data")),
    ((999, 1000), P(None, "data")),
    ((999, 1001), P()),  # four devices divide neither
    ((10, 10), P()),  # small
    ((), P()),
  )
  def test_the_largest_dimension_that_divides(self, shape, expected):
    x = jax.ShapeDtypeStruct(shape, "float32")
    mesh = parallel.make_mesh()
    found = parallel.of_state({"x": x}, mesh, 1000)
    self.assertEqual(found["x"].spec, expected)
    self.assertEqual(parallel.of_state(x, mesh, 0).spec, P())
    one = parallel.make_mesh(jax.devices()[:1])
    self.assertEqual(parallel.of_state(x, one, 1000).spec, P())

  def test_whole_copies(self):
    mesh = parallel.make_mesh()
    tree = {"a": np.arange(64.0), "b": np.ones(3)}
    shardings = parallel.of_state(tree, mesh, 10)
    placed = jax.device_put(tree, shardings)
    self.assertEqual(placed["a"].addressable_data(0).shape, (16,))
    self.assertEqual(parallel.bytes_on_a_device(placed), 4 * (16 + 3))
    whole = parallel.gathered(placed)
    self.assertIs(parallel.gathered(whole), whole)
    for name, array in tree.items():
      for shard in whole[name].addressable_shards:
        np.testing.assert_array_equal(shard.data, array)


def _adversarial():
  """Settings with a dense layer that holds most of the parameters."""
  config = gan.get_config("srgan_mse")
  config.num_steps = 3
  config.ema_decay = 0.9
  config.batch_size = 8
  config.crop_size = 16
  config.generator.features = 4
  config.generator.num_blocks = 1
  config.discriminators.image.features = 2
  config.discriminators.image.hidden = 128
  return config


def _start(config, mesh):
  networks = networks_lib.assemble(config, {})
  built = optimizers.build(config)
  state = starts.make(config, networks, built, mesh, begins=True)
  return steps.make_step(config, networks, built, mesh), state


def _shardings(state):
  return jax.tree.map(lambda x: x.sharding, state)


def _names(state, condition) -> list[str]:
  """Of the arrays of a state that fulfill a condition."""
  return [
    jax.tree_util.keystr(path)
    for path, x in jax.tree_util.tree_leaves_with_path(state)
    if condition(x)
  ]


class FSDPTest(absltest.TestCase):
  def test_steps_equal_those_without_and_a_checkpoint_fits_both(self):
    mesh, states, logs = parallel.make_mesh(), {}, {}
    crops = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), np.uint8)
    config = _adversarial()
    for fsdp in (0, 200):
      config.fsdp = fsdp
      step, state = _start(config, mesh)
      update = parallel.jit_step(step, mesh, _shardings(state))
      logs[fsdp] = []
      for _ in range(3):
        batch = parallel.to_global(crops, mesh)
        state, scalars = update(state, {}, batch, None)
        logs[fsdp].append(jax.device_get(scalars))
      states[fsdp] = state

    for ours, theirs in zip(logs[200], logs[0], strict=True):
      for name in theirs:
        np.testing.assert_allclose(
          ours[name], theirs[name], rtol=1e-5, err_msg=name
        )
    sharded = states[200]
    hidden = sharded.discriminators["image"].params["hidden"]["kernel"]
    self.assertEqual(hidden.shape, (16, 128))
    self.assertEqual(hidden.addressable_data(0).shape, (16, 32))
    for x in jax.tree.leaves(sharded):
      share = 4 if x.size >= 200 else 1
      self.assertEqual(share * x.addressable_data(0).size, x.size, x.shape)
    # The layer, Adam's moments of it, and the generator's average.
    split = _names(sharded, lambda x: not x.sharding.is_fully_replicated)
    for part in (".params['hidden']", ".mu['hidden']", ".nu['hidden']", ".ema"):
      self.assertTrue(any(part in name for name in split), (part, split))
    whole, large = (
      sum(x.nbytes for x in jax.tree.leaves(sharded) if x.size >= least)
      for least in (0, 200)
    )
    self.assertEqual(parallel.bytes_on_a_device(states[0]), whole)
    self.assertEqual(
      parallel.bytes_on_a_device(sharded), whole - large + large // 4
    )

    two = parallel.make_mesh(jax.devices()[:2])
    for saved, wanted in ((0, 200), (200, 0), (200, 200)):
      workdir = pathlib.Path(self.create_tempdir())
      with contextlib.closing(checkpoint.Checkpointer(workdir, 1)) as each:
        each.save(3, states[saved], {}, config.to_dict())
        each.wait()
        shardings = parallel.of_state(states[0], two, wanted)
        like = jax.tree.map(
          lambda x, sharding: jax.ShapeDtypeStruct(
            x.shape, x.dtype, sharding=sharding
          ),
          states[0],
          shardings,
        )
        restored, _ = each.restore(like, config.to_dict())
      self.assertEqual(_shardings(restored), shardings)
      jax.tree.map(
        np.testing.assert_array_equal,
        jax.device_get(parallel.gathered(restored)),
        jax.device_get(parallel.gathered(states[saved])),
      )

  def test_a_run_validates_exports_and_goes_on_without(self):
    folder = pathlib.Path(self.create_tempdir())
    config = pretrain.get_config("srfeat_lite")
    config.fsdp = 200
    config.num_steps = 2
    config.batch_size = 4
    config.crop_size = 16
    config.generator.features = 4
    config.generator.num_blocks = 1
    config.data.train = str(runs.make_images(folder / "images", 4))
    config.data.benchmarks = str(folder / "benchmarks")
    (folder / "benchmarks" / "own" / "HR").mkdir(parents=True)
    image = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(image).save(folder / "benchmarks" / "own" / "HR" / "0.png")
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
      state = train.train_and_evaluate(config, folder / "run")
    self.assertRegex(
      output.getvalue(), r"4 x cpu, 0\.\d+ MB of the state's 0\.\d+ on each;"
    )
    self.assertNotEmpty(
      _names(state.ema, lambda x: not x.sharding.is_fully_replicated)
    )
    average = jax.device_get(parallel.gathered(state.ema))
    for found in (
      lookup.load(str(folder / "run" / "generator.safetensors")).variables,
      lookup.load(str(folder / "run" / "best_generator.safetensors")).variables,
      checkpoint.restore_generator(folder / "run"),
    ):
      jax.tree.map(
        np.testing.assert_array_equal, found["params"], average["params"]
      )
    self.assertIn('"eval/own/psnr_y"', (folder / "run/metrics.jsonl").read_text())

    config.fsdp = 0
    config.num_steps = 3
    config.data.benchmarks = ""
    more = train.train_and_evaluate(config, folder / "run")
    self.assertEqual(int(more.step), 3)
    self.assertEmpty(
      _names(more, lambda x: not x.sharding.is_fully_replicated)
    )


if __name__ == "__main__":
  absltest.main()
