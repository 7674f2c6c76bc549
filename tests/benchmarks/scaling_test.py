"""Tests of benchmarks/scaling.py: what it asks for, and its tables."""

import dataclasses
import itertools

from absl.testing import absltest

from benchmarks import scaling
from srfeat_jax import config_flag
from srfeat_jax.scaling import (
  collectives,
  projection,
  topologies,
)
from tests.support import compiled_steps, paths

_STEP = compiled_steps.step(
  collectives.Collective("all-reduce", 2**30, 16),
  collectives.Collective("all-reduce", 64, 16, count=30),
)


def _config(name: str, chips: int, batch_size: int):
  arguments = scaling.command(name, chips, batch_size)
  config, rest = config_flag.split(["aot", *arguments])
  return config, rest[-1].removeprefix("--topology=")


def _result(name: str, chips: int, batch_size: int, step=_STEP) -> dict:
  config, topology = _config(name, chips, batch_size)
  result = projection.project(config, topologies.parse(topology), step)
  return {"case": name, **result}


def _table(*results: dict) -> list[list[str]]:
  """Cells of the rows for SRFeat's pre-training."""
  page = "a\n<!-- srfeat_pretrain -->\nold\n<!-- end -->\nb\n"
  lines = scaling.fill(page, list(results)).splitlines()
  assert (lines[0], lines[-1]) == ("a", "b")
  rows = [line.strip("| ").split(" | ") for line in lines[2:-2]]
  header = [each.strip() for each in rows[0]]
  return [dict(itertools.zip_longest(header, row)) for row in rows[2:]]


class CasesTest(absltest.TestCase):
  def test_each_is_a_run_of_its_schedule(self):
    for name, chips in itertools.product(scaling.CASES, scaling.SHAPES):
      for batch_size in scaling.batch_sizes(chips):
        config, topology = _config(name, chips, batch_size)
        self.assertEqual(topologies.parse(topology).size, chips)
        self.assertEqual(config.batch_size % chips, 0)
        self.assertEqual(config.dtype, "bfloat16")
        images = config.num_steps * config.batch_size
        self.assertAlmostEqual(
          images, scaling.CASES[name].images, delta=batch_size / 2
        )

  def test_schedules_are_the_documents(self):
    for case in scaling.CASES.values():
      config = config_flag.load(case.config)
      self.assertEqual(config.num_steps * config.batch_size, case.images)

  def test_the_page_has_every_table(self):
    page = (paths.REPOSITORY / "docs/scaling.md").read_text()
    for name in scaling.CASES:
      self.assertIn(f"<!-- {name} -->", page)
    results = scaling.load()["suites"]["scaling"]
    self.assertEqual(scaling.fill(page, results), page)


class TableTest(absltest.TestCase):
  def test_rows(self):
    one = _result("srfeat_pretrain", 1, 4)
    sixteen = _result("srfeat_pretrain", 16, 64)
    rows = _table(one, sixteen)
    first = rows[0]
    self.assertEqual((first["chips"], first["batch"]), ("1", "4"))
    self.assertEqual(first["sent ms"], "0.0")
    self.assertEqual(first["of one chip's"], "100%")
    found = [row for row in rows if row["chips"] == "16"]
    self.assertEqual([row["scaling"] for row in found], ["weak", "strong"])
    self.assertEqual(found[0]["collectives"], "31")
    self.assertEqual(found[0]["GiB a chip"], "3.0")
    self.assertEqual(found[0]["images/s"], f"{sixteen['images_per_s']:.0f}")

  def test_the_same_program_on_another_slice(self):
    rows = _table(_result("srfeat_pretrain", 16, 64))
    large = next(row for row in rows if row["chips"] == "256")
    self.assertEndsWith(large["GiB a chip"], " *")
    direct = _result("srfeat_pretrain", 256, 1024)
    self.assertEqual(large["images/s"], f"{direct['images_per_s']:.0f}")
    self.assertEqual(
      large["whole run, hours"], f"{direct['schedule']['hours']:.2g}"
    )
    # A chip with another share of the batch has another program; and one chip
    # has none of the collectives.
    self.assertNotIn("1", [row["chips"] for row in rows])
    self.assertNotIn(
      ("strong", "4"), [(row["scaling"], row["chips"]) for row in rows]
    )

  def test_what_does_not_fit(self):
    key = {"case": "srfeat_pretrain", "chips": 1, "batch_size": 64}
    (row,) = _table({**key, "error": "the step does not fit"})
    self.assertEqual(row["GiB a chip"], "does not fit")

  def test_nothing(self):
    page = "<!-- esrgan -->\n<!-- end -->"
    self.assertIn("Not compiled yet", scaling.fill(page, []))

  def test_a_result_is_found_again(self):
    step = dataclasses.replace(_STEP, cycles=0)
    result = _result("esrgan", 4, 16, step)
    self.assertEqual(scaling.key(result), ("esrgan", 4, 16))


if __name__ == "__main__":
  absltest.main()
