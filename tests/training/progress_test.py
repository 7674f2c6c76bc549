"""What whole runs print."""

import contextlib
import io

import jax
from absl.testing import absltest

from srfeat_jax import models, train
from srfeat_jax.interchange.containers import safetensors_file
from tests.support import runs, small_runs


class ProgressTest(small_runs.RunTestCase):
  def test_prints_what_it_starts_from_before_it_trains(self):
    config = small_runs.config(self.images, num_steps=1)
    config.log_every = 1
    start = models.init(models.build(config.generator), jax.random.key(7))
    config.init_from = str(self.folder / "start.safetensors")
    safetensors_file.save(config.init_from, config.generator.to_dict(), start)
    (self.folder / "benchmarks" / "Noise").mkdir(parents=True)
    runs.make_images(self.folder / "benchmarks" / "Noise" / "HR", count=1)
    config.data.benchmarks = str(self.folder / "benchmarks")
    with contextlib.redirect_stdout(io.StringIO()) as output:
      train.train_and_evaluate(config, self.folder / "run")
    log = small_runs.log(self.folder / "run")
    before, found, _ = output.getvalue().partition("pixel")  # of the losses
    self.assertTrue(found)
    for line, name in zip(log, ("psnr_y_bicubic", "psnr_y"), strict=False):
      self.assertEqual(line["step"], 0)
      score = f"{line[f'eval/noise/{name}']:.5g}"
      self.assertRegex(before, rf"eval/noise/{name}\s+{score}\b")

  def test_losses_are_printed_in_columns(self):
    output = io.StringIO()
    config = small_runs.config(self.images)
    config.losses.checkerboard_weight = 1.0
    with contextlib.redirect_stdout(output):
      train.train_and_evaluate(config, self.folder / "run")
    lines = output.getvalue().splitlines()
    (at,) = [i for i, line in enumerate(lines) if line.endswith("  ETA")]
    names = ["step", "checkerboard", "pixel", "images/s", "waiting", "ETA"]
    self.assertEqual(lines[at].split(), names)
    for line, step in zip(lines[at + 1 : at + 3], ("2/4", "4/4"), strict=True):
      self.assertEqual(line.split()[0], step)
      self.assertLen(line.split(), len(names))
      self.assertLen(line, len(lines[at]))  # aligned
      self.assertLess(len(line), 80)

  def test_the_last_line_names_what_there_is(self):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
      train.train_and_evaluate(
        small_runs.config(self.images), self.folder / "run"
      )
    last = output.getvalue().splitlines()[-1]
    for name in (str(self.folder / "run"), "generator.safetensors"):
      self.assertIn(name, last)


if __name__ == "__main__":
  absltest.main()
