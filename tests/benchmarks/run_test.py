"""The programs of benchmarks/ at tiny sizes, and peers compared with ours."""

import json
import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import torch
from absl.testing import absltest, parameterized

from benchmarks import (
  cases,
  comparison,
  kernels,
  ours,
  peer_files,
  peer_training,
  peers,
  tables,
)
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import optimizers, state, steps
from tests.support import paths, vgg19_files
from tests.support.torch_networks import (
  torch_gan_models,
  torch_models,
  torch_vgg,
)


def _arrays(module: torch.nn.Module) -> dict[str, np.ndarray]:
  # Copies, for a step changes them in place.
  return {k: v.numpy().copy() for k, v in module.state_dict().items()}


def _vgg_variables() -> dict:
  """The weights of `torch_vgg.state` in our layout."""
  layers = vgg19_files.layers(torch_vgg.state())
  return {
    "params": {
      name: {"kernel": kernel, "bias": bias}
      for name, (kernel, bias) in layers.items()
    }
  }


class PeerTest(parameterized.TestCase):
  @parameterized.parameters(
    *(name for name, case in cases.TRAIN.items() if "gan:" in case.variant)
  )
  def test_discriminators_have_as_many_parameters_as_ours(self, name):
    config, vgg_settings = cases.train_config(cases.TRAIN[name], "float32")
    networks = networks_lib.assemble(config, vgg_settings)
    _, made = jax.eval_shape(networks.init, jax.random.key(0))
    for role, each in config.discriminators.items():
      with torch.device("meta"):
        peer = peers.discriminator(each, 3 if role == "image" else 512)
      ours_has = sum(x.size for x in jax.tree.leaves(made[role]["params"]))
      self.assertEqual(peers.num_parameters(peer), ours_has, role)

  @parameterized.parameters("srfeat_gan_b16", "esrgan_b16")
  def test_a_step_has_the_losses_of_ours(self, name):
    config, vgg_settings = cases.train_config(
      cases.TRAIN[name], "float32", tiny=True
    )
    config.update_first = "generator"  # BasicSR's order
    config.losses.pixel_weight = 0.5
    hr = cases.crops(config)
    torch.manual_seed(0)
    peer = peer_training.TrainStep(
      config, vgg_settings, hr, torch.device("cpu")
    )
    architecture = config.generator.architecture
    to_generator = torch_models.to_variables
    if architecture == "rrdbnet":
      to_generator = torch_gan_models.to_variables
    generator = to_generator(_arrays(peer.generator), architecture)
    discriminators = {
      k: torch_gan_models.to_variables(
        _arrays(v), config.discriminators[k].architecture
      )
      for k, v in peer.discriminators.items()
    }

    schedule = optimizers.learning_rate(config.learning_rate, 100)
    adam = optimizers.adam(config.optimizer, schedule)
    step = steps.make_step(
      config,
      networks_lib.assemble(config, vgg_settings),
      optimizers.Optimizers(adam, schedule, adam, schedule),
    )
    start = state.start(generator, adam, discriminators, adam, keep_ema=False)
    _, metrics = jax.jit(step)(start, _vgg_variables(), hr)
    losses = peer(1)
    self.assertLen(losses, sum(k.startswith("loss/") for k in metrics))
    for metric, value in losses.items():
      # The discriminators' losses are of images from before the step.
      np.testing.assert_allclose(
        metrics[metric], value, rtol=1e-3, err_msg=metric
      )

  def test_tiles_of_files_fit_together(self):
    lr = torch.rand(1, 3, 50, 43)
    twice = torch.nn.Upsample(scale_factor=2, mode="bilinear")
    tiles = peer_files.in_tiles(twice, lr, 16, 2)
    torch.testing.assert_close(tiles, twice(lr))

  def test_the_flops_are_those_of_the_network(self):
    config = cases.generator_config("srfeat_lite", "float32")
    lr = np.zeros((1, 24, 24, 3), np.float32)
    _, flops = ours.Generator.start(config).network(lr)
    # Each weight of the trunk once per pixel; upsampling at 1, 4 and 16 times.
    trunk = 81 * 3 * 32 + 8 * 2 * 9 * 32**2 + 7 * 32**2
    tail = 9 * 32 * 128 * (1 + 4) + 16 * 9 * 32 * 3
    self.assertBetween(flops / (2 * 24**2 * (trunk + tail)), 0.9, 1.1)


class ProgramsTest(parameterized.TestCase):
  def _run(self, program: str, *flags: str) -> dict:
    output = self.create_tempdir().full_path + "/result.json"
    subprocess.run(
      [sys.executable, *program.split(), f"--output={output}", *flags],
      cwd=paths.REPOSITORY,
      env=os.environ | {"OMP_NUM_THREADS": "1", "JAX_NUM_CPU_DEVICES": "1"},
      check=True,
    )
    return json.loads(pathlib.Path(output).read_text())

  @parameterized.parameters(
    ("train", "srfeat_lite_pretrain_b16", "rows"),
    ("infer", "srresnet_480x270", "network"),
  )
  def test_cases(self, suite, case, rows):
    report = self._run(
      "-m benchmarks.run",
      *(f"--suite={suite}", f"--case={case}", "--who=ours,eager"),
      *("--tiny", "--repeats=2", "--device=cpu"),
    )
    self.assertIn("jax", report["environment"]["versions"])
    (result,) = report["suites"][suite]
    for who in ("ours", "eager"):
      row = result[rows][who]
      self.assertGreater(row["per_s"], 0)
      self.assertBetween(row["median_s"], row["min_s"], row["max_s"])
      self.assertGreater(result["peak_bytes"][who], 10e6)
    self.assertGreater(result[rows]["eager"]["ours_is_faster_by"], 0)
    table = tables.fill(
      f"<!-- {suite} cpu -->\n<!-- end -->", {"cpu": report["suites"]}
    )
    self.assertIn(f"`{case}`", table)

  def test_profile(self):
    report = self._run(
      "-m benchmarks.run",
      *("--suite=profile", "--case=srfeat_lite_pretrain_b16", "--tiny"),
    )
    (result,) = report["suites"]["profile"]
    # On one core nothing runs beside anything else.
    self.assertBetween(
      result["kernel_seconds_a_step"], 1e-6, result["seconds_a_step"]
    )
    self.assertIn(
      "all, of a step",
      tables.fill(
        "<!-- profile cpu -->\n<!-- end -->", {"cpu": report["suites"]}
      ),
    )

  @parameterized.parameters(
    (("--suite=profile", "--who=eager"), "--who has no effect on --suite=prof"),
    (("--suite=profile", "--dtype=bfloat16"), "--dtype has no effect"),
    (
      ("--suite=train", "--case=srfeat_photo_b16", "--who=ours,eager"),
      "there is no srfeat_photo_b16 but ours",
    ),
    (("--suite=train", "--who=onnx"), "expected some of ours, eager, compiled"),
  )
  def test_refuses(self, flags, said):
    result = subprocess.run(
      [sys.executable, "-m", "benchmarks.run", *flags],
      cwd=paths.REPOSITORY,
      capture_output=True,
      text=True,
    )
    self.assertEqual(result.returncode, 1)
    self.assertRegex(result.stderr, f"^error: .*{said}.*\n$")

  def test_data_and_start(self):
    report = self._run(
      "-m benchmarks.run",
      *("--suite=data", "--tiny", "--seconds=0.2", "--repeats=1"),
    )
    rows = report["suites"]["data"]
    self.assertEqual([row["who"] for row in rows], ["ours"] * 3 + ["pillow"])
    for row in rows:
      self.assertGreater(row["crops_per_s"], 0)
      self.assertGreater(row["main_bytes"], 10e6)
    self.assertEqual(
      rows[0]["ours_is_faster_by"],
      rows[0]["crops_per_s"] / rows[3]["crops_per_s"],
    )
    self.assertGreater(rows[3]["worker_bytes"], 10e6)
    self.assertIn(
      "PyTorch, Pillow",
      tables.fill("<!-- data cpu -->\n<!-- end -->", {"cpu": report["suites"]}),
    )
    report = self._run(
      "-m benchmarks.run", "--suite=start", "--tiny", "--repeats=1"
    )
    whats = [result["case"] for result in report["suites"]["start"]]
    self.assertIn("first image, compiled before", whats)

  def test_files(self):
    report = self._run(
      "-m benchmarks.run", "--suite=files", "--tiny", "--repeats=1"
    )
    rows = report["suites"]["files"]
    self.assertEqual(
      [row["who"] for row in rows], ["ours", "tile 0", "tile 512"]
    )
    for row in rows:
      self.assertNotIn("error", row)
      self.assertBetween(row["median_s"], row["min_s"], row["max_s"])
      self.assertGreater(row["peak_bytes"], 10e6)
    self.assertAlmostEqual(
      rows[1]["ours_is_faster_by"], rows[1]["median_s"] / rows[0]["median_s"]
    )
    self.assertIn(
      "PyTorch, tile 512",
      tables.fill(
        "<!-- files cpu -->\n<!-- end -->", {"cpu": report["suites"]}
      ),
    )

  def test_the_gpu_suite(self):
    jobs = "train/srfeat_pretrain_b9,profile/srfeat_pretrain_b16,probe/probe"
    output = self.create_tempdir().full_path + "/result.json"
    command = [sys.executable, "benchmarks/gpu_suite.py", "--tiny"]
    command += [f"--only={jobs}", "--seconds=1200", "--job_seconds=600"]
    command += [f"--output={output}"]

    def run(*flags):
      done = subprocess.run(
        [*command, *flags],
        cwd=paths.REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
      )
      return done.stdout

    run()
    report = json.loads(pathlib.Path(output).read_text())
    (probe,) = report["suites"]["probe"]
    self.assertEqual([row["good"] for row in probe["rows"]], [True, True])
    (profile,) = report["suites"]["profile"]
    self.assertGreater(profile["kinds"]["convolution"]["share"], 0.1)
    (result,) = report["suites"]["train"]
    self.assertGreater(result["rows"]["ours"]["per_s"], 0)
    # Started again, it has nothing to do but what it is told to.
    self.assertEqual(run().count("kept"), 3)
    listed = run("--list", "--again=probe/probe")
    self.assertRegex(listed, "to do +probe/probe")
    self.assertEqual(listed.count("kept"), 2)

  @parameterized.parameters(
    (["--only=train/nope"], "no job train/nope: .*train/esrgan_b16"),
    ([], "nvidia-smi shows no GPU"),
  )
  def test_the_gpu_suite_refuses(self, flags, said):
    result = subprocess.run(
      [
        *(sys.executable, "benchmarks/gpu_suite.py", *flags),
        "--output=/nowhere/x.json",
      ],
      cwd=paths.REPOSITORY,
      env=os.environ | {"PATH": "/nowhere"},
      capture_output=True,
      text=True,
    )
    self.assertEqual(result.returncode, 1)
    self.assertRegex(result.stderr, f"^error: .*{said}.*\n$")

  def test_the_gpu_suite_says_what_there_was_no_time_for(self):
    report = self._run(
      "benchmarks/gpu_suite.py",
      *("--tiny", "--only=train/esrgan_b16", "--seconds=1"),
    )
    (result,) = report["suites"]["train"]
    self.assertRegex(result["error"], "time was up")


class BareMachineTest(parameterized.TestCase):
  # Each in its own process, because their flags have the same names.
  @parameterized.parameters(
    *("check", "check_programs", "gpu_probe", "step_profile"),
    "run, infer_suite",
  )
  def test_needs_no_package_that_gpu_machines_lack(self, modules):
    code = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
  def find_spec(self, name, path, target=None):
    if name.split(".")[0] in (
      "array_record", "clu", "grain", "h5py", "ml_collections", "orbax",
      "tensorflow"
    ):
      raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Missing())
from benchmarks import MODULES
from benchmarks import cases, kernels, ours, peer_training, train_suite
for name in cases.TRAIN:
  config, settings = cases.train_config(cases.TRAIN[name], "bfloat16")
  ours.networks_lib.assemble(config, settings)
"""
    subprocess.run(
      [sys.executable, "-c", code.replace("MODULES", modules)],
      cwd=paths.REPOSITORY,
      env=os.environ | {"JAX_PLATFORMS": "cpu"},
      check=True,
    )


class ComparisonTest(parameterized.TestCase):
  @parameterized.parameters(
    ({"a": 1.01, "b": np.zeros(3)}, True, "a"),
    ({"a": 1.0, "b": np.array([0, 0.03, 0])}, False, "b"),
    ({"a": 1.0, "b": np.array([0, np.nan, 0])}, False, "b"),
    ({"a": np.nan, "b": np.array([0, 0.5, 0])}, False, "a"),
  )
  def test_compare(self, found, good, worst):
    reference = {"a": 1.0, "b": np.zeros(3)}
    result = comparison.compare(found, reference, tolerance=0.02)
    self.assertEqual((result["good"], result["worst"]), (good, worst))


class KindsTest(parameterized.TestCase):
  @parameterized.parameters(
    ("sm90_xmma_wgrad_implicit_gemm_bf16bf16_bf16f32_f32", "convolution"),
    ("sm80_xmma_gemm_f32f32_tf32f32_f32_nn_n_tilesize128", "matrix product"),
    ("loop_convert_fusion", "elementwise"),
    ("void cudnn::ops::nchwToNhwcKernel<...>", "copy"),
    ("loop_transpose_fusion_3", "copy"),
    ("input_reduce_fusion_12", "reduction"),
    ("nvjet_hsh_128x256_64x4_2x1_v_bz_coopA_NNT", "matrix product"),
    ("loop_add_fusion", "elementwise"),
    ("redzone_checker", "other"),
  )
  def test_kinds(self, name, expected):
    self.assertEqual(kernels.kind(name), expected)


class TablesTest(parameterized.TestCase):
  def test_the_readme_can_be_filled_with_what_there_is(self):
    readme = paths.REPOSITORY / "benchmarks" / "README.md"
    text = readme.read_text()
    results = tables.load(readme.parent / "results")
    self.assertEqual(tables.fill(text, results), text)

  @parameterized.parameters("--help", "x.json")
  def test_only_the_bare_command_rewrites_the_readme(self, argument):
    readme = paths.REPOSITORY / "benchmarks" / "README.md"
    before = readme.stat().st_mtime_ns
    result = subprocess.run(
      [sys.executable, "-m", "benchmarks.tables", argument],
      cwd=paths.REPOSITORY,
      capture_output=True,
      text=True,
    )
    self.assertIn(
      {"--help": "Fills the tables", "x.json": "error: unexpected"}[argument],
      result.stdout + result.stderr,
    )
    self.assertEqual(readme.stat().st_mtime_ns, before)

  def test_what_is_missing_is_marked(self):
    text = "<!-- train gpu -->\nold\n<!-- end -->"
    self.assertIn("Not measured yet", tables.fill(text, {}))


if __name__ == "__main__":
  absltest.main()
