"""Tests of benchmarks.photos and benchmarks.photo_grid."""

import json
import os
import subprocess
import sys

import numpy as np
from absl.testing import absltest, parameterized

from benchmarks import crops, named_weights
from srfeat_jax import errors
from srfeat_jax.evaluation import protocol
from srfeat_jax.image_io import images
from srfeat_jax.inference import upscaler
from tests.support import paths, programs


def _run(program: str, *arguments) -> subprocess.CompletedProcess:
  return subprocess.run(
    [sys.executable, "-m", f"benchmarks.{program}", *map(str, arguments)],
    cwd=paths.REPOSITORY,
    env=os.environ | {"JAX_PLATFORMS": "cpu"},
    capture_output=True,
    text=True,
    check=False,
  )


class TableTest(programs.ProgramTestCase):
  def test_weights_beside_bicubic_and_what_was_measured_before(self):
    for name in ("a", "b"):
      self.write(f"sets/S/HR/{name}.png", 40, 44, 3)
    benchmarks = f"--benchmarks={self.folder / 'sets'}"
    earlier = self.folder / "earlier"
    result = programs.run(
      "evaluate", "--weights=bicubic", benchmarks, f"--output={earlier}"
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    out = self.folder / "out"
    result = _run(
      *("photos", "bicubic", f"mine={self.weights()}"),
      *(f"before={earlier / 'results.json'}", benchmarks, f"--output={out}"),
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    results = json.loads((out / "photos.json").read_text())
    self.assertEqual(list(results), ["HR", "bicubic", "mine", "before"])
    for name, scores in results["bicubic"]["S"]["images"].items():
      # `evaluate` measures more.
      before = results["before"]["S"]["images"][name]
      self.assertEqual(scores, {key: before[key] for key in scores})
    self.assertNotEqual(results["bicubic"], results["mine"])
    table = (out / "photos.md").read_text()
    self.assertStartsWith(result.stdout, table)
    rows = [
      [cell.strip() for cell in line.split("|")[1:-1]]
      for line in table.splitlines()
    ]
    hr = [images.read(self.folder / f"sets/S/HR/{x}.png") for x in "ab"]
    # Of HR alone, compared with itself.
    ratios = [protocol.MATLAB.measure(x, x, 4)["checkerboard"] for x in hr]
    self.assertEqual(
      rows[2][1:], ["HR", "-", "-", f"{np.prod(ratios) ** 0.5:.3f}", "-", "-"]
    )
    self.assertEqual(rows[3][1:], ["bicubic", *rows[5][2:]])
    self.assertEqual([row[0] for row in rows[2:]], ["S (2)"] * 4)
    scores = results["mine"]["S"]
    self.assertEqual(
      rows[4][1:],
      [
        "mine",
        f"{scores['psnr_y']:.2f}",
        "-",
        f"{scores['checkerboard']:.3f}",
        f"{scores['phase_error']:.2f}",
        f"{scores['color_error']:.2f}",
      ],
    )

  def test_bad_input(self):
    self.write("sets/S/HR/a.png", 40, 44, 3)
    other = {"sets": {"S": {"images": {"z": {}}}}}
    self.file("other.json", json.dumps(other).encode())
    self.file("broken.json", b"{")
    for arguments, sentence in (
      ((), "no weights are named"),
      (("nowhere",), '"nowhere" is neither'),
      (("bicubic", "bicubic"), "would both be called bicubic"),
      (("HR=bicubic",), "HR is the name of a row"),
      (("=bicubic",), "not of the form NAME=WEIGHTS"),
      ((self.folder / "broken.json",), "broken.json is not a results.json"),
      ((self.folder / "other.json",), "was measured on other images of S"),
    ):
      with self.subTest(sentence):
        result = _run(
          *("photos", *arguments, f"--benchmarks={self.folder / 'sets'}"),
          f"--output={self.folder / 'out'}",
        )
        self.assert_fails(result, sentence)


class GridTest(programs.ProgramTestCase):
  def test_crops_at_their_place(self):
    photo = self.write("p.png", 50, 60, 3)
    small = self.write("small.png", 20, 30, 3)
    out = self.folder / "grid.png"
    result = _run(
      *("photo_grid", f"{photo}@30,10,20,25", small),
      *(f"--weights=bicubic,mine={self.weights()}", f"--output={out}"),
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    sheet = images.read(out)
    self.assertEqual(sheet.shape, (24 + 100 + 80 + 16, 8 + 2 * 128, 3))
    whole = upscaler.bicubic(images.read(photo))
    np.testing.assert_array_equal(sheet[24:124, 8:88], whole[40:140, 120:200])
    np.testing.assert_array_equal(
      sheet[132:212, 8:128], upscaler.bicubic(images.read(small))
    )
    # The other column: a new network adds a little to bicubic.
    other = sheet[24:124, 136:216].astype(int) - whole[40:140, 120:200]
    self.assertBetween(np.abs(other).mean(), 0.001, 20)

  @parameterized.parameters(
    ("@1,2,3", "expected LEFT,TOP,WIDTH,HEIGHT"),
    ("@1,2,3,x", "expected LEFT,TOP,WIDTH,HEIGHT"),
    ("@50,0,11,5", "is not within the image, which has 60 x 50"),
    ("@0,0,0,5", "is not within the image"),
    ("@-1,0,5,5", "is not within the image"),
  )
  def test_bad_crops(self, place, sentence):
    photo = self.write("p.png", 50, 60, 3)
    with self.assertRaisesRegex(errors.InputError, sentence):
      crops.read(f"{photo}{place}")


class NamedWeightsTest(absltest.TestCase):
  def test_names(self):
    self.assertEqual(
      named_weights.named(["bicubic", "runs/x4", "mine=a/b=c.npz"]),
      {"bicubic": "bicubic", "x4": "runs/x4", "mine": "a/b=c.npz"},
    )


if __name__ == "__main__":
  absltest.main()
