"""The rule of floors: which module of srfeat_jax may import which.

A folder is on a floor; it imports from lower floors and from itself, and on
the same floor the folders do not know each other.
"""

import ast
import pathlib

from absl.testing import absltest, parameterized

from tests.support import paths

PACKAGE = "srfeat_jax"
FLOORS = {
  "configs": 0,
  "ops": 0,
  "image_io": 0,
  "models": 1,
  "data": 1,
  "interchange": 2,
  "preparation": 2,
  "training": 3,
  "inference": 3,
  "evaluation": 4,
  "weights": 4,
  "upscaling": 5,
  "batches": 5,
  "reporting": 5,
  "scaling": 5,
  "run": 6,
}
FOLDERS = tuple(FLOORS)
# Beside the folders: the training loop, which programs run, and the programs.
TRAIN, PROGRAMS = 7, 8
ANYONE = ("errors", "atomic", "gray", "locking", "places")
# Lower floors that are barred all the same.
BARRED = {
  "models": ("image_io",),
  "data": ("ops",),
  "interchange": ("image_io",),
  "training": ("image_io", "data"),
  "inference": ("image_io", "data", "interchange"),
  "evaluation": ("training", "interchange", "models"),
  "weights": ("image_io", "data", "inference"),
  "reporting": ("training", "weights"),
  "scaling": ("image_io", "data", "inference", "evaluation"),
  "batches": ("image_io", "interchange", "inference", "weights"),
}
# Modules whose names are taken in the package: see its __init__.
RUN_ONLY = ("upscale",)
OUTSIDE = ("benchmarks", "tests", "launch")
# Who may import a library of others, by folder or by file.
ONLY = {
  "tensorflow": ("training/writers.py",),
  "tensorboard": ("training/writers.py",),
  "clu": ("training/writers.py",),
  "torch": (),
  "h5py": ("interchange/containers/hdf5_file.py",),
  "onnx": ("interchange/exports/onnx_file.py",),
  "flatbuffers": ("interchange/exports/stablehlo_file.py",),
  "pillow_heif": ("image_io/heif.py",),
  "array_record": ("data/shards.py",),
  "jinja2": ("reporting/page.py",),
  "gradio": ("demo/__main__.py", "demo/events.py", "demo/page.py"),
}
WITHOUT_JAX = ("data", "image_io", "preparation")
JAX = ("jax", "jaxlib", "flax", "optax", "orbax")
MOST_MODULES = 11  # at the top of the package, programs apart


def imported(tree: ast.AST) -> list[str]:
  """Dotted names of all that is imported, also inside of functions."""
  names = []
  for node in ast.walk(tree):
    if isinstance(node, ast.Import):
      names += [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
      module = "." * node.level + (node.module or "")
      names += [f"{module}.{alias.name}" for alias in node.names]
  return names


def complaints(path: str, source: str) -> list[str]:
  """What is wrong with the imports of a file, by its path in the package."""
  home = place(pathlib.PurePath(path).with_suffix("").parts)
  found = []
  for name in imported(ast.parse(source)):
    top, *rest = name.split(".")
    wrong = (
      not top  # relative
      or top in OUTSIDE
      or (top in ONLY and path not in ONLY[top])
      or (top in JAX and home in WITHOUT_JAX)
      or (top == PACKAGE and not may_import(home, place(rest)))
    )
    if wrong:
      found.append(f"{path} imports {name}")
  return found


def place(parts) -> str:
  """The folder of a module, or the module itself next to the folders."""
  return "" if not parts or parts[0] == "__init__" else parts[0]


def may_import(home: str, other: str) -> bool:
  if other in RUN_ONLY:
    return False
  if not home:
    return other == "upscaling"
  if other == home or other in ANYONE:
    return True
  if home in ANYONE or not other:
    return False
  here, there = floor(home), floor(other)
  if here == there:
    return here == PROGRAMS  # they share `cli`
  return there < here and other not in BARRED.get(home, ())


def floor(home: str) -> int:
  return FLOORS.get(home, TRAIN if home == "train" else PROGRAMS)


def modules() -> list[str]:
  """Paths of all modules in the package."""
  package = paths.REPOSITORY / PACKAGE
  return sorted(
    file.relative_to(package).as_posix() for file in package.rglob("*.py")
  )


class FloorsTest(parameterized.TestCase):
  def test_the_package_keeps_the_rule(self):
    files = modules()
    self.assertGreater(len(files), 20)
    found = []
    for path in files:
      source = (paths.REPOSITORY / PACKAGE / path).read_text()
      found += complaints(path, source)
    self.assertEmpty(found)

  def test_every_folder_has_a_floor(self):
    folders = {path.split("/")[0] for path in modules() if "/" in path}
    self.assertEqual(folders, {*FOLDERS, "browser", "demo", "mos"})

  def test_few_modules_beside_the_folders(self):
    top = [path for path in modules() if "/" not in path]
    programs = [
      path
      for path in top
      if "cli.run(main)" in (paths.REPOSITORY / PACKAGE / path).read_text()
    ]
    self.assertGreaterEqual(len(programs), 5)
    self.assertLessEqual(len(top) - len(programs), MOST_MODULES)

  def test_a_package_s_first_file_holds_no_code(self):
    """But `models`, whose `build` is all that others need to know of it."""
    for path in modules():
      if path.endswith("/__init__.py") and path != "models/__init__.py":
        tree = ast.parse((paths.REPOSITORY / PACKAGE / path).read_text())
        self.assertLen(tree.body, 1, path)  # the docstring

  @parameterized.parameters(
    ("ops/a.py", "from srfeat_jax.data import sources"),
    ("ops/a.py", "from srfeat_jax.image_io import images"),
    ("models/a.py", "import srfeat_jax.data.sources"),
    ("models/a.py", "from srfeat_jax.image_io import images"),
    ("data/a.py", "from srfeat_jax import models"),
    ("data/a.py", "import jax.numpy as jnp"),
    ("data/a.py", "def f():\n  from flax import linen"),
    ("data/a.py", "import optax"),
    ("image_io/a.py", "import jax"),
    ("image_io/a.py", "from srfeat_jax.data import sources"),
    ("image_io/a.py", "from srfeat_jax.ops import resize"),
    ("training/a.py", "from srfeat_jax.inference import tiling"),
    ("training/a.py", "from srfeat_jax.evaluation import report"),
    ("training/a.py", "from srfeat_jax import weights"),
    ("training/a.py", "from srfeat_jax import train"),
    ("inference/a.py", "from srfeat_jax.training import state"),
    ("inference/a.py", "from srfeat_jax.interchange import generator_file"),
    ("interchange/a.py", "from srfeat_jax.inference import tiling"),
    ("interchange/layouts/a.py", "from srfeat_jax.training import state"),
    ("evaluation/a.py", "from srfeat_jax.training import state"),
    ("evaluation/a.py", "from srfeat_jax.models import srfeat"),
    ("evaluation/a.py", "from srfeat_jax.weights import lookup"),
    ("evaluation/a.py", "from srfeat_jax.upscaling import jobs"),
    ("weights/a.py", "from srfeat_jax.evaluation import report"),
    ("weights/a.py", "from srfeat_jax import cli"),
    ("weights/a.py", "from srfeat_jax.upscaling import options"),
    ("upscaling/a.py", "from srfeat_jax import train"),
    ("batches/a.py", "from srfeat_jax.run import parts"),
    ("run/a.py", "from srfeat_jax import train"),
    ("reporting/a.py", "from srfeat_jax.training import checkpoint"),
    ("reporting/figures.py", "import jinja2"),
    ("upscaling/a.py", "from srfeat_jax.demo import service"),
    ("errors.py", "from srfeat_jax import ops"),
    ("atomic.py", "from srfeat_jax import data"),
    ("gray.py", "from srfeat_jax import ops"),
    ("ops/a.py", "from .. import errors"),
    ("data/a.py", "from . import sources"),
    ("training/a.py", "from clu import metric_writers"),
    ("train.py", "try:\n  import tensorflow as tf\nexcept ImportError: pass"),
    ("train.py", "from srfeat_jax import cli"),
    ("train.py", "from srfeat_jax import evaluate"),
    ("train.py", "from benchmarks import speed"),
    ("models/a.py", "import torch"),
    ("data/prepared.py", "from array_record.python import array_record_module"),
    ("preparation/a.py", "import jax"),
    ("data/a.py", "from srfeat_jax.preparation import recipes"),
    ("interchange/a.py", "def f():\n  import h5py"),
    ("interchange/exports/a.py", "import onnx"),
    ("demo/service.py", "import gradio"),
    ("evaluate.py", "import tests.support.paths"),
    ("configs/a.py", "from srfeat_jax.training import steps"),
    ("data/a.py", "import srfeat_jax"),
    ("main.py", "from srfeat_jax import upscale"),
    ("main.py", "import srfeat_jax.upscale"),
    ("__init__.py", "from srfeat_jax import upscale"),
    ("__init__.py", "from srfeat_jax.image_io import images"),
  )
  def test_a_forbidden_import_is_found(self, path, source):
    self.assertLen(complaints(path, source), 1)

  @parameterized.parameters(
    ("image_io/a.py", "from srfeat_jax import atomic, errors\nimport numpy"),
    ("data/a.py", "from srfeat_jax.data import sources\nimport numpy"),
    ("data/a.py", "from srfeat_jax.image_io import images"),
    ("data/a.py", "from srfeat_jax import errors, atomic\nimport jaxtyping"),
    ("atomic.py", "from srfeat_jax import errors"),
    ("image_io/a.py", "from srfeat_jax import gray"),
    ("preparation/a.py", "from srfeat_jax.ops import resize"),
    ("inference/a.py", "from srfeat_jax import gray"),
    ("models/a.py", "from srfeat_jax.ops import resize\nimport jax"),
    ("interchange/layouts/a.py", "from srfeat_jax.models import srresnet"),
    ("interchange/a.py", "from srfeat_jax.interchange.containers import a"),
    ("interchange/containers/hdf5_file.py", "import h5py"),
    ("training/a.py", "from srfeat_jax.interchange import vgg19_file"),
    ("training/writers.py", "from clu import metric_writers"),
    ("evaluation/a.py", "from srfeat_jax.inference import upscaler"),
    ("weights/a.py", "from srfeat_jax.training import checkpoint"),
    ("upscaling/a.py", "from srfeat_jax.image_io import pictures"),
    ("upscaling/a.py", "from srfeat_jax.weights import lookup"),
    ("train.py", "from srfeat_jax import models, weights"),
    ("train.py", "from srfeat_jax.run import parts"),
    ("run/a.py", "from srfeat_jax.batches import on_host"),
    ("main.py", "from srfeat_jax import cli, train"),
    ("demo/page.py", "import gradio\nfrom srfeat_jax.demo import service"),
    ("demo/__main__.py", "from srfeat_jax import cli"),
    ("__init__.py", "from srfeat_jax.upscaling import python_call"),
  )
  def test_an_allowed_import_is_not(self, path, source):
    self.assertEmpty(complaints(path, source))


if __name__ == "__main__":
  absltest.main()
