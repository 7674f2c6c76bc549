"""The fuzzer: a few hundred files with a fixed seed, and failures it finds."""

import os
import pathlib
import time

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from tests.support import fuzz_files, fuzz_samples, image_files


class FuzzTest(parameterized.TestCase):
  def test_every_file_is_read_or_refused(self):
    kinds = sorted(fuzz_samples.make())
    cases = [(kinds[i % len(kinds)], i) for i in range(300)]
    results = list(fuzz_files.run(7, cases, seconds=60, mebibytes=2048))
    self.assertLen(results, len(cases))
    failed = [r for r in results if r.outcome not in ("read", "refused")]
    self.assertEmpty(failed)
    outcomes = {result.outcome for result in results}
    self.assertEqual(outcomes, {"read", "refused"})

  def test_files_depend_on_the_seed_alone(self):
    first, again, other = (
      fuzz_files.case(seed, "png", 3) for seed in (1, 1, 2)
    )
    self.assertEqual(first, again)
    self.assertNotEqual(first, other)

  def test_files_are_changed(self):
    sample = fuzz_samples.make()["jpeg"].data
    rng = np.random.default_rng(0)
    made = {fuzz_files.mutated(sample, [sample], rng) for _ in range(100)}
    self.assertGreater(len(made - {sample}), 80)


def _raise(error):
  def read(path):
    raise error

  return read


class OutcomeTest(image_files.FolderTestCase):
  @parameterized.parameters(
    (lambda path: 3, "read"),
    (_raise(errors.InputError("a clear line")), "refused"),
    (_raise(errors.InputError("two\nlines")), "TRACEBACK"),
    (_raise(errors.InputError("\x1b[31m")), "TRACEBACK"),
    (_raise(errors.InputError("long" * 2000)), "TRACEBACK"),
    (_raise(ValueError("x")), "TRACEBACK"),
    (_raise(RecursionError()), "TRACEBACK"),
  )
  def test_outcome(self, read, outcome):
    self.assertEqual(fuzz_files.outcome_of(read, self.folder)[0], outcome)


def _crash(path: pathlib.Path):
  if not path.name.startswith("sample"):
    os.abort()


def _hang(path: pathlib.Path):
  if not path.name.startswith("sample"):
    time.sleep(3600)


def dying() -> dict:
  """Samples whose readers a child process does not survive."""
  return {
    "crash": fuzz_samples.Sample(b"abc", (_crash,)),
    "fine": fuzz_samples.Sample(b"abc", (os.stat,)),
    "hang": fuzz_samples.Sample(b"abc", (_hang,)),
  }


class ChildTest(absltest.TestCase):
  def test_it_is_replaced_when_it_dies(self):
    kinds = ("fine", "crash", "fine", "hang", "fine")
    results = fuzz_files.run(
      0, [(kind, 0) for kind in kinds], 3, mebibytes=2048, make=dying
    )
    outcomes = [result.outcome for result in results]
    self.assertEqual(outcomes, ["read", "CRASH", "read", "HANG", "read"])


if __name__ == "__main__":
  absltest.main()
