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
  "ops": 0,
  "models": 1,
  "data": 1,
  "training": 2,
  "inference": 2,
  "interchange": 2,
  "evaluation": 3,
  "upscaling": 3,
  "config_checks": 4,
  "networks": 4,
  "shipped": 4,
  "train": 4,
  "upscalers": 4,
  "weights": 4,
}
ANYONE = ("errors", "files")
PROGRAMS = 5  # the modules beside the folders that FLOORS does not name
# Lower floors that are barred all the same.
BARRED = {"evaluation": ("training", "interchange", "models")}
# Modules whose names are taken in the package: see its __init__.
RUN_ONLY = ("upscale",)
OUTSIDE = ("benchmarks", "configs", "tests", "launch")
# Who may import a library of others, by folder or by file.
ONLY = {
  "tensorflow": ("training/writers.py",),
  "tensorboard": ("training/writers.py",),
  "clu": ("training/writers.py",),
  "torch": (),
  "h5py": ("interchange/hdf5_file.py",),
  "onnx": ("interchange/onnx_file.py",),
  "flatbuffers": ("interchange/stablehlo_file.py",),
  "gradio": ("demo.py", "demo_page.py"),
}
NEVER_IN_DATA = ("jax", "jaxlib", "flax", "optax", "orbax")


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
      or (top in NEVER_IN_DATA and home == "data")
      or (top == PACKAGE and not may_import(home, place(rest)))
    )
    if wrong:
      found.append(f"{path} imports {name}")
  return found


def place(parts) -> str:
  """The folder of a module, or the module itself beside the folders."""
  return "" if not parts or parts[0] == "__init__" else parts[0]


def may_import(home: str, other: str) -> bool:
  if other in RUN_ONLY:
    return False
  if not home:
    return other == "one_call"
  if other == home or other in ANYONE:
    return True
  if home in ANYONE or not home or not other:
    return False
  here, there = floor(home), floor(other)
  if here == there:
    return here >= FLOORS["train"]  # one folder: the package's own
  return there < here and other not in BARRED.get(home, ())


def floor(home: str) -> int:
  return FLOORS.get(home, PROGRAMS)


class FloorsTest(parameterized.TestCase):
  def test_the_package_keeps_the_rule(self):
    package = paths.REPOSITORY / PACKAGE
    files = sorted(package.rglob("*.py"))
    self.assertGreater(len(files), 20)
    found = []
    for file in files:
      path = file.relative_to(package).as_posix()
      found += complaints(path, file.read_text())
    self.assertEmpty(found)

  def test_every_folder_has_a_floor(self):
    package = paths.REPOSITORY / PACKAGE
    folders = {file.parent.name for file in package.glob("*/*.py")}
    self.assertEqual(folders, {name for name in FLOORS if FLOORS[name] < 4})

  @parameterized.parameters(
    ("ops/a.py", "from srfeat_jax.data import images"),
    ("models/a.py", "import srfeat_jax.data.images"),
    ("data/a.py", "from srfeat_jax import models"),
    ("data/a.py", "import jax.numpy as jnp"),
    ("data/a.py", "def f():\n  from flax import linen"),
    ("data/a.py", "import optax"),
    ("training/a.py", "from srfeat_jax.inference import tiling"),
    ("training/a.py", "from srfeat_jax import interchange"),
    ("training/a.py", "from srfeat_jax.evaluation import report"),
    ("inference/a.py", "from srfeat_jax.training import state"),
    ("interchange/a.py", "from srfeat_jax.inference import tiling"),
    ("evaluation/a.py", "from srfeat_jax.training import state"),
    ("evaluation/a.py", "from srfeat_jax.models import srfeat"),
    ("training/a.py", "from srfeat_jax import train"),
    ("train.py", "from srfeat_jax import evaluate"),
    ("weights.py", "from srfeat_jax import cli"),
    ("errors.py", "from srfeat_jax import ops"),
    ("files.py", "from srfeat_jax import data"),
    ("training/a.py", "from srfeat_jax import config_checks"),
    ("ops/a.py", "from .. import errors"),
    ("data/a.py", "from . import images"),
    ("training/a.py", "from clu import metric_writers"),
    ("train.py", "try:\n  import tensorflow as tf\nexcept ImportError: pass"),
    ("models/a.py", "import torch"),
    ("interchange/a.py", "def f():\n  import h5py"),
    ("train.py", "from benchmarks import speed"),
    ("evaluate.py", "import tests.paths"),
    ("main.py", "from configs import common"),
    ("data/a.py", "import srfeat_jax"),
    ("main.py", "from srfeat_jax import upscale"),
    ("main.py", "import srfeat_jax.upscale"),
    ("__init__.py", "from srfeat_jax import upscale"),
    ("__init__.py", "from srfeat_jax.data import images"),
    ("evaluation/a.py", "from srfeat_jax.upscaling import jobs"),
  )
  def test_a_forbidden_import_is_found(self, path, source):
    self.assertLen(complaints(path, source), 1)

  @parameterized.parameters(
    ("data/a.py", "from srfeat_jax.data import images\nimport numpy"),
    ("data/a.py", "from srfeat_jax import errors, files\nimport jaxtyping"),
    ("files.py", "from srfeat_jax import errors"),
    ("models/a.py", "from srfeat_jax.ops import resize\nimport jax"),
    ("evaluation/a.py", "from srfeat_jax.inference import upscaler"),
    ("training/writers.py", "from clu import metric_writers"),
    ("train.py", "from srfeat_jax import models, weights"),
    ("main.py", "from srfeat_jax import cli, train"),
    ("__init__.py", "from srfeat_jax import one_call"),
    ("upscaling/a.py", "from srfeat_jax.data import pictures"),
  )
  def test_an_allowed_import_is_not(self, path, source):
    self.assertEmpty(complaints(path, source))


if __name__ == "__main__":
  absltest.main()
