"""The shipped weights, compared with their cards."""

import json
import pathlib
import re
import shutil
import unittest
from unittest import mock

import jax
import numpy as np
from absl.testing import absltest, parameterized

import srfeat_jax
from srfeat_jax import errors, models
from srfeat_jax.evaluation import evaluator, protocol
from srfeat_jax.inference import upscaler
from srfeat_jax.weights import blending, lookup, shipped
from tests.support import paths, programs

_NAMES = [(name,) for name in shipped.NAMES]
# PSNR-oriented weights and those that adversarial training made of them.
_PAIRS = (
  ("srfeat-lite", "srfeat-lite-gan"),
  ("srfeat-photo-psnr", "srfeat-photo"),
)


class ShippedTest(parameterized.TestCase):
  def test_every_file_is_listed(self):
    files = shipped.FOLDER.glob("*.safetensors")
    self.assertCountEqual([path.stem for path in files], shipped.NAMES)

  @parameterized.parameters(*_NAMES)
  def test_file(self, name):
    path = shipped.path(name)
    self.assertLess(path.stat().st_size, 16e6)
    loaded = lookup.load(name)
    lookup.load_for(models.build(loaded.generator), name)
    leaves = jax.tree.leaves(loaded.variables["params"])
    self.assertEqual({x.dtype for x in leaves}, {np.dtype("float32")})
    count = sum(x.size for x in leaves)
    self.assertIn(f"{count:,} parameters", _card(name))
    self.assertIn(shipped.INDEX[name]["sha256"], _card(name))

  @parameterized.parameters(*_NAMES)
  def test_evidence(self, name):
    folder = shipped.FOLDER / "evidence" / name
    config = json.loads((folder / "config.json").read_text())
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    last = max(json.loads(line)["step"] for line in lines)
    self.assertEqual(last, config["num_steps"])
    built = models.build(config["generator"])
    self.assertEqual(built, models.build(lookup.load(name).generator))
    for each in ("Set5 (5)", "Set14 (14)", "BSD100 (100)"):
      rows = re.findall(
        rf"^\| {re.escape(each)} \| [\w-]+ (.*) \|$",
        (folder / "results.md").read_text(),
        flags=re.MULTILINE,
      )
      bicubic, ours = (row.removeprefix("| ").split(" | ") for row in rows)
      wanted = [ours[i] for i in (0, 1, -1)]
      wanted.append(" / ".join(bicubic[i] for i in (0, 1, -1)))
      line = f"| {each.split()[0]} | {' | '.join(wanted)} |"
      self.assertIn(line, _card(name))

  @parameterized.parameters(*_NAMES)
  @unittest.skipIf(paths.DATA is None, paths.NO_DATA)
  def test_card_tells_the_truth_on_set5(self, name):
    loaded = lookup.load(name)
    generator = models.build(loaded.generator)
    upscale = upscaler.Upscaler(generator, loaded.variables)
    sets = protocol.MATLAB.load(paths.DATA / "benchmarks", ("Set5",))
    scores = evaluator.evaluate(upscale, sets)["sets"]["Set5"]
    psnr, ssim = re.search(
      r"\| Set5 \| ([0-9.]+) \| ([0-9.]+) ", _card(name)
    ).groups()
    self.assertAlmostEqual(scores["psnr_y"], float(psnr), delta=0.006)
    self.assertAlmostEqual(scores["ssim_y"], float(ssim), delta=0.00006)

  def test_a_changed_or_missing_file_is_refused(self):
    folder = self.create_tempdir().full_path
    folder = shutil.copytree(shipped.FOLDER, folder, dirs_exist_ok=True)
    path = pathlib.Path(folder) / f"{shipped.DEFAULT}.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    with mock.patch.object(shipped, "FOLDER", path.parent):
      path.write_bytes(data)
      with self.assertRaisesRegex(errors.InputError, "has been changed"):
        lookup.load(shipped.DEFAULT)
      path.unlink()
      with self.assertRaisesRegex(errors.InputError, "cannot be read"):
        lookup.load(shipped.DEFAULT)

  def test_pairs_can_be_blended(self):
    for name, other in _PAIRS:
      blending.blend(name, other, 0.5)


class UseTest(programs.ProgramTestCase):
  def test_list(self):
    result = programs.run("upscale", "--list")
    self.assertEqual(result.returncode, 0, result.stderr)
    lines = result.stdout.splitlines()
    names = [line.split(",")[0] for line in lines if line[0] != " "]
    self.assertEqual(names, list(shipped.NAMES))
    self.assertEqual(lines[0], f"{shipped.DEFAULT}, x4 (default)")

  @parameterized.parameters(*shipped.NAMES)
  def test_what_they_are_for_and_not_for(self, name):
    about, listing = shipped.INDEX[name], shipped.listing()
    readme = (paths.REPOSITORY / "README.md").read_text()
    self.assertIn(f"  for: {about['for']}\n", listing)
    self.assertIn(f"  not for: {about['not_for']}", listing)
    row = f"| `{name}` | {about['for']} | {about['not_for']} |"
    self.assertIn(row, readme)
    scale = lookup.load(name).generator.get("scale", 4)
    self.assertEqual(about["scale"], scale)

  def test_an_image_and_nothing_else(self):
    lr = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    larger = srfeat_jax.upscale(lr)
    self.assertEqual(larger.shape, (36, 28, 3))
    by_name = srfeat_jax.upscale(lr, shipped.DEFAULT)
    np.testing.assert_array_equal(larger, by_name)


def _card(name: str) -> str:
  return (shipped.FOLDER / f"{name}.md").read_text()


if __name__ == "__main__":
  absltest.main()
