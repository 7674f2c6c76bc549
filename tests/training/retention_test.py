"""Which checkpoints stay on the disk."""

import pathlib

import orbax.checkpoint as ocp
from absl.testing import absltest, parameterized

from srfeat_jax.training import retention


class RetentionTest(parameterized.TestCase):
  @parameterized.parameters(
    ((2, 0), None, [5, 6]),
    ((2, 3), None, [3, 5, 6]),
    ((1, 4), 2, [2, 4, 6]),
    ((9, 0), 1, [1, 2, 3, 4, 5, 6]),
  )
  def test_what_orbax_keeps(self, rules, best, expected):
    folder = pathlib.Path(self.create_tempdir())
    kept = retention.Retention(*rules)
    options = ocp.CheckpointManagerOptions(preservation_policy=kept)
    with ocp.CheckpointManager(folder, options=options) as manager:
      for step in range(1, 7):
        kept.best = best if best and best <= step else None
        manager.save(step, args=ocp.args.JsonSave({"step": step}))
        manager.wait_until_finished()
      self.assertEqual(sorted(manager.all_steps()), expected)


if __name__ == "__main__":
  absltest.main()
