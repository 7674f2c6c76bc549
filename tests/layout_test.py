"""Where tests are: they mirror the package, and none imports another."""

import ast
import pathlib

from absl.testing import absltest, parameterized

from tests.support import paths

TESTS = paths.REPOSITORY / "tests"
PACKAGE = paths.REPOSITORY / "srfeat_jax"
# Programs, and modules next to the folders that are tested with them.
PROGRAMS = (
  *("aot", "convert", "degrade", "evaluate", "main", "prepare", "report"),
  *("sweep", "upscale"),
)
# Modules without a test module of their name, and why.
WITHOUT = {
  "batches/device_images": "what is cut there: batches/on_device_test",
  "batches/on_host": "beside those on devices: batches/on_device_test",
  "batches/training_images": "what whole runs find: run/parts_test",
  "browser/__main__": "a program: browser/single_page_test",
  "configs/common": "all files in one: configs_test",
  "configs/degradations": "all files in one: configs_test",
  "configs/feature_discriminator": "all files in one: configs_test",
  "configs/finetune": "all files in one: configs_test",
  "configs/gan": "all files in one: configs_test",
  "configs/pretrain": "all files in one: configs_test",
  "configs/quickstart": "all files in one: configs_test",
  "configs/shipped": "all files in one: configs_test",
  "data/materials": "drawn by scenes alone: data/synthetic_test",
  "data/partners": "which files are pairs: data/pairs_test",
  "data/skipped_files": "what sources leave out: data/sources_test, pairs_test",
  "data/threads": "how files are read: data/sources_test, pairs_test",
  "demo/__main__": "a program: demo/program_test",
  "errors": "one exception without code",
  "evaluation/bootstrap": "of all values of a comparison: intervals_test",
  "evaluation/columns": "how tables show metrics: report_test",
  "evaluation/dists": "its name and description: models/dists_test",
  "evaluation/latex": "beside the other formats: report_test",
  "evaluation/metric": "a type: what it has, evaluator_test measures",
  "evaluation/network_metric": "LPIPS and DISTS: lpips_test, models/dists_test",
  "evaluation/result_tables": "what reports are made of: report_test",
  "evaluation/tables": "beside the other formats: report_test",
  "image_io/picture": "a value: all tests of image_io are made of it",
  "inference/compile_cache": "seen from outside alone: programs/upscale_test",
  "inference/self_ensemble": "against its definition: inference/upscaler_test",
  "inference/tile_program": "what upscalers run: inference/upscaler_test",
  "inference/overlap": "how tiles are cut: inference/tiling_test",
  "interchange/containers/hdf5_file": "Keras' files: vgg19_file_test",
  "interchange/containers/npz_file": "hostile_files_test, layouts/srfeat_test",
  "interchange/containers/state_file": "all of tests/interchange/layouts",
  "interchange/containers/torch_writer": "read back: layouts/basicsr_test",
  "interchange/exports/onnx_graph": "its operators: exports/onnx_file_test",
  "interchange/exports/onnx_networks/msrresnet": "exports/onnx_file_test",
  "interchange/exports/onnx_networks/rrdbnet": "exports/onnx_file_test",
  "interchange/exports/onnx_networks/srfeat": "exports/onnx_file_test",
  "interchange/exports/onnx_networks/srresnet": "exports/onnx_file_test",
  "interchange/joint_file": "of two metrics: lpips_file_test, dists_file_test",
  "interchange/layouts/torch_layout": "two lines: layouts/basicsr_test",
  "interchange/layouts/value_range": "of SRResNet: layouts/srresnet_test",
  "mos/__main__": "a program: mos/program_test",
  "mos/analysis_files": "what the program writes: mos/program_test",
  "mos/analysis_plots": "what the program writes: mos/program_test",
  "mos/strict_json": "what submissions are read with: mos/submission_test",
  "models/discriminator_layers": "of two: models/discriminators_test",
  "models/layers": "parts of networks: models/parity_test, rrdbnet_test",
  "models/spectral_norm": "against PyTorch: models/unet_discriminator_test",
  "models/srfeat": "all generators alike: models/parity_test, build_test",
  "models/srgan_discriminator": "models/discriminators_test",
  "models/srresnet": "all generators alike: models/parity_test, build_test",
  "models/vgg16": "of two metrics: models/lpips_test, dists_test",
  "models/vgg_style_discriminator": "models/discriminators_test",
  "ops/similarity": "as metric and as loss: quality_test, image_losses_test",
  "preparation/planning": "what sets are made of: preparation/sets_test",
  "preparation/shard_task": "whole sets of shards: preparation/sets_test",
  "reporting/curves": "what pages show: reporting/page_test",
  "reporting/figures": "what pages show: reporting/page_test",
  "reporting/tables": "what pages show: reporting/page_test",
  "run/shared_settings": "of several processes: programs/multiprocess_test",
  "scaling/chips": "what rooflines are made of: scaling/roofline_test",
  "training/batch_norm": "what a step freezes: training/gan_step_test",
  "training/discriminator_update": "part of a step: training/gan_step_test",
  "training/forward_pass": "part of a step: training/gan_step_test",
  "training/generator_update": "part of a step: training/gan_step_test",
  "training/state": "what a step changes: training/steps_test",
  "upscaling/upscaler_flags": "flags as they are set: programs/upscale_test",
  "upscaling/upscaler_factory": "python_call_test, programs/upscale_test",
  "weights/architectures": "its sentences: weights/lookup_test, blending_test",
  "weights/fitting": "what runs start from: lookup_test, starts_test",
}


def expected(module: str) -> str:
  """Where the tests of a module lie, by its path without the extension."""
  return f"programs/{module}_test" if module in PROGRAMS else f"{module}_test"


def names(root: pathlib.Path, glob: str) -> list[str]:
  """Paths below a folder, without their extensions."""
  return sorted(
    file.relative_to(root).with_suffix("").as_posix()
    for file in root.rglob(glob)
  )


def imported(source: str) -> list[str]:
  """Dotted names of all that a file imports."""
  found = []
  for node in ast.walk(ast.parse(source)):
    if isinstance(node, ast.Import):
      found += [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
      found += [f"{node.module}.{alias.name}" for alias in node.names]
  return found


def wrong_imports(path: str, source: str) -> list[str]:
  """What a file of tests/ or benchmarks/ should not import.

  Args:
    path: the file below the repository.
    source: its text.
  """
  wrong = []
  torch_networks = "tests/support/torch_networks"
  for name in imported(source):
    if not name.startswith(("tests.", "benchmarks.")):
      continue
    top, *rest = name.split(".")
    of_tests = top == "tests"
    if (
      (of_tests and any(part.endswith("_test") for part in rest))
      or (path.startswith("tests/support") and not of_tests)
      or (
        not of_tests
        and path.startswith("tests/")
        and not path.startswith("tests/benchmarks/")
      )
      or (
        path.startswith(("benchmarks/", torch_networks))
        and of_tests
        and rest[:2] != ["support", "torch_networks"]
      )
    ):
      wrong.append(f"{path} imports {name}")
  return wrong


class LayoutTest(parameterized.TestCase):
  def test_every_module_has_its_tests_or_a_reason(self):
    modules = {
      name for name in names(PACKAGE, "*.py") if "__init__" not in name
    }
    self.assertGreater(len(modules), 50)
    tests = set(names(TESTS, "*_test.py"))
    without = {module for module in modules if expected(module) not in tests}
    self.assertEqual(without, set(WITHOUT))

  def test_reasons_name_tests_that_there_are(self):
    tests = names(TESTS, "*_test.py")
    for module, reason in WITHOUT.items():
      for word in reason.replace(",", " ").replace(":", " ").split():
        if word.endswith("_test"):
          found = [name for name in tests if f"/{name}".endswith(f"/{word}")]
          self.assertNotEmpty(found, f"{module}: {reason}")

  def test_folders_are_those_of_the_package(self):
    of_tests = {
      name.rpartition("/")[0]
      for name in names(TESTS, "*_test.py")
      if "/" in name
    }
    of_package = {
      folder.relative_to(PACKAGE).as_posix()
      for folder in PACKAGE.rglob("*")
      if (folder / "__init__.py").is_file()
    }
    self.assertContainsSubset(of_tests, of_package | {"programs", "benchmarks"})

  def test_no_test_borrows_from_another(self):
    wrong = []
    for folder in ("tests", "benchmarks"):
      for file in (paths.REPOSITORY / folder).rglob("*.py"):
        path = file.relative_to(paths.REPOSITORY).as_posix()
        wrong += wrong_imports(path, file.read_text())
    self.assertEmpty(wrong)

  @parameterized.parameters(
    ("tests/ops/a_test.py", "from tests.ops import resize_test"),
    ("tests/support/a.py", "from tests.ops.resize_test import f"),
    ("tests/support/a.py", "from benchmarks import cases"),
    ("tests/ops/a_test.py", "import benchmarks.cases"),
    ("benchmarks/a.py", "from tests.support import paths"),
    (
      "tests/support/torch_networks/torch_vgg.py",
      "from tests.support import parity",
    ),
  )
  def test_a_wrong_import_is_found(self, path, source):
    self.assertLen(wrong_imports(path, source), 1)

  @parameterized.parameters(
    ("tests/ops/a_test.py", "from tests.support import paths"),
    ("tests/benchmarks/run_test.py", "from benchmarks import cases"),
    ("benchmarks/a.py", "from benchmarks import cases"),
    (
      "benchmarks/peers.py",
      "from tests.support.torch_networks import torch_vgg",
    ),
  )
  def test_a_right_import_is_not(self, path, source):
    self.assertEmpty(wrong_imports(path, source))


if __name__ == "__main__":
  absltest.main()
