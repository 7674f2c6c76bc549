"""Tests of the scripts in launch/, run as users run them."""

import os
import re
import subprocess
import sys

from absl.testing import absltest, parameterized

from tests.support import image_files, paths, runs


class LaunchTest(image_files.FolderTestCase, parameterized.TestCase):
  def test_local_takes_the_workdir_from_where_it_is_called(self):
    script = paths.REPOSITORY / "launch" / "local.sh"
    copy = self.file("repository/launch/local.sh", script.read_bytes())
    python = self.file(
      "repository/.venv/bin/python", b'#!/bin/sh\necho "$PWD" "$@"\n'
    )
    python.chmod(0o755)
    for argument, expected in (
      ("runs/x", f"{self.folder.resolve()}/runs/x"),
      ("/runs/x", "/runs/x"),
    ):
      result = subprocess.run(
        ["bash", copy, "configs/gan.py", argument, "--config.seed=1"],
        cwd=self.folder,
        capture_output=True,
        text=True,
        check=True,
      )
      self.assertEqual(
        result.stdout,
        f"{self.folder.resolve()}/repository -m srfeat_jax.main"
        f" --config=configs/gan.py --workdir={expected} --config.seed=1\n",
      )

  @parameterized.parameters(
    sorted(each.name for each in (paths.REPOSITORY / "launch").glob("*.sh"))
  )
  def test_syntax(self, name):
    subprocess.run(
      ["bash", "-n", paths.REPOSITORY / "launch" / name], check=True
    )

  def test_quickstart_leaves_what_it_names(self):
    repository = self.folder / "repository"
    (repository / "launch").mkdir(parents=True)
    (repository / "srfeat_jax").symlink_to(paths.REPOSITORY / "srfeat_jax")
    python = self.file(
      "repository/.venv/bin/python",
      f'#!/bin/sh\nexec {sys.executable} "$@"\n'.encode(),
    )
    python.chmod(0o755)
    script = paths.REPOSITORY / "launch" / "quickstart.sh"
    (repository / "launch" / "quickstart.sh").write_bytes(script.read_bytes())
    # What installing does is seen by running tests/run.sh at all.
    install = self.file("repository/launch/install.sh", b"#!/bin/sh\n")
    install.chmod(0o755)
    images = runs.make_images(self.folder / "images")
    benchmark = self.folder / "benchmarks" / "Noise"
    benchmark.mkdir(parents=True)
    runs.make_images(benchmark / "HR", count=1)
    flags = {"num_steps": 2, "batch_size": 2, "crop_size": 16}
    result = subprocess.run(
      [
        *("bash", repository / "launch" / "quickstart.sh"),
        *(images, "benchmarks"),
        *(f"--config.{name}={value}" for name, value in flags.items()),
        "--config.generator.features=4",
      ],
      cwd=self.folder,
      env=os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "1"},
      capture_output=True,
      text=True,
      check=False,
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    workdir = repository / "runs" / "quickstart"
    said = re.findall(r"^  (\S+(?:\.\w+|/))  ", result.stdout, re.MULTILINE)
    self.assertLen(said, 5)
    for name in said:
      self.assertTrue((workdir / name).exists(), name)
    self.assertIn("bicubic", (workdir / "results/results.md").read_text())


if __name__ == "__main__":
  absltest.main()
