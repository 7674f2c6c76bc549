"""Tests of the programs evaluate and upscale, run as a person runs them."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time
import unittest

import jax
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import models
from srfeat_jax.data import images
from srfeat_jax.inference import upscaler
from srfeat_jax.interchange import safetensors_file
from tests import image_files, paths

_GENERATOR = {
  "architecture": "srfeat",
  "features": 4,
  "num_blocks": 1,
  "residual_base": "bicubic",
}


def _run(*arguments, **options) -> subprocess.CompletedProcess:
  """Runs `python -m srfeat_jax.<first argument>`, or Python code."""
  program, *rest = map(str, arguments)
  start = (
    ["-c", program] if "\n" in program else ["-m", f"srfeat_jax.{program}"]
  )
  return subprocess.run(
    [sys.executable, *start, *rest],
    cwd=paths.REPOSITORY,
    env=os.environ | {"JAX_PLATFORMS": "cpu"},
    capture_output=True,
    text=True,
    check=False,
    **options,
  )


def _picture(*shape: int, seed: int = 0) -> np.ndarray:
  rng = np.random.default_rng(seed)
  return rng.integers(0, 256, shape, dtype=np.uint8)


class ProgramTestCase(image_files.FolderTestCase):
  def assert_fails(self, result: subprocess.CompletedProcess, *parts: str):
    """One sentence with the parts, status 1 and no traceback."""
    self.assertEqual(result.returncode, 1, result.stderr)
    self.assertLen(result.stderr.splitlines(), 1, result.stderr)
    self.assertStartsWith(result.stderr, "error: ")
    for part in parts:
      self.assertIn(part, result.stderr)

  def write(self, name: str, *shape: int) -> pathlib.Path:
    path = self.folder / name
    images.write(path, _picture(*shape))
    return path

  def weights(self) -> pathlib.Path:
    """Writes a small generator's weights."""
    generator = models.build(_GENERATOR)
    lr = np.zeros((1, 4, 4, 3), np.float32)
    variables = generator.init(jax.random.key(0), lr)
    path = self.folder / "weights" / "small.safetensors"
    path.parent.mkdir()
    safetensors_file.save(path, _GENERATOR, variables)
    return path


class FlagsTest(ProgramTestCase):
  @parameterized.parameters(
    (("evaluate", "--benchmarks=x", "--output=x"), ("--weights",)),
    (("evaluate", "--weights=bicubic", "--output=x"), ("--benchmarks",)),
    (("upscale", "x.png", "--weights=bicubic"), ("--output",)),
    (
      ("upscale", "x.png", "--wieghts=bicubic", "--output=x"),
      ("wieghts", "weights"),
    ),
    (
      ("upscale", "x.png", "--weights=bicubic", "--output=x", "--tile=-1"),
      ("--tile=-1",),
    ),
    (
      (
        *("evaluate", "--weights=bicubic", "--benchmarks=x", "--output=x"),
        "--protocol=psnr",
      ),
      ("psnr", "matlab|centre296"),
    ),
  )
  def test_missing_and_unknown(self, arguments, parts):
    self.assert_fails(_run(*arguments), *parts)

  @parameterized.parameters("evaluate", "upscale")
  def test_help(self, program):
    result = _run(program, "--help")
    self.assertIn("--weights", result.stdout)
    self.assertIn(f"python -m srfeat_jax.{program}", result.stdout)


class CliTest(ProgramTestCase):
  def run_main(self, body: str) -> subprocess.CompletedProcess:
    code = "from srfeat_jax import cli, errors\ndef main(argv):\n"
    code += textwrap.indent(body, "  ") + "\ncli.run(main)\n"
    return _run(code)

  def test_full_disk(self):
    result = self.run_main("with open('/dev/full', 'w') as f: f.write('x')")
    self.assert_fails(result, "No space left on device")

  def test_named_file(self):
    result = self.run_main(
      "raise PermissionError(13, 'Permission denied', 'f')"
    )
    self.assert_fails(result, "f: Permission denied.")

  def test_defects_keep_their_traceback(self):
    for defect in ("OSError(5, 'Input/output error')", "KeyError('x')"):
      result = self.run_main(f"raise {defect}")
      self.assertEqual(result.returncode, 1)
      self.assertIn("Traceback", result.stderr)

  def test_status_and_arguments(self):
    result = self.run_main("print(argv[1:])\nreturn 3")
    self.assertEqual((result.returncode, result.stdout), (3, "[]\n"))

  def test_interruption(self):
    code = (
      "import time\nfrom srfeat_jax import cli\ndef main(argv):\n"
      "  print('ready', flush=True)\n  time.sleep(600)\ncli.run(main)\n"
    )
    with subprocess.Popen(
      [sys.executable, "-c", code],
      cwd=paths.REPOSITORY,
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    ) as process:
      process.stdout.readline()
      time.sleep(0.1)
      process.send_signal(signal.SIGINT)
      _, stderr = process.communicate()
    self.assertEqual((process.returncode, stderr), (130, "interrupted\n"))

  def test_does_not_import_jax(self):
    result = _run("import sys\nfrom srfeat_jax import cli\nprint(*sys.modules)")
    self.assertNotIn("jax", result.stdout.split())


class EvaluateTest(ProgramTestCase):
  def evaluate(self, *arguments) -> subprocess.CompletedProcess:
    output = f"--output={self.folder / 'out'}"
    return _run("evaluate", output, *arguments)

  def benchmarks(self) -> str:
    for name in ("a", "b.c"):
      self.write(f"sets/S/HR/{name}.png", 40, 44, 3)
    self.write("sets/T/HR/gray.png", 32, 33)
    return f"--benchmarks={self.folder / 'sets'}"

  def test_weights_beside_bicubic(self):
    weights = self.weights()
    result = self.evaluate(
      f"--weights={weights}", self.benchmarks(), "--save_images"
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn("S (2)", result.stdout)
    self.assertIn("bicubic", result.stdout)
    out = self.folder / "out"
    results = json.loads((out / "results.json").read_text())
    for sets in (results["sets"], results["bicubic"]):
      self.assertEqual(list(sets), ["S", "T"])
      self.assertEqual(list(sets["S"]["images"]), ["a", "b.c"])
      for scores in (sets["S"], sets["S"]["images"]["a"]):
        self.assertContainsSubset(["psnr_y", "ssim_y", "psnr_rgb"], scores)
    # A new network adds next to nothing to its bicubic base.
    self.assertAlmostEqual(
      results["sets"]["S"]["psnr_y"],
      results["bicubic"]["S"]["psnr_y"],
      delta=0.5,
    )
    self.assertNotEqual(results["sets"], results["bicubic"])
    self.assertEqual(results["weights"], str(weights))
    written = sorted(
      path.relative_to(out).as_posix() for path in out.rglob("*.*")
    )
    self.assertEqual(
      written,
      [
        "comparison.png",
        "images/S/a.png",
        "images/S/b.c.png",
        "images/T/gray.png",
        "results.json",
        "results.md",
      ],
    )
    self.assertEqual(images.size(out / "images/S/a.png"), (40, 44))
    self.assertEqual(images.read(out / "images/T/gray.png").shape, (32, 32))

  def test_bicubic_on_scenes_by_the_other_protocol(self):
    result = self.evaluate(
      "--weights=bicubic", "--benchmarks=synthetic", "--protocol=centre296"
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    results = json.loads((self.folder / "out/results.json").read_text())
    self.assertEqual(results["protocol"]["name"], "centre296")
    self.assertLen(results["sets"]["Synthetic"]["images"], 10)
    self.assertNotIn("bicubic", results)

  def test_bad_input(self):
    sets = self.benchmarks()
    self.write("small/S/HR/tiny.png", 16, 40, 3)
    self.file("file")
    given = "--weights=bicubic"
    small = f"--benchmarks={self.folder / 'small'}"
    for arguments, parts in (
      ((given, f"--benchmarks={self.folder}/none"), ("none",)),
      ((given, sets, "--sets=S,Set5"), ("Set5", "S, T")),
      (("--weights=missing", sets), ("missing",)),
      ((given, sets, "word"), ("word",)),
      ((given, sets, f"--output={self.folder}/file"), ("file: File exists",)),
    ):
      with self.subTest(arguments[-1]):
        self.assert_fails(self.evaluate(*arguments), *parts)
    self.assertFalse((self.folder / "out").exists())
    self.assert_fails(  # found while measuring
      self.evaluate(given, small), "tiny.png", "16 x 40", "19"
    )


class UpscaleTest(ProgramTestCase):
  def upscale(self, *arguments) -> subprocess.CompletedProcess:
    return _run("upscale", *arguments)

  def test_files_and_folders_around_the_flags(self):
    self.write("in/a.png", 5, 6, 3)
    self.write("in/deep/b.v2.JPG", 6, 5, 3)
    gray = self.write("other/gray.tif", 4, 7)
    out = self.folder / "out"
    result = self.upscale(
      self.folder / "in", "--weights=bicubic", f"--output={out}", gray
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertCountEqual(
      [p.relative_to(out).as_posix() for p in out.rglob("*.*")],
      ["a.png", "deep/b.v2.png", "gray.png"],
    )
    for source, target in (
      (self.folder / "in/a.png", "a.png"),
      (self.folder / "in/deep/b.v2.JPG", "deep/b.v2.png"),
      (gray, "gray.png"),
    ):
      expected = upscaler.bicubic(images.read(source))
      np.testing.assert_array_equal(images.read(out / target), expected)
      self.assertIn(f"{source} -> {out / target}", result.stdout)

  def test_weights_and_tiles(self):
    source, weights = self.write("a.png", 40, 50, 3), self.weights()
    written = []
    for tile in (0, 20):
      target = self.folder / f"new/{tile}.png"
      result = self.upscale(
        *(source, f"--weights={weights}", f"--output={target}"),
        f"--tile={tile}",
      )
      self.assertEqual(result.returncode, 0, result.stderr)
      written.append(images.read(target).astype(int))
    self.assertEqual(written[0].shape, (160, 200, 3))
    self.assertLessEqual(np.abs(written[0] - written[1]).max(), 1)

  def test_bad_pictures_do_not_stop_the_others(self):
    self.write("in/z.png", 5, 6, 3)
    self.file("in/a.png", b"no picture")
    self.file("in/b.jpg", b"")
    (self.folder / "empty").mkdir()
    out = self.folder / "out"
    result = self.upscale(
      *(self.folder / "missing.png", self.folder / "empty"),
      *(self.folder / "in", "--weights=bicubic", f"--output={out}"),
    )
    self.assertEqual(result.returncode, 1)
    self.assertEqual(os.listdir(out), ["z.png"])
    *sentences, summary = result.stderr.splitlines()
    self.assertLen(sentences, 4)
    for name, sentence in zip(
      ("empty", "missing.png", "a.png", "b.jpg"), sentences, strict=True
    ):
      self.assertStartsWith(sentence, "error: ")
      self.assertIn(name, sentence)
    self.assertIn("4 failed", summary)

  def test_bad_input(self):
    self.write("in/a.png", 4, 4, 3)
    self.write("in/a.jpg", 4, 4, 3)
    only = self.write("only/a.jpg", 4, 4, 3)
    png, weights = self.write("png/a.png", 4, 4, 3), self.weights()
    self.file("file")
    out = f"--output={self.folder}/out"
    bicubic = "--weights=bicubic"
    for name, arguments, parts in (
      ("nothing", (bicubic, out), ("at least one",)),
      ("one name", (bicubic, self.folder / "in", out), ("a.jpg", "a.png")),
      (
        "two into one file",
        (bicubic, only, png, f"--output={self.folder}/x.png"),
        ("x.png",),
      ),
      (
        "folder into one file",
        (bicubic, self.folder / "only", f"--output={self.folder}/x.PNG"),
        ("x.PNG",),
      ),
      ("onto itself", (bicubic, png, f"--output={png}"), ("png/a.png",)),
      ("into its folder", (bicubic, png, f"--output={png.parent}"), ("a.png",)),
      (
        "onto another",
        (bicubic, only, png, f"--output={png.parent}"),
        ("png/a.png",),
      ),
      ("no such weights", ("--weights=nowhere", png, out), ("nowhere",)),
      ("tile", (f"--weights={weights}", png, out, "--tile=9"), ("tile of 9",)),
      ("a file", (bicubic, png, f"--output={self.folder}/file"), ("file",)),
      (
        "a format that is only read",
        (bicubic, png, f"--output={self.folder}/x.GIF"),
        ("x.GIF", ".png", ".webp"),
      ),
    ):
      with self.subTest(name):
        self.assert_fails(self.upscale(*arguments), *parts)
    for name in ("x.png", "x.GIF", "out"):
      self.assertFalse((self.folder / name).exists(), name)

  @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
  def test_no_permission(self):
    png = self.write("a.png", 4, 4, 3)
    locked = self.folder / "locked"
    locked.mkdir(mode=0o500)
    result = self.upscale("--weights=bicubic", png, f"--output={locked}/new")
    self.assert_fails(result, "locked", "Permission denied")


if __name__ == "__main__":
  absltest.main()
