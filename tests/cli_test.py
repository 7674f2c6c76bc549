"""Tests of the program evaluate and of what all programs share."""

import json
import signal
import subprocess
import sys
import textwrap
import time

from absl.testing import absltest, parameterized

from srfeat_jax.image_io import images
from tests.support import paths, programs


class FlagsTest(programs.ProgramTestCase):
  @parameterized.parameters(
    (("evaluate", "--weights=bicubic", "--output=x"), ("--benchmarks",)),
    (("upscale", "--weights=bicubic"), ("Name at least one picture",)),
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
    self.assert_fails(programs.run(*arguments), *parts)

  @parameterized.parameters("evaluate", "upscale")
  def test_help(self, program):
    result = programs.run(program, "--help")
    self.assertIn("--weights", result.stdout)
    self.assertIn(f"python -m srfeat_jax.{program}", result.stdout)


class CliTest(programs.ProgramTestCase):
  def run_main(self, body: str) -> subprocess.CompletedProcess:
    code = "from srfeat_jax import cli, errors\ndef main(argv):\n"
    code += textwrap.indent(body, "  ") + "\ncli.run(main)\n"
    return programs.run(code)

  def test_full_disk(self):
    result = self.run_main("with open('/dev/full', 'w') as f: f.write('x')")
    self.assert_fails(result, "No space left on device")

  def test_named_file(self):
    result = self.run_main(
      "raise PermissionError(13, 'Permission denied', 'f')"
    )
    self.assert_fails(result, "f: Permission denied.")

  def test_control_characters_do_not_reach_the_terminal(self):
    body = "raise errors.InputError('bad\\x1b[2J\\udcff name')"
    self.assert_fails(self.run_main(body), r"bad\x1b[2J\udcff name")

  def test_a_reader_that_goes_away(self):
    code = (
      "from srfeat_jax import cli\ndef main(argv):\n"
      "  for i in range(9**5): print(i)\ncli.run(main)\n"
    )
    script = '"$0" -c "$1" | head -1; exit ${PIPESTATUS[0]}'
    result = subprocess.run(
      ["bash", "-c", script, sys.executable, code],
      cwd=paths.REPOSITORY,
      capture_output=True,
      text=True,
      check=False,
    )
    self.assertEqual((result.stdout, result.stderr), ("0\n", ""))
    self.assertEqual(result.returncode, 141)

  def test_broken_pipes_of_others_keep_their_traceback(self):
    result = self.run_main("raise BrokenPipeError(32, 'Broken pipe')")
    self.assertIn("Traceback", result.stderr)

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
    result = programs.run(
      "import sys\nfrom srfeat_jax import cli\nprint(*sys.modules)"
    )
    self.assertNotIn("jax", result.stdout.split())


class EvaluateTest(programs.ProgramTestCase):
  def evaluate(self, *arguments) -> subprocess.CompletedProcess:
    output = f"--output={self.folder / 'out'}"
    return programs.run("evaluate", output, *arguments)

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


if __name__ == "__main__":
  absltest.main()
