"""Tests of benchmarks/step_profile.py on a small network."""

import json

from absl.testing import absltest, parameterized

from tests.support import paths, programs


class StepProfileTest(programs.ProgramTestCase, parameterized.TestCase):
  def profile(self, *flags: str):
    code = (
      "import runpy, sys\n"
      "sys.argv[0] = 'step_profile'\n"
      "runpy.run_module('benchmarks.step_profile', run_name='__main__',"
      " alter_sys=True)\n"
    )
    self.assertTrue((paths.REPOSITORY / "benchmarks").is_dir())
    return programs.run(code, *flags)

  def test_of_any_config(self):
    result = self.profile(
      "--config=configs/pretrain.py:srfeat_lite",
      *("--config.batch_size=2", "--config.crop_size=16"),
      *("--config.generator.features=4", "--config.generator.num_blocks=1"),
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    profile = json.loads(result.stdout)
    self.assertEqual((profile["case"], profile["batch_size"]), ("srfeat", 2))
    self.assertGreater(profile["kernel_seconds_a_step"], 0)
    shares = [kind["share"] for kind in profile["kinds"].values()]
    self.assertAlmostEqual(sum(shares), 1)

  def test_an_unknown_case(self):
    self.assert_fails(
      self.profile("--case=nope"), "--case=nope", "srfeat_gan_b16", "--config"
    )


if __name__ == "__main__":
  absltest.main()
