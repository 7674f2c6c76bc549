"""The programs as commands: `srfeat-upscale` is `python -m srfeat_jax.upscale`.

pyproject.toml names these functions. Each runs its program as `python -m` does,
and does not return.
"""

import os
import runpy
import sys


def upscale() -> None:
  """Runs `srfeat_jax.upscale`."""
  _run("upscale")


def train() -> None:
  """Runs `srfeat_jax.main`."""
  _find_modules_here()
  _run("main")


def evaluate() -> None:
  """Runs `srfeat_jax.evaluate`."""
  _run("evaluate")


def convert() -> None:
  """Runs `srfeat_jax.convert`."""
  _run("convert")


def sweep() -> None:
  """Runs `srfeat_jax.sweep`."""
  _run("sweep")


def degrade() -> None:
  """Runs `srfeat_jax.degrade`."""
  _find_modules_here()
  _run("degrade")


def prepare() -> None:
  """Runs `srfeat_jax.prepare`."""
  _run("prepare")


def report() -> None:
  """Runs `srfeat_jax.report`."""
  _run("report")


def demo() -> None:
  """Runs `srfeat_jax.demo`."""
  _run("demo")


def browser() -> None:
  """Runs `srfeat_jax.browser`."""
  _run("browser")


def aot() -> None:
  """Runs `srfeat_jax.aot`."""
  _run("aot")


def mos() -> None:
  """Runs `srfeat_jax.mos`."""
  _run("mos")


def _find_modules_here() -> None:
  """Lets a config name a degradation of the current folder, as `-m` does."""
  sys.path.insert(0, os.getcwd())


def _run(program: str) -> None:
  """Runs a program as __main__, as absl and multiprocessing need it."""
  runpy.run_module(f"srfeat_jax.{program}", run_name="__main__", alter_sys=True)
