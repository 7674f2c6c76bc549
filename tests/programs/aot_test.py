"""`python -m srfeat_jax.aot`, for devices that every machine has."""

import json

from absl.testing import absltest

from tests.support import programs

_SMALL = (
  *("--config=configs/pretrain.py:srfeat", "--config.crop_size=16"),
  *("--config.generator.features=4", "--config.generator.num_blocks=1"),
)


class AheadOfTimeTest(programs.ProgramTestCase):
  def test_what_it_prints_and_writes(self):
    output = self.folder / "new" / "step.json"
    result = programs.run(
      *("aot", *_SMALL, "--config.batch_size=6", "--topology=cpu:2"),
      f"--output={output}",
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertEmpty(result.stderr)
    for part in ("cpu:2", "6 crops of 16 px, 3 a chip", "x all-reduce"):
      self.assertIn(part, result.stdout)
    written = json.loads(output.read_text())
    self.assertEqual(written["chips"], 2)
    self.assertGreater(written["memory"]["total"], 0)

  def test_mistakes(self):
    output = self.folder / "step.json"
    cases = {
      ("--topology=v9:4x4",): ("v9:4x4", "v4, v5e, v5p, v6e", "cpu:4"),
      ("--topology=v5e:4",): ("v5e:4", "2 axes"),
      ("--topology=cpu:4",): ("batch_size is 9", "devices, 4"),
      ("--topology=cpu:3", "more"): ('"more" is not a flag',),
      ("--topology=cpu:3", "--config.dtype=int8"): ("dtype", "bfloat16"),
    }
    results = programs.run_each(
      "aot", [(*_SMALL, *case, f"--output={output}") for case in cases]
    )
    for result, parts in zip(results, cases.values(), strict=True):
      self.assert_fails(result, *parts)
    self.assertFalse(output.exists())
    self.assert_fails(programs.run("aot", *_SMALL), "--topology is needed")

  def test_places_that_no_file_can_be_written_to(self):
    file = self.file("file", b"")
    cases = {
      self.folder: "is a folder: name a JSON file",
      file / "new" / "step.json": "file is a file, where a folder is to be",
      "gs://bucket/step.json": "--output=gs://bucket/step.json is an address",
    }
    results = programs.run_each(
      "aot",
      [(*_SMALL, "--topology=cpu:2", f"--output={case}") for case in cases],
    )
    for result, part in zip(results, cases.values(), strict=True):
      self.assert_fails(result, part)

  def test_without_libtpu(self):
    result = programs.run(
      "import sys\nfrom srfeat_jax import console\n"
      "import importlib.util\nfind = importlib.util.find_spec\n"
      "importlib.util.find_spec = lambda name, *rest: (\n"
      "  None if name == 'libtpu' else find(name, *rest)\n)\n"
      "console.aot()",
      *(*_SMALL, "--config.batch_size=16", "--topology=v5e:4x4"),
    )
    self.assert_fails(result, "libtpu", 'pip install "srfeat_jax[libtpu]"')


if __name__ == "__main__":
  absltest.main()
