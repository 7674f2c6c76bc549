"""What all programs share: flags, and how they fail."""

import signal
import subprocess
import sys
import textwrap
import time

from absl.testing import absltest, parameterized

from tests.support import paths, programs


class FlagsTest(programs.ProgramTestCase):
  @parameterized.parameters(
    (
      ("evaluate", "--weights=bicubic", "--output=x"),
      ("error: --benchmarks is needed: give the folder of the sets; or",),
    ),
    (("main", "--workdir=x"), ("error: --config is needed: give it",)),
    (("upscale", "--weights=bicubic"), ("name at least one image",)),
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
      ("psnr", "matlab|center296"),
    ),
    (  # an older name
      (
        *("evaluate", "--weights=bicubic", "--benchmarks=x", "--output=x"),
        "--protocol=centre296",
      ),
      ("centre296", "matlab|center296"),
    ),
  )
  def test_missing_and_unknown(self, arguments, parts):
    self.assert_fails(programs.run(*arguments), *parts)

  @parameterized.parameters(((), "WARNING"), (("--verbosity=0",), "INFO"))
  def test_libraries_log_what_is_asked_for(self, arguments, expected):
    code = """
from absl import logging
from srfeat_jax import cli
level = logging.get_absl_logger().getEffectiveLevel
cli.run(lambda argv: print(logging.logging.getLevelName(level())))
"""
    result = programs.run(code, *arguments)
    self.assertEqual(result.stdout.strip(), expected)

  @parameterized.parameters(
    ("evaluate", "--help"), ("upscale", "-h"), ("convert", "-h"), ("demo", "-h")
  )
  def test_help_of_all(self, program, flag):
    result = programs.run(program, flag)
    self.assertIn("\nflags:\n", result.stdout)
    self.assertIn(f"python -m srfeat_jax.{program}", result.stdout)

  @parameterized.parameters("evaluate", "upscale")
  def test_help(self, program):
    result = programs.run(program, "--help")
    self.assertIn("--weights", result.stdout)
    self.assertIn(f"python -m srfeat_jax.{program}", result.stdout)

  def test_repeated(self):
    code = (
      "from absl import flags\n"
      "from srfeat_jax import cli\n"
      "flags.DEFINE_string('one', None, '', short_name='o')\n"
      "flags.DEFINE_multi_string('more', [], '')\n"
      "cli.run(lambda argv: print(flags.FLAGS.more))\n"
    )
    result = programs.run(code, "-o", "a", "--one=b")
    self.assert_fails(result, "--one is given 2 times: give it once")
    result = programs.run(code, "--more=a", "--more=b", "--one=b")
    self.assertEqual(result.stdout, "['a', 'b']\n", result.stderr)

  def test_fields_of_a_config_may_be_set_again(self):
    """Launch scripts set fields, and pass on flags that replace them."""
    code = (
      "from srfeat_jax import cli, config_flag\n"
      "config = config_flag.define()\n"
      "cli.run(lambda argv: print(config.value.batch_size))\n"
    )
    fields = ("--config.batch_size=3", "--config.batch_size=4")
    result = programs.run(code, "--config=configs/quickstart.py", *fields)
    self.assertEqual(result.stdout, "4\n")
    config = "--config=configs/quickstart.py"
    result = programs.run("main", config, config, "--workdir=x")
    self.assert_fails(result, "--config is given 2 times")


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
    self.assert_fails(result, "f: Permission denied")

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

  def test_a_device_without_memory(self):
    result = self.run_main(
      "import jax; raise jax.errors.JaxRuntimeError("
      "'RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.\\n  more')"
    )
    self.assert_fails(result, "not enough memory", "allocating 9 bytes")

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


if __name__ == "__main__":
  absltest.main()
