"""What training steps cost on slices of a TPU: compiled and computed, not run.

  python -m benchmarks.scaling                   # all that is missing, in order
  python -m benchmarks.scaling --case=srfeat_pretrain --chips=1,4,16
  python -m benchmarks.scaling --compile=0       # rewrites the tables alone

Compiles each step by `srfeat_jax.aot`, in a process of its own, for a v5e;
writes benchmarks/results/tpu_scaling.json after each, where it goes on when it
is started again; then fills the tables of docs/scaling.md. It needs libtpu
(`pip install ".[libtpu]"`). A step of SRFeat takes a minute to compile, at a
low level of optimization, see `_LEVEL`.
"""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping

from absl import flags

from benchmarks import machine
from srfeat_jax import atomic, cli, errors

_FOLDER = pathlib.Path(__file__).resolve().parent
_RESULTS = _FOLDER / "results" / "tpu_scaling.json"
_PAGE = _FOLDER.parent / "docs" / "scaling.md"
GENERATION = "v5e"
# By the number of chips.
SHAPES = {1: "1x1", 4: "2x2", 16: "4x4", 64: "8x8", 256: "16x16"}
WEAK = 4  # crops a chip
STRONG = 64  # crops of all chips together


@dataclasses.dataclass(frozen=True)
class Case:
  """A kind of training.

  Attributes:
    title: of its tables.
    config: file and variant.
    images: of its schedule: steps times batch size.
    changed: fields of the config.
  """

  title: str
  config: str
  images: int
  changed: Mapping[str, str] = dataclasses.field(default_factory=dict)


CASES = {
  "srfeat_pretrain": Case(
    "SRFeat, pre-training", "configs/pretrain.py:srfeat", 20 * 12_958 * 9
  ),
  "srfeat_gan": Case(
    "SRFeat, adversarial", "configs/gan.py:srfeat", 5 * 20_800 * 5
  ),
  "srfeat_gan_fsdp": Case(
    "SRFeat, adversarial, `config.fsdp=1000000`",
    "configs/gan.py:srfeat",
    5 * 20_800 * 5,
    {"fsdp": "1000000"},
  ),
  "esrgan": Case("ESRGAN, adversarial", "configs/gan.py:esrgan", 400_000 * 16),
}

# $JAX_OPTIMIZATION_LEVEL, unless it is set. At the compiler's own level a small
# step took 880 s where it takes 25 s at this one. Operations and collectives
# are the same; memory in between and its traffic differ, see docs/scaling.md.
_LEVEL = "O1"

_CASE = flags.DEFINE_list("case", [], "some of `CASES`; none: all")
_CHIPS = flags.DEFINE_list(
  "chips", [], "numbers of chips to compile for, of `SHAPES`; none: all"
)
_BATCH = flags.DEFINE_list(
  "batch", [], "crops a chip to compile for; none: all of the tables"
)
_COMPILE = flags.DEFINE_integer(
  "compile", 1_000, "the most steps to compile this time", lower_bound=0
)


def main(argv) -> None:
  """Compiles what is missing, and fills the tables."""
  if argv[1:]:
    raise errors.InputError(f'unexpected argument "{argv[1]}"')
  report = load()
  results = report["suites"]["scaling"]
  known = {key(result) for result in results}
  count = 0
  for name, chips, batch_size in _wanted():
    if (name, chips, batch_size) in known or count >= _COMPILE.value:
      continue
    count += 1
    result = _compile(name, chips, batch_size)
    print(json.dumps({k: v for k, v in result.items() if k != "sent"}))
    results.append(result)
    report["environment"] = machine.describe()
    atomic.replace(_RESULTS, (json.dumps(report, indent=1) + "\n").encode())
  page = fill(_PAGE.read_text(), results)
  atomic.replace(_PAGE, page.encode())


def load() -> dict:
  """The results so far, as `benchmarks.tables` reads them."""
  if _RESULTS.exists():
    return json.loads(_RESULTS.read_text())
  return {"environment": machine.describe(), "suites": {"scaling": []}}


def key(result: Mapping) -> tuple[str, int, int]:
  """What tells a result from others: case, chips, batch size."""
  return result["case"], result["chips"], result["batch_size"]


def batch_sizes(chips: int) -> list[int]:
  """The batches that a number of chips is listed with."""
  sizes = [WEAK * chips]
  if STRONG % chips == 0:
    sizes.append(STRONG)
  return sizes


def _wanted() -> Iterator[tuple[str, int, int]]:
  """Yields case, chips and batch size, the fewest chips first."""
  for name in _CASE.value:
    if name not in CASES:
      raise errors.InputError(
        f"--case={name}: expected some of {', '.join(CASES)}"
      )
  numbers = _numbers("chips", _CHIPS.value) or list(SHAPES)
  for chips in numbers:
    if chips not in SHAPES:
      raise errors.InputError(
        f"--chips={chips}: expected some of {', '.join(map(str, SHAPES))}"
      )
  on_each = _numbers("batch", _BATCH.value)
  for chips in numbers:
    for name in _CASE.value or CASES:
      for batch_size in dict.fromkeys(batch_sizes(chips)):
        if not on_each or batch_size // chips in on_each:
          yield name, chips, batch_size


def _numbers(name: str, texts: list[str]) -> list[int]:
  for text in texts:
    if not text.isdecimal():
      raise errors.InputError(f"--{name}={text}: expected whole numbers")
  return [int(text) for text in texts]


def command(name: str, chips: int, batch_size: int) -> list[str]:
  """The arguments of `srfeat_jax.aot`."""
  case = CASES[name]
  # The number of steps follows from the batch size.
  fields = {"dtype": "bfloat16", "batch_size": batch_size, **case.changed}
  return [
    f"--config={case.config}",
    f"--topology={GENERATION}:{SHAPES[chips]}",
    *(f"--config.{field}={value}" for field, value in fields.items()),
  ]


def _compile(name: str, chips: int, batch_size: int) -> dict:
  """The figures of a step, or "error", a sentence: it does not fit."""
  with tempfile.TemporaryDirectory() as folder:
    output = pathlib.Path(folder) / "step.json"
    done = subprocess.run(
      [
        *(sys.executable, "-m", "srfeat_jax.aot", f"--output={output}"),
        *command(name, chips, batch_size),
      ],
      capture_output=True,
      text=True,
      check=False,
      env={"JAX_OPTIMIZATION_LEVEL": _LEVEL} | os.environ,
    )
    result = {"case": name, "chips": chips, "batch_size": batch_size}
    if output.exists():
      return result | json.loads(output.read_text())
  said = re.findall(r"^error: (.*)$", done.stderr, re.MULTILINE)
  if not said or "does not fit" not in said[-1]:  # it may work another time
    raise errors.InputError(
      f"{name} on {chips} chips: {said[-1] if said else done.stderr[-2000:]}"
    )
  return result | {"error": said[-1]}


def fill(page: str, results: list[dict]) -> str:
  """Replaces the tables of a page, each between `<!-- NAME -->` and an end."""
  by_key = {key(result): result for result in results}

  def replace(match):
    rows = [_HEADER, re.sub(r"[^|]+", "---", _HEADER)]
    for kind, chips, batch_size in _rows():
      row = _row(by_key, match[1], chips, batch_size)
      if row:
        rows.append(f"| {kind} | {chips} | {batch_size} | {' | '.join(row)} |")
    table = "\n".join(rows) if len(rows) > 2 else "*Not compiled yet.*"
    return f"<!-- {match[1]} -->\n{table}\n<!-- end -->"

  marks = rf"<!-- ({'|'.join(CASES)}) -->\n.*?<!-- end -->"
  return re.sub(marks, replace, page, flags=re.DOTALL)


_HEADER = (
  "| scaling | chips | batch | GiB a chip | TFLOP a chip | collectives"
  " | MB sent | compute ms | memory ms | sent ms | step ms | images/s"
  " | of one chip's | whole run, hours |"
)


def _rows() -> Iterator[tuple[str, int, int]]:
  for chips in SHAPES:
    yield "weak", chips, WEAK * chips
  for chips in SHAPES:
    if STRONG % chips == 0:
      yield "strong", chips, STRONG


def _row(
  by_key: Mapping, name: str, chips: int, batch_size: int
) -> list[str] | None:
  """Cells of a row; None if nothing is known of it."""
  result = by_key.get((name, chips, batch_size))
  mark = ""
  if result is None:
    result = _from_another_slice(by_key, name, chips, batch_size)
    mark = " *"
  if result is None:
    return None
  if "error" in result:
    return ["does not fit", *[""] * 10]
  seconds, flops = result["seconds"], result["flops"]
  sent = result["collectives"].values()
  one = by_key.get((name, 1, WEAK))
  efficiency = ""
  if one and "seconds" in one:
    each = result["images_per_s"] / chips
    efficiency = f"{each / one['images_per_s']:.0%}"
  return [
    f"{result['memory']['total'] / 2**30:.1f}{mark}",
    f"{flops['chip'] / 1e12:.2f}",
    str(sum(each["count"] for each in sent)),
    f"{sum(each['bytes'] for each in sent) / 1e6:.1f}",
    *(
      f"{1e3 * seconds[part]:.1f}"
      for part in ("compute", "memory", "communication", "step")
    ),
    f"{result['images_per_s']:.0f}",
    efficiency,
    f"{result['schedule']['hours']:.2g}",
  ]


def _from_another_slice(
  by_key: Mapping, name: str, chips: int, batch_size: int
) -> dict | None:
  """Figures of the same program on another slice, of more than one chip.

  A chip has the same to do where the batch on each is the same; only what
  collectives take differs. Not so if weights are split.
  """
  from srfeat_jax.scaling import collectives, roofline, topologies

  if chips == 1 or CASES[name].changed:
    return None
  found = [
    result
    for (case, number, size), result in by_key.items()
    if case == name
    and number > 1
    and size * chips == batch_size * number
    and "error" not in result
  ]
  if not found:
    return None
  result = max(found, key=lambda each: each["chips"])
  topology = topologies.parse(f"{GENERATION}:{SHAPES[chips]}")
  times = roofline.times(
    topology,
    result["flops"]["chip"],
    result["flops"]["bytes"],
    [collectives.Collective(**each) for each in result["sent"]],
  )
  steps = round(CASES[name].images / batch_size)
  return result | {
    "seconds": dataclasses.asdict(times) | {"step": times.step},
    "images_per_s": batch_size / times.step,
    "schedule": {"hours": steps * times.step / 3600},
  }


if __name__ == "__main__":
  cli.run(main)
