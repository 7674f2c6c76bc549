"""Tests of srfeat_jax.scaling.topologies."""

import importlib.util
import os
from unittest import mock

import jax
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.scaling import topologies


class ParseTest(parameterized.TestCase):
  @parameterized.parameters(
    ("v5e:4x4", (4, 4), 16),
    ("v6e:16x16", (16, 16), 256),
    ("v5p:2x2x4", (2, 2, 4), 16),
    ("v4:4x4x8", (4, 4, 8), 128),
    ("cpu:3", (3,), 3),
  )
  def test_names(self, name, shape, size):
    found = topologies.parse(name)
    self.assertEqual((found.shape, found.size), (shape, size))
    self.assertEqual(found.chip is None, name == "cpu:3")

  @parameterized.parameters(
    ("v9:4x4", "v4, v5e, v5p, v6e"),
    ("v5e", "v5e:4x4"),
    ("v5e:", "v5e:4x4"),
    ("v5e:4", "have 2 axes, as in v5e:4x4"),
    ("v5p:4x4", "have 3 axes, as in v5p:4x4x4"),
    ("v5e:0x4", "expected"),
    ("v5e:4x4x4x4", "expected"),
    ("v5e:-4x4", "expected"),
    ("cpu:2x2", "cpu:4"),
    ("cuda:8", "expected"),
    ("", "expected"),
    ("v5e:999x999", "at most"),
  )
  def test_mistakes(self, name, part):
    with self.assertRaisesRegex(errors.InputError, part) as caught:
      topologies.parse(name)
    self.assertIn(f'"{name}"', str(caught.exception))


class DevicesTest(parameterized.TestCase):
  def test_of_this_machine(self):
    devices = topologies.parse("cpu:3").devices()
    self.assertEqual(devices, jax.devices()[:3])
    with self.assertRaisesRegex(errors.InputError, "JAX_NUM_CPU_DEVICES=50"):
      topologies.parse("cpu:50").devices()

  def test_without_libtpu(self):
    with (
      mock.patch.object(importlib.util, "find_spec", lambda name: None),
      self.assertRaisesRegex(errors.InputError, r"srfeat_jax\[libtpu\]"),
    ):
      topologies.parse("v5e:4x4").devices()

  @parameterized.parameters(
    ("v5e:1x1", 1),
    ("v5e:4x4", 16),
    ("v6e:2x4", 8),
    ("v4:2x2x4", 16),
    ("v5p:2x2x1", 4),
  )
  def test_of_a_tpu(self, name, size):
    if importlib.util.find_spec("libtpu") is None:
      self.skipTest("libtpu is not installed: pip install .[libtpu]")
    topology = topologies.parse(name)
    with mock.patch.dict(os.environ):
      topologies.prepare(topology)
      devices = topology.devices()
    self.assertLen(devices, size)
    self.assertEqual({each.platform for each in devices}, {"tpu"})

  def test_a_shape_that_libtpu_does_not_know(self):
    if importlib.util.find_spec("libtpu") is None:
      self.skipTest("libtpu is not installed: pip install .[libtpu]")
    topology = topologies.parse("v5e:3x5")
    with mock.patch.dict(os.environ):
      topologies.prepare(topology)
      with self.assertRaisesRegex(errors.InputError, "v5e:3x5 is none"):
        topology.devices()


if __name__ == "__main__":
  absltest.main()
