"""Tests of srfeat_jax.scaling.projection."""

import dataclasses
import json

from absl.testing import absltest

from srfeat_jax.configs import pretrain
from srfeat_jax.scaling import (
  collectives,
  projection,
  topologies,
)
from tests.support import compiled_steps

_STEP = compiled_steps.step(
  collectives.Collective("all-reduce", 2**30, 16),
  collectives.Collective("all-reduce", 64, 16),
  collectives.Collective("all-reduce", 64, 16, count=2),
  collectives.Collective("all-gather", 1000, 16),
)


def _config(**fields):
  config = pretrain.get_config("srfeat")
  config.update(batch_size=64, num_steps=1000, **fields)
  return config


class ProjectTest(absltest.TestCase):
  def test_a_tpu(self):
    topology = topologies.parse("v5e:4x4")
    result = projection.project(_config(), topology, _STEP)
    self.assertEqual(json.loads(json.dumps(result)), result)
    self.assertEqual(
      result["collectives"],
      {
        "all-reduce": {"count": 4, "bytes": 2**30 + 3 * 64},
        "all-gather": {"count": 1, "bytes": 1000},
      },
    )
    self.assertLen(result["sent"], 3)  # equal ones are one
    communication = 2 * 2**30 * 15 / 16 / 1e11 + 3 * 12e-6 + 6e-6
    seconds = result["seconds"]
    self.assertAlmostEqual(seconds["compute"], 0.01)
    self.assertAlmostEqual(seconds["memory"], 0.01)
    self.assertAlmostEqual(seconds["communication"], communication)
    self.assertAlmostEqual(seconds["compiler"], 0.02)
    step = 0.01 + communication
    self.assertAlmostEqual(result["images_per_s"], 64 / step)
    schedule = result["schedule"]
    self.assertEqual(schedule["images"], 64_000)
    self.assertAlmostEqual(schedule["hours"], 1000 * step / 3600)
    self.assertAlmostEqual(schedule["chip_hours"], 16 * 1000 * step / 3600)
    self.assertEqual(result["memory"]["total"], 3 * 2**30 + 2**20)
    self.assertEqual(result["memory"]["capacity"], 2**34)
    self.assertLen(result["chip"]["sources"], 6)
    lines = projection.text(result)
    for part in (
      *("v5e:4x4", "64 crops of 296 px, 4 a chip", "3.00 GiB of 16.00 GiB"),
      *("1,970 a chip", "4 x all-reduce, 1074 MB; 1 x all-gather", "not run"),
      *("30.17 ms a step", "1,000 steps", "20 ms, without collectives"),
    ):
      self.assertIn(part, lines)

  def test_a_cpu_has_no_roofline(self):
    topology = topologies.parse("cpu:4")
    result = projection.project(_config(), topology, _STEP)
    self.assertNotIn("seconds", result)
    self.assertNotIn("ms a step", projection.text(result))

  def test_a_batch_in_parts_has_no_times(self):
    topology = topologies.parse("v5e:4x4")
    step = dataclasses.replace(_STEP, has_loop=True)
    config = _config(accumulation_steps=4)
    result = projection.project(config, topology, step)
    self.assertIsNone(result["flops"])
    self.assertIsNone(result["seconds"])
    self.assertIn("in parts", projection.text(result))


if __name__ == "__main__":
  absltest.main()
