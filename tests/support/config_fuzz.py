"""Command lines of `main` with mistakes in them, and what becomes of them.

Each case depends on its seed and number alone.
"""

import contextlib
import dataclasses
import functools
import io
import random
import traceback
from typing import Any
from unittest import mock

import jax

from srfeat_jax import cli, config_flag, errors
from srfeat_jax.batches import on_host, training_images
from srfeat_jax.configs import gan, pretrain, shipped
from srfeat_jax.evaluation import validator
from srfeat_jax.training import (
  averages,
  config_checks,
  networks,
  optimizers,
  parallel,
  steps,
)
from srfeat_jax.training import state as state_lib

PATHS = (
  "configs/quickstart.py",
  *(
    f"configs/{file.__name__.rpartition('.')[2]}.py:{variant}"
    for file in (gan, pretrain, shipped)
    for variant in file.VARIANTS
  ),
)
WRONG_PATHS = (
  *("", ":", "configs", "configs/", ".", "/dev/null", "README.md", "x" * 300),
  *("configs/gan", "configs/gan.py:", "configs/gan.py:nope", "configs/gan.pyy"),
  *("configs/quickstart.py:x", "configs/common.py", "setup.py", "\udcff.py"),
)
NAMES = (
  *("", "synthetic", "l1", "mse", "none", "bilinear", "float32", "bfloat16"),
  *("srfeat", "srresnet", "msrresnet", "rrdbnet", "srgan", "vgg_style", "unet"),
  *("bicubic", "photo", "custom", "os:getcwd", "random", "center", "image"),
  *("generator", "discriminator", "vanilla", "relativistic", "piecewise"),
  *("cosine", "caffe", "torchvision", "relu5_4", "conv5_4", "relu1_1", "unit"),
)
# Texts of every type that a field may have, and of none.
TEXTS = (
  *("", " ", "0", "1", "-1", "2", "3", "4", "7", "64", "1e4", "1.5", "1_000"),
  *("0x10", "1e-3", "1e-30", "1e30", "1e400", "nan", "-inf", "9" * 30),
  *("9" * 6000, "2147483647", "2147483648", "4294967295", "True", "false"),
  *("yes", "None", "abc", "/", "/dev/null", "\udcff", "\x1b[31m", "é\n"),
  *("x" * 5000, "README.md", "launch", *NAMES),
  *("()", "(1,)", "(1, 2)", "1,2,3", "0.1,0.2", "0.5", "(0.5,", "a,b", "[]"),
  *("('a',)", "[[1], 2]", "((1, 2), 3)", "nan,1", "1,", ",", "[", "(" * 300),
  *("{}", "{'a': 1}", "{1: 2}", "{'a.b': 1}", "{'a': {'b': None}}", "{'a'}"),
  *(
    "{'relu5_4': 'x'}",
    "{'relu5_4': 1e999}",
    "{'image': 3}",
    "{'feature': {}}",
  ),
  *("{'image': {'architecture': 'unet', 'features': 4}}", "{'peak': 'x'}"),
  *("{'architecture': 'srfeat'}", "{'architecture': ['srfeat']}"),
  *("{'kind': 'photo', 'first': {'sigma': 3}}", "{'schedule': 'cosine'}"),
)


@dataclasses.dataclass(frozen=True)
class Outcome:
  """What became of a command line.

  Attributes:
    kind: "accepted", "refused", or "TRACEBACK".
    text: the sentence or the traceback.
  """

  kind: str
  text: str = ""


def case(seed: int, number: int) -> list[str]:
  """Arguments of `main`, without --workdir."""
  rng = random.Random(f"{seed} {number}")
  if rng.random() < 0.02:
    return [f"--config={rng.choice(WRONG_PATHS)}", "--config.seed=1"]
  path = rng.choice(PATHS)
  # So that most cases reach what is checked later.
  arguments = [
    *(f"--config={path}", "--config.allow_scratch", "--config.batch_size=8"),
  ]
  values = fields_of(path)
  fields = list(values)
  for _ in range(rng.choice((1, 1, 1, 2, 3))):
    field = rng.choice(fields)
    if rng.random() < 0.2:
      field = _misspelled(field, rng)
    text = rng.choice(TEXTS)
    if rng.random() < 0.5 and field in values:
      text = _of_its_type(values[field], rng)
    arguments += rng.choice(
      [[f"--config.{field}={text}"]] * 20
      + [[f"--config.{field}", text], [f"--config.{field}"]]
      + [[f"--noconfig.{field}"], [f"-config.{field}={text}"]]
    )
  return arguments


def run(arguments: list[str], *, traced: bool = False) -> Outcome:
  """Makes everything of a run that comes before its first file is written.

  Args:
    arguments: of `case`.
    traced: the training step, too, which takes longer.
  """
  try:
    with (
      contextlib.redirect_stderr(io.StringIO()),
      mock.patch.object(config_flag, "load", _loaded),
    ):
      _build(arguments, traced)
  except Exception as error:
    sentence = cli.sentence(error)
    if sentence is None:
      return Outcome("TRACEBACK", traceback.format_exc())
    if not 10 < len(cli.printable(" ".join(sentence.split()))) < 8000:
      return Outcome("TRACEBACK", f"a sentence of {len(sentence)} characters")
    return Outcome("refused", sentence)
  return Outcome("accepted")


def _loaded(path: str, load=config_flag.load):
  """`config_flag.load`, which reads each of our files once."""
  if path not in PATHS:
    return load(path)
  return _read(path).copy_and_resolve_references()


_read = functools.cache(config_flag.load)


def _build(arguments: list[str], traced: bool) -> None:
  config, rest = config_flag.split(["main", *arguments])
  if rest[2:]:
    raise errors.InputError(f"{rest[2:]} are no flags")
  config_checks.check(config)
  parallel.check_batch_size(config.batch_size)
  # VGG-19's weights are not there: without them, as far as it goes.
  assembled = networks.assemble(
    config, {"preprocessing": "caffe", "pooling": "ceil"}
  )
  validator.Validator(
    assembled.generator, config.data.benchmarks, config.data.sets
  )
  built = optimizers.build(config)
  for schedule in (built.generator_schedule, built.discriminator_schedule):
    schedule(config.num_steps)
  step = steps.make_step(config, assembled, built)
  batches = on_host.crops(config, training_images.find(config))
  batches.close()
  if traced:
    _trace(config, assembled, built, step)
  networks.build(config)


def _trace(config, assembled, built, step) -> None:
  def start(key):
    variables, discriminators = assembled.init(key)
    return state_lib.start(
      variables,
      built.generator,
      discriminators,
      built.discriminator,
      keep_ema=averages.kept(config),
    )

  vgg = {}
  crops = steps.num_batches(config) * config.batch_size
  shape = (crops, config.crop_size, config.crop_size, 3)
  if assembled.vgg is not None:
    vgg = jax.eval_shape(
      assembled.vgg.init,
      jax.random.key(0),
      jax.ShapeDtypeStruct((1, 32, 32, 3), "float32"),
    )
  state = jax.eval_shape(start, jax.random.key(config.seed))
  jax.eval_shape(step, state, vgg, jax.ShapeDtypeStruct(shape, "uint8"))


@functools.cache
def fields_of(path: str) -> dict[str, Any]:
  """The values of all fields of a config, groups and elements too."""
  return dict(_fields(config_flag.load(path)))


def _fields(owner, prefix: str = ""):
  for name, value in owner.items():
    yield prefix + name, value
    if hasattr(value, "keys"):
      yield from _fields(value, f"{prefix}{name}.")
    elif isinstance(value, tuple) and value:
      yield f"{prefix}{name}[0]", value[0]


def _of_its_type(value, rng: random.Random) -> str:
  """The text of another value of the same type."""
  match value:
    case bool():
      return str(not value)
    case int():
      return str(rng.choice((0, 1, 2, 3, 4, 8, 16, 24, 32, 48, 64, 96, 2**31)))
    case float():
      return str(rng.choice((0, 1e-30, 1e-4, 0.3, 0.5, 1, 1.5, 4, 300, 1e30)))
    case tuple():
      count = rng.choice((len(value), len(value), 1, 2, 3))
      return ",".join(_of_its_type(0.5, rng) for _ in range(count))
    case str():
      return rng.choice(NAMES)
  return repr(value.to_dict())


def _misspelled(field: str, rng: random.Random) -> str:
  at = rng.randrange(len(field))
  return rng.choice(
    (
      field[:at] + field[at + 1 :],
      field[:at] + "x" + field[at:],
      field[:at] + rng.choice("._-[]=é ") + field[at:],
      field.replace("_", "-"),
      field.upper(),
      f"{field}.x",
      f"{field}[0]",
      f"{field}[99999999999]",
      rng.choice(("lr", "zzz", "", ".", "[0]", "losses.pattern_weight")),
      field.rpartition(".")[2],
    )
  )
