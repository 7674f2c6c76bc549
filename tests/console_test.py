"""The commands that pyproject.toml names, and what it depends on."""

import re
import tomllib

from absl.testing import absltest

from srfeat_jax import console
from tests.support import paths, programs


def _project() -> dict:
  return tomllib.loads((paths.REPOSITORY / "pyproject.toml").read_text())[
    "project"
  ]


def _run(function: str, *arguments: str):
  return programs.run(
    "import sys\nfrom srfeat_jax import console\n"
    f"sys.argv[0] = 'command'\nconsole.{function}()",
    *arguments,
  )


class ConsoleTest(programs.ProgramTestCase):
  def test_every_program_has_a_command(self):
    scripts = _project()["scripts"]
    functions = {target.partition(":")[2] for target in scripts.values()}
    package = paths.REPOSITORY / "srfeat_jax"
    found = {
      "train" if path.stem == "main" else path.stem
      for path in package.glob("*.py")
      if "cli.run(main)" in path.read_text()
    }
    self.assertEqual(functions, found | {"browser", "demo", "mos"})
    for name, target in scripts.items():
      module, _, function = target.partition(":")
      self.assertEqual(module, "srfeat_jax.console")
      self.assertEqual(name, f"srfeat-{function}")
      self.assertTrue(callable(getattr(console, function)))

  def test_a_command_is_the_program(self):
    result = _run("upscale", "--help")
    self.assertEqual(result.stdout, programs.run("upscale", "--help").stdout)
    self.assertIn("--weights", result.stdout)
    self.assert_fails(_run("evaluate", "--weights=bicubic"), "--output")
    self.assert_fails(
      _run("train", "--config=configs/gan.py:x", "--workdir=x"), 'variant "x"'
    )

  def test_a_missing_library_of_training(self):
    for name in ("grain", "orbax"):
      result = programs.run(
        f"import sys\nsys.modules['{name}'] = None\n"
        "from srfeat_jax import console\n"
        "console.train()",
        *("--config=configs/quickstart.py", f"--workdir={self.folder / 'run'}"),
      )
      self.assert_fails(result, name, 'pip install "srfeat_jax[train]"')

  def test_upscaling_needs_nothing_of_training(self):
    photo = self.write("photo.png", 8, 8, 3)
    result = programs.run(
      "import sys\n"
      "for name in ('grain', 'clu', 'tensorflow', 'orbax', 'tensorboard'):\n"
      "  sys.modules[name] = None\n"
      "from srfeat_jax import console\nconsole.upscale()",
      *(photo, f"--output={self.folder / 'sr.png'}"),
    )
    self.assertEqual(result.returncode, 0, result.stderr)

  def test_requirements_are_all_that_training_installs(self):
    project = _project()
    listed = {
      line.partition("#")[0].strip().replace('"', "'")
      for line in (paths.REPOSITORY / "requirements.txt")
      .read_text()
      .splitlines()
    } - {""}
    wanted = [
      *project["dependencies"],
      *project["optional-dependencies"]["train"],
    ]
    self.assertEqual(
      {re.sub(r"\s", "", each) for each in listed},
      {re.sub(r"\s", "", each.replace('"', "'")) for each in wanted},
    )


if __name__ == "__main__":
  absltest.main()
