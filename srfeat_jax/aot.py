"""Compiles a training step for a TPU pod on a machine that has none.

  python -m srfeat_jax.aot --config=configs/gan.py:srfeat --topology=v5e:4x4 \\
    --config.batch_size=64 --config.dtype=bfloat16 --output=gan_v5e_16.json

Prints memory a chip, operations, collectives, and the time of a step by a
roofline: compiled and computed, never run. It needs the extra "libtpu",
but neither data nor weights. --topology=cpu:4 compiles for devices of this
machine. Compiling takes minutes.
"""

import json
import pathlib
from collections.abc import Sequence

from absl import flags

from srfeat_jax import atomic, cli, config_flag, errors, places

_CONFIG = config_flag.define()
_TOPOLOGY = flags.DEFINE_string(
  "topology",
  None,
  "generation and shape of a TPU slice, as v5e:4x4 or v5p:2x2x4, or devices of"
  " this machine, as cpu:4",
  required=True,
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "JSON file to write", short_name="o"
)


def main(argv: Sequence[str]) -> None:
  """Compiles as the flags say."""
  if argv[1:]:
    raise errors.InputError(
      f'"{argv[1]}" is not a flag: give --config=FILE and --topology=NAME'
    )
  if _OUTPUT.value:
    _check_output(_OUTPUT.value)  # before minutes of compiling
  from srfeat_jax.scaling import topologies

  topology = topologies.parse(_TOPOLOGY.value)
  topologies.prepare(topology)
  from srfeat_jax.scaling import projection, step_compilation

  step = step_compilation.compile_step(_CONFIG.value, topology)
  result = projection.project(_CONFIG.value, topology, step)
  print(projection.text(result))
  if _OUTPUT.value:
    content = json.dumps(result, indent=1) + "\n"
    atomic.replace(_OUTPUT.value, content.encode())


def _check_output(output: str) -> None:
  """Raises `errors.InputError` where no file can be made."""
  places.refuse("--output", output)
  path = pathlib.Path(output)
  if path.is_dir():
    raise errors.InputError(f"--output={output} is a folder: name a JSON file")
  folder = next(each for each in path.absolute().parents if each.exists())
  if not folder.is_dir():
    raise errors.InputError(
      f"--output={output}: {folder} is a file, where a folder is to be: name"
      " another place"
    )


if __name__ == "__main__":
  cli.run(main)
