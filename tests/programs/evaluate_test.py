"""Tests of the program evaluate."""

import json
import subprocess

import numpy as np
from absl.testing import absltest

from srfeat_jax.image_io import images
from srfeat_jax.interchange import dists_file, lpips_file
from tests.support import dists_files, lpips_files, programs


class EvaluateTest(programs.ProgramTestCase):
  def evaluate(self, *arguments) -> subprocess.CompletedProcess:
    if not any(each.startswith("--output") for each in arguments):
      arguments += (f"--output={self.folder / 'out'}",)
    return programs.run("evaluate", *arguments)

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
    self.assertEqual(results["images"], {str(weights): "images"})
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
        "results.csv",
        "results.json",
        "results.md",
        "results.tex",
      ],
    )
    self.assertEqual(images.size(out / "images/S/a.png"), (40, 44))
    self.assertEqual(images.read(out / "images/T/gray.png").shape, (32, 32))

  def test_several_weights_in_one_table_and_figure(self):
    weights = self.weights()
    metric = self.file(
      "own.py", b"def mae(a, b): return abs(a - 1.0 * b).mean()"
    )
    result = self.evaluate(
      f"--weights=bicubic,srfeat-lite,{weights}",
      self.benchmarks(),
      *("--sets=T,S", "--save_images", f"--metric={metric}:mae"),
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    methods = [line.split()[2] for line in result.stdout.splitlines()[2:8]]
    names = ["bicubic", "srfeat-lite", str(weights)]
    self.assertEqual(methods, names * 2)
    self.assertEndsWith(result.stdout.splitlines()[0], "  mae")
    out = self.folder / "out"
    results = json.loads((out / "results.json").read_text())
    self.assertEqual(results["weights"], "srfeat-lite")
    self.assertEqual(list(results["others"]), [str(weights)])
    self.assertEqual(results["own_metrics"], {"mae": f"{metric}:mae"})
    places = {"srfeat-lite": "srfeat-lite", str(weights): weights.name}
    places = {name: f"images/{place}" for name, place in places.items()}
    self.assertEqual(results["images"], places)
    sr = images.read(out / "images" / "srfeat-lite" / "T" / "gray.png")
    hr = images.read(self.folder / "sets/T/HR/gray.png")[:, :32]
    self.assertAlmostEqual(
      results["sets"]["T"]["images"]["gray"]["mae"],
      np.abs(sr.astype(int) - hr).mean(),
    )
    self.assertTrue((out / "images/small.safetensors/S/b.c.png").is_file())
    # The whole image, bicubic, both weights, and the target.
    self.assertEqual(images.size(out / "comparison.png")[1], 12 + 5 * 300)

  def test_pairs_and_perceptual_metrics(self):
    """What `evaluate` measures of its own images, and of them as pairs."""
    self.write("sets/S/HR/a.png", 106, 201, 3)
    lpips = self.joint_lpips("alex")
    niqe = self.folder / "niqe.npz"
    np.savez(niqe, mu_pris_param=np.zeros(36), cov_pris_param=np.eye(36))
    own = self.file(
      "own.py",
      b"def clipiqa(a, b): return 0.5\ndef maniqa(a, b): return 0.25\n"
      b"def musiq(a, b): return 50\n",
    )
    metrics = (
      *(f"--lpips_weights={lpips}", f"--niqe_params={niqe}"),
      f"--dists_weights={self.joint_dists()}",
      f"--metric={own}:clipiqa,{own}:maniqa,{own}:musiq",
    )
    result = self.evaluate(
      *("--weights=bicubic", "--baselines=nearest,lanczos", "--save_images"),
      *(f"--benchmarks={self.folder / 'sets'}", *metrics),
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    methods = [line.split()[2] for line in result.stdout.splitlines()[2:5]]
    self.assertEqual(methods, ["nearest", "lanczos", "bicubic"])
    out = self.folder / "out"
    results = json.loads((out / "results.json").read_text())
    images_of = [str(out / "images/S"), str(self.folder / "sets/S/HR")]
    again = self.folder / "again"
    result = self.evaluate(
      "--pairs", *images_of, f"--output={again}", *metrics, "--published"
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn("there are no scores of these sets", result.stdout)
    of_pairs = json.loads((again / "results.json").read_text())
    self.assertEqual(of_pairs["sets"], results["sets"])
    self.assertNotIn("speed", of_pairs)
    self.assertEqual(of_pairs["images"], {})
    scores = of_pairs["sets"]["S"]
    self.assertAlmostEqual(
      scores["perceptual_score"],
      (2 - scores["lpips"] - scores["dists"] + 0.5 + 0.25 + 0.5)
      + max(0, (10 - scores["niqe"]) / 10),
    )
    self.assertIsNone(scores["ms_ssim_y"])  # the images are too small
    self.assertIn("ms_ssim_y is not defined for 1 of 1", result.stdout)
    self.assertEqual(of_pairs["weights"], images_of[0])

  def test_arguments_that_do_not_go_together(self):
    lpips = self.joint_lpips("squeeze")
    sets = self.benchmarks()
    folders = "--pairs", f"{self.folder}/none", f"{self.folder}/sets"
    self.check_mistakes(
      (folders[:2], ("takes two folders",)),
      ((*folders, "--sets=S"), ("--sets does not go with --pairs",)),
      (("--pairs=a,b", "--protocol=center296"), ("crops HR before LR",)),
      (folders, ("none",)),
      (
        (*folders, f"--output={self.folder}/sets/x"),
        ("whose images are measured",),
      ),
      (("--weights=bicubic",), ("--benchmarks is needed",)),
      (("--weights=bicubic", sets, "--scale=2"), ("--scale is of --pairs",)),
      (("--weights=bicubic", sets, "--baselines=box"), ("nearest, bicubic",)),
      (
        ("--weights=bicubic", sets, f"--lpips_weights={lpips},{lpips}"),
        ("two files of the same backbone, of lpips_squeeze",),
      ),
      (("--weights=bicubic", sets, "--niqe_params=x"), ("parameters of NIQE",)),
      (("--weights=bicubic", sets, "--dists_weights=x"), ("convert dists",)),
    )

  def check_mistakes(self, *cases):
    """Each is of arguments, and of what the sentence on stderr has."""
    lists = [
      arguments
      if any(str(each).startswith("--output") for each in arguments)
      else (*arguments, f"--output={self.folder / 'out'}")
      for arguments, _ in cases
    ]
    results = programs.run_each("evaluate", lists)
    for result, (arguments, parts) in zip(results, cases, strict=True):
      with self.subTest(arguments[-1]):
        self.assert_fails(result, *parts)
    self.assertFalse((self.folder / "out").exists())

  def joint_lpips(self, backbone: str) -> str:
    output = self.folder / f"{backbone}.safetensors"
    lpips_file.convert(lpips_files.save(self.folder, backbone), output)
    return str(output)

  def joint_dists(self) -> str:
    output = self.folder / "dists.safetensors"
    dists_file.convert(dists_files.save(self.folder), output)
    return str(output)

  def test_help_lists_the_flags_of_the_upscaler(self):
    text = programs.run("evaluate", "-h").stdout
    for flag in ("-w,--weights", "--blend", "--alpha", "--[no]ensemble"):
      self.assertIn(f"\n  {flag}: ", text)

  def test_bicubic_on_scenes_by_the_other_protocol(self):
    result = self.evaluate(
      "--weights=bicubic", "--benchmarks=synthetic", "--protocol=center296"
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    results = json.loads((self.folder / "out/results.json").read_text())
    self.assertEqual(results["protocol"]["name"], "center296")
    self.assertLen(results["sets"]["Synthetic"]["images"], 10)
    self.assertNotIn("bicubic", results)

  def test_bad_input(self):
    sets = self.benchmarks()
    self.file("file")
    bicubic = "--weights=bicubic"
    self.check_mistakes(
      ((bicubic, f"--benchmarks={self.folder}/none"), ("none",)),
      ((bicubic, sets, "--sets=S,Set5"), ("Set5", "S, T")),
      (("--weights=missing", sets), ("missing",)),
      ((bicubic, sets, "word"), ("word", "separated by commas")),
      (("--weights=x", bicubic, sets), ("--weights is given 2 times",)),
      (("--weights=x,y", sets, "--blend=z", "--alpha=1"), ("x,y", "blend")),
      (("--weights=,", sets), ("names no weights",)),
      (("--weights=SRFeat_lite", sets), ("did you mean srfeat-lite?",)),
      (
        (f"--weights=srfeat-lite,{self.weights(scale=2)}", sets),
        ("srfeat-lite by 4", "small.safetensors by 2"),
      ),
      ((bicubic, sets, "--metric=nothing"), ("nothing", "FILE.py:FUNCTION")),
      (
        (bicubic, sets, f"--output={self.folder}/file"),
        ("--output=", "/file cannot be a folder (File exists)"),
      ),
      (
        (bicubic, sets, f"--output={self.folder}/file/x"),
        ("--output=", "cannot be a folder (Not a directory)"),
      ),
      ((bicubic, sets, "--output="), ("--output is empty",)),
      ((bicubic, sets, "--sets=s"), ("did you mean S?",)),
    )


if __name__ == "__main__":
  absltest.main()
