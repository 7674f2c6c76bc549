"""No command line of `main`, however wrong, ends in a traceback.

SRFEAT_FUZZ=N tries N more, with the training step traced: on two CPU cores
about two cases a second.
"""

import collections
import os

from absl.testing import absltest, parameterized

from srfeat_jax import errors
from tests.support import config_fuzz

_CASES = 500  # in each of four parts
_SEED = 20


class ConfigFuzzTest(parameterized.TestCase):
  @parameterized.parameters(*range(4))
  def test_every_command_line_is_accepted_or_refused(self, part):
    self.check(
      [config_fuzz.case(_SEED + part, i) for i in range(_CASES)], traced=False
    )

  def test_more_of_them(self):
    count = int(os.environ.get("SRFEAT_FUZZ", "0"))
    if not count:
      self.skipTest("SRFEAT_FUZZ is not set to a number of cases")
    self.check([config_fuzz.case(1, i) for i in range(count)], traced=True)

  def check(self, cases, *, traced: bool):
    kinds = collections.Counter()
    for arguments in cases:
      outcome = config_fuzz.run(arguments, traced=traced)
      kinds[outcome.kind] += 1
      if outcome.kind == "TRACEBACK":
        self.fail(f"{arguments}\n{outcome.text}")
    # Otherwise too few of them get beyond the first check.
    self.assertGreater(kinds["accepted"], len(cases) // 50)
    self.assertGreater(kinds["refused"], len(cases) // 2)

  def test_every_field_of_every_config_is_tried(self):
    tried, fields = set(), set()
    for path in config_fuzz.PATHS:
      fields |= set(config_fuzz.fields_of(path))
    for part in range(4):
      for i in range(_CASES):
        for argument in config_fuzz.case(_SEED + part, i)[3:]:
          tried.add(argument.partition("config.")[2].partition("=")[0])
    # By chance, a few of the many fields of degradations are left out.
    self.assertLess(len(fields - tried), len(fields) // 20, fields - tried)

  def test_cases_depend_on_the_seed_alone(self):
    first, again, other = (config_fuzz.case(seed, 3) for seed in (1, 1, 2))
    self.assertEqual(first, again)
    self.assertNotEqual(first, other)

  @parameterized.parameters(
    (errors.InputError("field x is 3: expected 4"), "refused"),
    (errors.InputError(""), "TRACEBACK"),
    (KeyError("x"), "TRACEBACK"),
    (OSError(5, "Input/output error"), "TRACEBACK"),
    (RecursionError(), "TRACEBACK"),
  )
  def test_outcome(self, error, kind):
    def raising(arguments):
      raise error

    with absltest.mock.patch.object(config_fuzz.config_flag, "split", raising):
      self.assertEqual(config_fuzz.run(["--config=x"]).kind, kind)


if __name__ == "__main__":
  absltest.main()
