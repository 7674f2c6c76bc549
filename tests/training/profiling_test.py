"""The profile of some steps."""

import pathlib

import jax
import jax.numpy as jnp
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.configs import pretrain
from srfeat_jax.training import config_checks, profiling


class ProfilerTest(parameterized.TestCase):
  def profile(self, steps, num_steps, *, active=True) -> list[str]:
    """Trains, so to speak; what was said."""
    self.folder = pathlib.Path(self.create_tempdir())
    profiler = profiling.Profiler(steps, self.folder, active=active)
    update = jax.jit(lambda x: x + 1)
    x, said = jnp.zeros(()), []
    for step in range(1, num_steps + 1):
      profiler.begin(step, x)
      with jax.profiler.TraceAnnotation(f"step {step}"):
        x = update(x)
      said.append(profiler.end(step, x))
    profiler.close()
    return said

  # The second run ends within the steps.
  @parameterized.parameters(((2, 3), 4, (2, 3)), ((2, 9), 3, (2, 3)))
  def test_where_tensorboard_looks(self, steps, num_steps, traced):
    said = self.profile(steps, num_steps)
    (path,) = self.folder.glob("plugins/profile/*/*.xplane.pb")
    profile = jax.profiler.ProfileData.from_file(str(path))
    names = {
      event.name
      for plane in profile.planes
      for line in plane.lines
      for event in line.events
    }
    found = {name for name in names if name.startswith("step ")}
    self.assertEqual(found, {f"step {step}" for step in traced})
    if num_steps == 4:
      self.assertEqual([bool(each) for each in said], [0, 0, 1, 0])
      self.assertIn("steps 2 to 3 is written", said[2])
      self.assertIn(f"--logdir={self.folder}", said[2])

  @parameterized.parameters(((), True), ((1, 2), False))
  def test_nothing_is_written(self, steps, active):
    self.assertEqual(self.profile(steps, 3, active=active), [""] * 3)
    self.assertEmpty(list(self.folder.iterdir()))

  @parameterized.parameters(((100,),), ((110, 100),), ((0, 3),), ((1.5, 3),))
  def test_no_steps(self, steps):
    config = pretrain.get_config("srfeat_lite")
    config.profile_steps = steps
    with self.assertRaisesRegex(errors.InputError, "profile_steps is .*first"):
      config_checks.check(config)


if __name__ == "__main__":
  absltest.main()
