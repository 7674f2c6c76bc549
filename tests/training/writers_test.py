"""Tests of srfeat_jax.training.writers."""

import contextlib
import json
import os
import subprocess
import sys
import textwrap
from unittest import mock

import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.util import tensor_util

from srfeat_jax import errors, places
from srfeat_jax.image_io import images
from srfeat_jax.training import writers
from tests.support import disk, image_files, object_store, paths


class JsonlTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.path = self.folder / "metrics.jsonl"

  def write(self, first_step: int, steps) -> list[dict]:
    """What the file holds after a run wrote these steps."""
    writer = writers.JsonlWriter(self.path, first_step=first_step)
    for step in steps:
      writer.write_scalars(
        step, {"loss": np.float32(0.5), "rate": jnp.ones(())}
      )
    writer.close()
    return self.lines()

  def lines(self) -> list[dict]:
    return [json.loads(line) for line in self.path.read_text().splitlines()]

  def steps(self) -> list[int]:
    return [line["step"] for line in self.lines()]

  def test_a_line_a_step(self):
    self.assertEqual(
      self.write(0, [5, 10]),
      [
        {"step": 5, "loss": 0.5, "rate": 1.0},
        {"step": 10, "loss": 0.5, "rate": 1.0},
      ],
    )

  def test_visible_at_once(self):
    writer = writers.JsonlWriter(self.path, first_step=0)
    writer.write_scalars(1, {"loss": 1})
    self.assertEqual(self.steps(), [1])
    writer.close()

  def test_restart_drops_what_was_not_kept(self):
    self.write(0, [0, 5, 10, 15])
    self.write(10, [15, 20])
    self.assertEqual(self.steps(), [0, 5, 10, 15, 20])

  def test_restart_from_nothing_begins_anew(self):
    # Killed before the first checkpoint: step 0 would stand there twice.
    self.write(0, [0, 5])
    self.write(0, [0, 5])
    self.assertEqual(self.steps(), [0, 5])

  @parameterized.parameters(
    '{"step": 10, "lo', '{"step', "{}", "[1]", "3", "\0\0\0"
  )
  def test_restart_drops_a_line_cut_off(self, end):
    self.write(0, [5])
    with self.path.open("a") as file:
      file.write(end)
    self.write(10, [15])
    self.assertEqual(self.steps(), [5, 15])

  def test_a_validation_that_is_made_again_replaces_its_scores(self):
    def write(**options):
      with contextlib.closing(
        writers.JsonlWriter(self.path, first_step=10, **options)
      ) as writer:
        writer.write_scalars(10, {"eval/set5/psnr_y": 30.0})

    self.write(0, [10])
    write()
    self.assertEqual(self.steps(), [10, 10])  # losses, and scores
    write(validates=True)
    self.assertEqual(self.steps(), [10, 10])

  def test_nothing_else_is_left(self):
    self.write(0, [5])
    self.assertEqual(list(self.folder.iterdir()), [self.path])

  def test_full_disk(self):
    writer = writers.JsonlWriter(self.path, first_step=0)
    with (
      disk.full(200),
      self.assertRaisesRegex(
        errors.InputError, r"metrics.jsonl cannot be written \(File too large"
      ),
    ):
      for step in range(100):
        writer.write_scalars(step, {"loss": 1})
    writer.close()


class ExpendableTest(absltest.TestCase):
  def test_warns_once_and_is_quiet(self):
    inner = mock.Mock()
    writer = writers.Expendable(inner, (OSError,))
    writer.write_scalars(1, {"loss": 1})
    inner.flush.side_effect = OSError("full")
    with self.assertLogs("absl", "WARNING") as log:
      writer.flush()
      writer.flush()
      writer.write_images(2, {})
      writer.close()
    self.assertLen(log.output, 1)
    self.assertIn("written (full): there will be no more", log.output[0])
    self.assertEqual(
      [call[0] for call in inner.method_calls], ["write_scalars", "flush"]
    )

  def test_a_defect_is_not_kept_quiet(self):
    inner = mock.Mock()
    inner.flush.side_effect = TypeError
    with self.assertRaises(TypeError):
      writers.Expendable(inner, (OSError,)).flush()


class StoreTest(absltest.TestCase):
  """Lines and events by address."""

  def setUp(self):
    super().setUp()
    self.enterContext(object_store.running())
    self.workdir = places.path(f"{object_store.ADDRESS}/run")

  def steps(self) -> list[int]:
    text = (self.workdir / "metrics.jsonl").read_text()
    return [json.loads(line)["step"] for line in text.splitlines()]

  def writer(self, first_step: int, **options) -> writers.JsonlObject:
    return writers.JsonlObject(
      self.workdir / "metrics.jsonl", first_step=first_step, **options
    )

  def test_a_validation_that_is_made_again_replaces_its_scores(self):
    for options in ({}, {"validates": True}):
      writer = self.writer(10, **options)
      writer.write_scalars(10, {"eval/set5/psnr_y": 30.0})
      writer.close()
    self.assertEqual(self.steps(), [10])

  def test_lines_are_there_after_a_flush(self):
    writer = self.writer(0)
    writer.write_scalars(5, {"loss": np.float32(0.5)})
    writer.flush()
    self.assertEqual(
      (self.workdir / "metrics.jsonl").read_text(), '{"step": 5, "loss": 0.5}\n'
    )
    writer.write_scalars(10, {"loss": 1})
    self.assertEqual(self.steps(), [5])
    writer.close()
    self.assertEqual(self.steps(), [5, 10])
    writer = self.writer(5)  # what came after step 5 is done again
    writer.write_scalars(10, {"loss": 1})
    writer.close()
    self.assertEqual(self.steps(), [5, 10])
    self.writer(0).close()
    self.assertEqual(self.steps(), [])

  def test_lines_are_there_now_and_then(self):
    clock = self.enterContext(mock.patch.object(writers.time, "monotonic"))
    clock.return_value = 1000.0
    writer = self.writer(0)
    for step, seconds in ((1, 1030), (2, 1060), (3, 1100), (4, 1121)):
      clock.return_value = seconds
      writer.write_scalars(step, {"loss": 1})
      self.assertEqual(
        self.steps(), {1: [], 2: [1, 2], 3: [1, 2]}.get(step, [1, 2, 3, 4])
      )

  def test_a_store_that_is_away_for_a_while(self):
    writer = self.writer(0)
    writer._written = -1e9, 0
    with mock.patch.object(
      writers.atomic, "replace", side_effect=errors.InputError("away")
    ):
      with self.assertLogs("absl", "WARNING") as log:
        writer.write_scalars(1, {"loss": 1})
      self.assertIn("away; this is tried again", log.output[0])
      with self.assertRaisesRegex(errors.InputError, "away"):
        writer.flush()
    writer.close()
    self.assertEqual(self.steps(), [1])

  def test_events_are_copied(self):
    writer = writers.create(self.workdir, first_step=0, active=True)
    writer.write_scalars(10, {"loss/pixel": 1.25})
    writer.close()
    copy = places.fetched(self.workdir)
    events = event_accumulator.EventAccumulator(copy)
    events.Reload()
    ((step, value),) = [
      (event.step, tensor_util.make_ndarray(event.tensor_proto).item())
      for event in events.Tensors("loss/pixel")
    ]
    self.assertEqual((step, value), (10, 1.25))
    self.assertEqual(self.steps(), [10])


class TensorBoardTest(image_files.FolderTestCase):
  def test_event_file_holds_what_was_written(self):
    writer = writers.create(self.folder, first_step=0, active=True)
    for step in (10, 20):
      writer.write_scalars(step, {"loss/pixel": step / 8, "eval/y": 30.5})
    image = image_files.RGB[None]
    writer.write_images(20, {"samples/a": image})
    writer.flush()
    writer.close()

    events = event_accumulator.EventAccumulator(str(self.folder))
    events.Reload()
    names = events.Tags()["tensors"]
    self.assertCountEqual(names, ["loss/pixel", "eval/y", "samples/a"])
    losses = [
      (event.step, tensor_util.make_ndarray(event.tensor_proto).item())
      for event in events.Tensors("loss/pixel")
    ]
    self.assertEqual(losses, [(10, 1.25), (20, 2.5)])
    (event,) = events.Tensors("samples/a")
    self.assertEqual(event.step, 20)
    width, height, png = event.tensor_proto.string_val
    self.assertEqual((int(width), int(height)), (4, 6))
    read = images.read(self.file("a.png", png))
    np.testing.assert_array_equal(read, image_files.RGB)
    lines = (self.folder / "metrics.jsonl").read_text().splitlines()
    self.assertLen(lines, 2)

  def test_inactive_writes_nothing(self):
    writer = writers.create(self.folder, first_step=0, active=False)
    writer.write_scalars(1, {"loss": 1.0})
    writer.write_images(1, {"a": image_files.RGB[None]})
    writer.flush()
    writer.close()
    self.assertEmpty(list(self.folder.iterdir()))

  @parameterized.parameters("tensorflow", "tensorboard", "clu")
  def test_without_a_library_one_warning_and_all_numbers(self, missing):
    program = textwrap.dedent("""
      import pathlib, sys
      import numpy as np
      sys.modules[sys.argv[1]] = None
      from srfeat_jax.training import writers
      writer = writers.create(
        pathlib.Path(sys.argv[2]), first_step=0, active=True)
      writer.write_scalars(1, {"loss": 0.5})
      writer.write_images(1, {"a": np.zeros((1, 2, 2, 3), np.uint8)})
      writer.flush()
      writer.close()
    """)
    result = subprocess.run(
      [sys.executable, "-c", program, missing, self.folder],
      cwd=paths.REPOSITORY,
      env=os.environ | {"PYTHONPATH": str(paths.REPOSITORY)},
      capture_output=True,
      text=True,
      check=False,
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    warnings = [
      line for line in result.stderr.splitlines() if "TensorBoard logs" in line
    ]
    self.assertLen(warnings, 1, result.stderr)
    self.assertRegex(warnings[0], f"{missing}.*pip install .*tensorflow-cpu")
    self.assertEqual(
      (self.folder / "metrics.jsonl").read_text(), '{"step": 1, "loss": 0.5}\n'
    )


if __name__ == "__main__":
  absltest.main()
