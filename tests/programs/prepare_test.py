"""`python -m srfeat_jax.prepare` as users run it, and training on its sets."""

import collections
import json
import pathlib
import random
import signal
import subprocess
import sys
import time

import jax
import numpy as np
from absl.testing import absltest

from srfeat_jax import train
from srfeat_jax.data import manifest, prepared
from srfeat_jax.image_io import images
from srfeat_jax.ops import resize
from srfeat_jax.training import degradation
from tests.support import paths, programs, runs, two_processes


def contents(folder: pathlib.Path) -> dict[str, bytes]:
  return {path.name: path.read_bytes() for path in folder.iterdir()}


class PrepareProgramTest(programs.ProgramTestCase):
  def photos(self, count: int, height: int, width: int) -> pathlib.Path:
    folder = self.folder / "photos"
    for i in range(count):
      image = programs.image(height // 4, width // 4, 3, seed=i)
      image = image.repeat(4, 0).repeat(4, 1)
      images.write(folder / f"{i:04}.png", image)
    return folder

  def prepare(self, *arguments) -> subprocess.CompletedProcess:
    return programs.run("prepare", *arguments)

  def test_div2k(self):
    photos, output = self.photos(8, 400, 520), self.folder / "set"
    result = self.prepare("div2k", photos, f"--output={output}")
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn("1,040 images from 8 of 8 files", result.stdout)
    self.assertIn("104,000", result.stdout)
    source = prepared.Prepared(output, 296)
    self.assertLen(source, 1040)
    found = collections.Counter()
    for i in range(1040):
      about = source.record(i).about
      found[about["file"], about["orientation"]] += 1
    for file in sorted(path.name for path in photos.iterdir()):
      counts = [found[file, name] for name in ("original", "flip")]
      self.assertEqual(counts, [35, 35])
      for name in ("rot90", "rot180", "rot270"):
        self.assertEqual(found[file, name], 10)
        self.assertEqual(found[file, f"flip+{name}"], 10)
    self.assertLen(found, 8 * 8)
    # The LR that the training step makes is MATLAB's bicubic of the crop.
    crops = np.stack([source[i] for i in (0, 333, 1039)])
    lr, _ = jax.jit(degradation.degrade, static_argnums=1)(crops, 4)
    self.assertEqual(lr.shape, (3, 74, 74, 3))
    expected = np.stack([resize.resize(crop, 0.25) for crop in crops])
    np.testing.assert_array_equal(np.rint(lr * 255), expected)

  def test_goes_on_after_kill_9(self):
    photos = self.photos(30, 120, 160)
    whole, output = self.folder / "whole", self.folder / "set"
    arguments = ["subimages", photos, "--size=48", "--shard_mib=1"]
    result = self.prepare(*arguments, f"--output={whole}")
    self.assertEqual(result.returncode, 0, result.stderr)
    shards = len(manifest.read(whole).shards)
    self.assertGreater(shards, 3)
    command = [sys.executable, "-m", "srfeat_jax.prepare", *arguments]
    rng = random.Random(0)
    made = {}
    for kill in range(4):
      process = subprocess.Popen(
        [*map(str, command), f"--output={output}", "--processes=2"],
        cwd=paths.REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
      )
      end = time.monotonic() + 120
      while len(list(output.glob("*.array_record"))) < min(kill, shards - 1):
        self.assertLess(time.monotonic(), end)
        time.sleep(0.01)
      time.sleep(rng.uniform(0, 0.1))
      process.send_signal(signal.SIGKILL)
      process.wait()
      # What was complete stays as it is.
      for note in (output / manifest.PROGRESS).glob("subimages-*.json"):
        path = output / note.stem
        before = made.setdefault(path.name, path.stat().st_mtime_ns)
        self.assertEqual(before, path.stat().st_mtime_ns)
    result = self.prepare(*arguments, f"--output={output}")
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertEqual(contents(output), contents(whole))
    for name, before in made.items():
      self.assertEqual((output / name).stat().st_mtime_ns, before)

  def test_bad_input(self):
    photos = self.photos(2, 40, 60)
    self.assert_fails(self.prepare(), "name a preset and a folder", "div2k")
    self.assert_fails(
      self.prepare("div3k", photos, "--output=x"), '"div3k" is no preset'
    )
    self.assert_fails(
      self.prepare("coco", f"hr={photos},lr={photos}", "--output=x"),
      "pairs are stored whole",
    )
    pairs = f"hr={photos},lr={photos}"
    self.assert_fails(
      self.prepare("folder", f"{pairs},teacher={photos}", pairs, "--output=x"),
      "only some pairs have a teacher's output: name teacher=FOLDER for all",
    )
    self.assert_fails(self.prepare("coco", photos), "--output is missing")
    self.assert_fails(
      self.prepare("coco", photos, f"--output={self.folder / 'set'}"),
      "none of the 2 files can be used",
      "0000.png is 60x40, smaller than 296x296",
    )
    self.assert_fails(
      self.prepare("folder", "/no/such", f"--output={self.folder / 'set'}"),
      "/no/such",
    )
    self.assertFalse((self.folder / "set").exists())

  def test_check(self):
    photos = self.photos(3, 40, 60)
    known = images.read_rgb(photos / "0001.png")
    images.write(self.folder / "sets" / "Mine" / "HR" / "1.png", known[:, ::-1])
    sets = f"--benchmarks={self.folder / 'sets'}"
    result = self.prepare("check", photos, sets, "--size=41")
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn("0001.png is Mine/1 (", result.stdout)
    self.assertIn(
      "3 files; 0 damaged, 3 too small, 0 duplicates, 1 images of benchmark",
      result.stdout,
    )
    output = self.folder / "set"
    result = self.prepare("folder", photos, f"--output={output}", sets)
    self.assertIn("0001.png is Mine/1 (", result.stdout)
    result = self.prepare("check", output)
    self.assertIn("1 shard, checksums as in the manifest", result.stdout)
    (shard,) = output.glob("*.array_record")
    shard.write_bytes(bytes(shard.stat().st_size))
    self.assert_fails(self.prepare("check", output), f"{shard.name} is damaged")
    (photos / "0001.png").write_bytes(b"")
    result = self.prepare("check", photos)
    self.assertEqual(result.returncode, 1)
    self.assertIn("error: 1 of 3 files", result.stderr)
    self.assert_fails(self.prepare("check"), "name a folder of images")

  def test_training_refuses_a_set_that_is_not_whole(self):
    photos, output = self.photos(2, 40, 60), self.folder / "set"
    self.prepare("folder", photos, f"--output={output}")
    (shard,) = output.glob("*.array_record")
    shard.unlink()
    result = programs.run(
      *("main", "--config=configs/quickstart.py"),
      f"--config.data.train={output}",
      f"--workdir={self.folder / 'run'}",
    )
    self.assert_fails(result, shard.name, "No such file")
    self.assertFalse((self.folder / "run").exists())

  def test_training_says_what_is_wrong_with_its_images(self):
    photos = self.photos(3, 100, 160)
    whole = (photos / "0001.png").read_bytes()
    (photos / "0001.png").write_bytes(whole[: len(whole) // 2])
    sets = self.folder / "sets" / "Mine" / "HR"
    images.write(sets / "a.png", images.read_rgb(photos / "0000.png")[::-1])
    command = (
      *("main", "--config=configs/quickstart.py"),
      f"--config.data.train={photos}",
      f"--config.data.benchmarks={self.folder / 'sets'}",
      f"--workdir={self.folder / 'run'}",
    )
    result = programs.run(*command)
    self.assertEqual(result.returncode, 1)
    self.assertFalse((self.folder / "run").exists())
    *log, last = result.stderr.splitlines()
    self.assertStartsWith(last, "error: 1 of 3 files in")
    self.assertIn("config.data.max_damaged", last)
    self.assertIn("0000.png is Mine/a (", "\n".join(log))
    # Nothing is decoded before the run if that is not wanted.
    result = programs.run(
      *command,
      *("--config.data.check=False", "--config.num_steps=1"),
      *("--config.batch_size=4", "--config.crop_size=16"),
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertNotIn("Mine/a", result.stderr)


class TrainingTest(absltest.TestCase):
  def test_same_losses_as_on_the_folder(self):
    folder = pathlib.Path(self.create_tempdir())
    photos = runs.make_images(folder / "images")
    result = programs.run(
      "prepare", "folder", photos, f"--output={folder / 'set'}"
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    logs = []
    for name in ("images", "set"):
      workdir = folder / f"run_{name}"
      config = two_processes.config_for(str(folder / name), 3)
      train.train_and_evaluate(config, str(workdir))
      lines = (workdir / "metrics.jsonl").read_text().splitlines()
      logs.append([json.loads(line) for line in lines])
    self.assertLen([line for line in logs[0] if "loss/pixel" in line], 3)
    for ours, theirs in zip(*logs, strict=True):
      for name in ours:
        if not name.startswith("speed/"):
          self.assertEqual(ours[name], theirs[name], name)


if __name__ == "__main__":
  absltest.main()
