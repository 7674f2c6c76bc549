"""Tests of srfeat_jax.scaling.roofline."""

import math

from absl.testing import absltest, parameterized

from srfeat_jax.scaling import chips, collectives, roofline, topologies


def _seconds(name: str, kind: str, num_bytes: float) -> float:
  topology = topologies.parse(name)
  each = collectives.Collective(kind, int(num_bytes), topology.size)
  return max(roofline.collective_times(topology.chip, topology.shape, each))


class CollectiveTest(parameterized.TestCase):
  @parameterized.parameters(
    # Worked examples of Austin et al. 2025, part 3, with its bandwidths: an
    # axis of four v5e without a ring, three steps with a quarter each.
    ("v5e:4x1", "all-gather", 2 * 2048 * 8192, 3 * 2 * 512 * 8192 / 5e10),
    # Two, or three, rings of four v4; both directions of each.
    ("v4:4x4x4", "all-gather", 2**33, 2**33 * (63 / 64) / (3 * 9e10)),
    # A whole pod, of rings of 16: twice an all-gather.
    ("v5e:16x16", "all-reduce", 2**30, 2 * 2**30 * (255 / 256) / (2 * 1e11)),
    ("v6e:16x16", "all-gather", 2**30, 2**30 * (255 / 256) / (2 * 2e11)),
    # One axis is a ring and the other a line.
    ("v5e:8x16", "all-gather", 2**30, 2**30 * (127 / 128) / (5e10 + 1e11)),
    ("v5e:4x4", "reduce-scatter", 2**30, 2**30 * (15 / 16) / 1e11),
    ("v5e:4x4", "all-to-all", 2**30, 2**28 * (15 / 16) / 1e11),
    ("v5p:2x2x4", "all-gather", 2**30, 2**30 * (15 / 16) / 3e11),
    ("v5e:4x4", "collective-permute", 5e8, 0.01),
  )
  def test_many_bytes(self, name, kind, num_bytes, expected):
    self.assertAlmostEqual(
      _seconds(name, kind, num_bytes) / expected, 1, places=6
    )

  @parameterized.parameters(
    ("v5e:4x1", "all-gather", 3),  # three hops, as in the same part
    ("v5e:4x4", "all-gather", 6),
    ("v5e:4x4", "all-reduce", 12),
    ("v5e:16x16", "all-reduce", 2 * (8 + 8)),
    ("v4:4x4x4", "all-reduce", 2 * (2 + 2 + 2)),
    ("v4:2x2x4", "all-reduce", 2 * (1 + 1 + 3)),
    ("v5e:4x4", "collective-permute", 1),
  )
  def test_few_bytes(self, name, kind, hops):
    self.assertAlmostEqual(
      _seconds(name, kind, 64) / (hops * chips.HOP_SECONDS), 1
    )

  def test_one_chip_sends_nothing(self):
    self.assertEqual(_seconds("v5e:1x1", "all-reduce", 2**30), 0)


class StepTest(absltest.TestCase):
  def test_sum(self):
    topology = topologies.parse("v5e:4x4")
    large = collectives.Collective("all-reduce", 2**30, 16)
    small = collectives.Collective("all-reduce", 64, 16, count=100)
    found = roofline.times(topology, 197e10, 819e8, [large, small])
    self.assertAlmostEqual(found.compute, 0.01)
    self.assertAlmostEqual(found.memory, 0.1)
    self.assertAlmostEqual(found.waiting, 100 * 12e-6)
    expected = 2 * 2**30 * 15 / 16 / 1e11 + 100 * 12e-6
    self.assertAlmostEqual(found.communication, expected)
    self.assertAlmostEqual(found.step, 0.1 + expected)


class ChipTest(parameterized.TestCase):
  @parameterized.parameters(
    # Google Cloud's figures for whole pods and slices follow from a chip's.
    ("v5e", 256 * 197e12, 50.63e15),
    ("v6e", 256 * 918e12, 234.9e15),
    ("v4", 4096 * 275e12, 1.1e18),
  )
  def test_peak_of_a_pod(self, name, _, published):
    size = {"v4": 4096}.get(name, 256)
    peak = size * chips.GENERATIONS[name].flops_per_s
    self.assertAlmostEqual(peak / published, 1, delta=0.03)

  @parameterized.parameters(
    ("v5e", 400e9), ("v6e", 800e9), ("v5p", 1200e9)
  )  # both ways, over all links of a chip
  def test_links_of_a_chip(self, name, published):
    chip = chips.GENERATIONS[name]
    links = 2 * chip.axes
    self.assertAlmostEqual(2 * links * chip.link_bytes_per_s / published, 1)

  @parameterized.parameters(("v4", 8), ("v5e", 4), ("v5p", 8))
  def test_clock(self, name, units):
    chip = chips.GENERATIONS[name]
    peak = chip.clock_hz * units * 2 * 128 * 128
    self.assertTrue(math.isclose(peak, chip.flops_per_s, rel_tol=0.005))


if __name__ == "__main__":
  absltest.main()
