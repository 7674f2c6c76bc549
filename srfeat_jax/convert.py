"""Converts weights of other programs to this program's format, and back.

  python -m srfeat_jax.convert import RRDB_ESRGAN_x4.pth \\
    --output=esrgan.safetensors
  python -m srfeat_jax.convert export runs/esrgan --output=esrgan.pth
  python -m srfeat_jax.convert vgg19 vgg19-dcbb9e9d.pth \\
    --output=vgg19.safetensors
  python -m srfeat_jax.convert lpips squeezenet1_1-b8a52dc0.pth squeeze.pth \\
    --output=lpips.safetensors
  python -m srfeat_jax.convert dists vgg16-397923af.pth weights.pt \\
    --output=dists.safetensors
  python -m srfeat_jax.convert niqe niqe_pris_params.npz \\
    --output=niqe.safetensors
  python -m srfeat_jax.convert blend runs/pretrained runs/gan --alpha=0.3 \\
    --output=blend.safetensors

import: a generator, from a workdir or a file. The kind of file and the network
are detected: RRDBNet and MSRResNet of BasicSR, xinntao, mmsr and mmagic,
SRResNet with any names, and SRFeat of its authors, as .pth, .npz or
.safetensors. Files are read as data: no code in them is run.

export: any such weights, in the format chosen by the output's extension or by
--format:
  srfeat_jax  .safetensors       for this program
  basicsr     .pth .safetensors  RRDBNet and MSRResNet for BasicSR, Real-ESRGAN,
                                 chaiNNer, ComfyUI
  onnx        .onnx              a graph for any image size
  stablehlo   .stablehlo         a program for JAX without this package

vgg19: torchvision's .pth or .safetensors, Keras' .h5, or vgg19.npy; the kind of
file is detected. The weights are written together with the preprocessing that
they need. Weights in torchvision's layout that come from Caffe need
--preprocessing=caffe.

lpips: torchvision's backbone (SqueezeNet 1.1, AlexNet or VGG-16) and the file
with its linear layers of LPIPS v0.1, which are combined.

dists: torchvision's VGG-16 and the file of DISTS' authors with the weights of
its channels, which are combined.

niqe: the statistics of photographs that NIQE compares with, as published in
BasicSR's niqe_pris_params.npz or in the authors' modelparameters.mat.

blend: two generators of the same architecture, workdirs or files, interpolated
with the share --alpha of the second.
"""

import pathlib
from collections.abc import Sequence

from absl import flags, logging

from srfeat_jax import cli, errors, places

# The file extensions of each format; the first format with an extension is the
# default for it.
_FORMATS = {
  "srfeat_jax": (".safetensors",),
  "basicsr": (".pth", ".safetensors"),
  "onnx": (".onnx",),
  "stablehlo": (".stablehlo",),
}

_OUTPUT = flags.DEFINE_string(
  "output",
  None,
  "file to write, .safetensors for all commands but export",
  required=True,
  short_name="o",
)
_FORMAT = flags.DEFINE_enum(
  "format",
  None,
  list(_FORMATS),
  "export: by default the format of the output's extension",
)
_INPUT_RANGE = flags.DEFINE_enum(
  "input_range",
  None,
  ["unit", "symmetric", "imagenet"],
  "import: input of an SRResNet, images in [0, 1], in [-1, 1] or normalized as"
  " for ImageNet; by default detected by trying the network",
)
_OUTPUT_RANGE = flags.DEFINE_enum(
  "output_range",
  None,
  ["symmetric", "tanh", "unit", "sigmoid"],
  "import: output of an SRResNet's last convolution, images in [-1, 1], the"
  " same before a tanh, in [0, 1], or the same before a sigmoid; by default"
  " detected by trying the network",
)
_DTYPE = flags.DEFINE_enum(
  "dtype",
  None,
  ["float32", "float16", "bfloat16"],
  "import: number format of the file; 16 bits halve its size; by default"
  " float32",
)
_PREPROCESSING = flags.DEFINE_enum(
  "preprocessing",
  None,
  ["caffe", "torchvision"],
  "vgg19: input that the weights expect; by default that of the kind of file",
)
_POOLING = flags.DEFINE_enum(
  "pooling",
  None,
  ["ceil", "floor"],
  "vgg19: whether an odd row or column is pooled alone, as in Caffe, or"
  " dropped, as in torchvision; by default that of the kind of file",
)
_CLIP = flags.DEFINE_bool(
  "clip", None, "vgg19: clip images to [0, 1] before the network"
)

_ALPHA = flags.DEFINE_float(
  "alpha", None, "blend: share of the second weights, from 0 to 1"
)
# The commands, each with the flags that only it takes; unset flags are None.
_COMMANDS = {
  "import": (_INPUT_RANGE, _OUTPUT_RANGE, _DTYPE),
  "export": (_FORMAT,),
  "vgg19": (_PREPROCESSING, _POOLING, _CLIP),
  "lpips": (),
  "dists": (),
  "niqe": (),
  "blend": (_ALPHA,),
}


def main(argv: Sequence[str]) -> None:
  """Converts as the arguments say."""
  command, *sources = argv[1:] or [""]
  places.refuse("--output", _OUTPUT.value)
  output = pathlib.Path(_OUTPUT.value)
  if command not in _COMMANDS:
    raise errors.InputError(
      f'"{command}" is not a command: begin with one of {", ".join(_COMMANDS)},'
      " and name the file"
    )
  for other, owned in _COMMANDS.items():
    for flag in owned:
      if flag.value is not None and other != command:
        raise errors.InputError(
          f"--{flag.name} is a flag of {other}, and {command} does not take it"
        )
  if command != "export" and output.suffix != ".safetensors":
    raise errors.InputError(f"--output={output} does not end in .safetensors")
  for source in sources:
    if command not in ("import", "export", "blend"):  # of generators
      places.refuse(command, source)
    if output.resolve() == pathlib.Path(source).resolve():
      raise errors.InputError(f"--output={output} is the file to convert")
  match command:
    case "import":
      _import(sources, output)
    case "export":
      _export(sources, output)
    case "vgg19":
      _vgg19(sources, output)
    case "lpips":
      _lpips(sources, output)
    case "dists":
      _dists(sources, output)
    case "niqe":
      _niqe(sources, output)
    case "blend":
      _blend(sources, output)


def _import(sources: list[str], output: pathlib.Path) -> None:
  source = _one(sources, "one file or workdir to import a generator from")
  import jax
  import ml_dtypes  # noqa: F401, teaches numpy bfloat16
  import numpy as np

  from srfeat_jax.interchange import generator_file
  from srfeat_jax.interchange.containers import safetensors_file
  from srfeat_jax.weights import lookup, shipped

  if source in shipped.NAMES or lookup.is_workdir(source):
    kind = "shipped" if source in shipped.NAMES else "workdir"
    read = lookup.load(source)
    config, variables = read.generator, read.variables
  else:
    read = generator_file.load(
      places.fetched(source), _INPUT_RANGE.value, _OUTPUT_RANGE.value
    )
    kind, config, variables = read.kind, read.config, read.variables
    if read.warning:
      logging.warning("%s", read.warning)
  dtype = _DTYPE.value or "float32"
  variables = jax.tree.map(lambda x: np.asarray(x).astype(dtype), variables)
  if not all(np.isfinite(x).all() for x in jax.tree.leaves(variables)):
    raise errors.InputError(
      f"{dtype} cannot hold all the weights of {source}, of which some are too"
      " large for it: choose --dtype=bfloat16"
    )
  safetensors_file.save(output, config, variables)
  print(f"{source} ({kind}) -> {output}")
  for name, value in config.items():
    print(f"  {name}: {value}")


def _export(sources: list[str], output: pathlib.Path) -> None:
  source = _one(sources, "one file or workdir to export a generator from")
  chosen = _FORMAT.value or next(
    (name for name, ends in _FORMATS.items() if output.suffix in ends), None
  )
  if chosen is None or output.suffix not in _FORMATS[chosen]:
    extensions = _FORMATS.get(chosen or "") or sum(_FORMATS.values(), ())
    allowed = " or ".join(dict.fromkeys(extensions))
    raise errors.InputError(
      f"--output={output} does not end in {allowed}"
      + (f", as --format={chosen} does" if chosen else "")
    )
  from srfeat_jax.interchange import generator_file
  from srfeat_jax.interchange.layouts import basicsr
  from srfeat_jax.weights import lookup

  loaded = lookup.load(source)
  config = generator_file.complete(loaded.generator)
  match chosen:
    case "srfeat_jax":
      from srfeat_jax.interchange.containers import safetensors_file

      safetensors_file.save(output, config, loaded.variables)
    case "basicsr" if output.suffix == ".pth":
      from srfeat_jax.interchange.containers import torch_writer

      state = basicsr.state_dict(config, loaded.variables)
      torch_writer.save(output, "params", state)
    case "basicsr":
      from srfeat_jax.interchange.containers import safetensors_file

      state = basicsr.state_dict(config, loaded.variables)
      safetensors_file.write(output, state, {"format": "pt"})
    case "onnx":
      from srfeat_jax.interchange.exports import onnx_file

      onnx_file.save(output, config, loaded.variables)
    case "stablehlo":
      from srfeat_jax.interchange.exports import stablehlo_file

      stablehlo_file.save(output, config, loaded.variables)
  print(f"{source} ({config['architecture']}) -> {output} ({chosen})")


def _one(sources: list[str], expected: str) -> str:
  if len(sources) != 1:
    raise errors.InputError(f"expected {expected}, got {len(sources)}")
  return sources[0]


def _vgg19(sources: list[str], output: pathlib.Path) -> None:
  source = _one(sources, "one file with VGG-19")
  from srfeat_jax.interchange import vgg19_file

  flagged = {
    flag.name: flag.value
    for flag in (_PREPROCESSING, _POOLING, _CLIP)
    if flag.value is not None
  }
  written = vgg19_file.convert(source, output, **flagged)
  print(f"{source} ({written.kind}) -> {output}")
  for name, value in written.settings.items():
    print(f"  {name}: {value}")


def _lpips(sources: list[str], output: pathlib.Path) -> None:
  if not sources:
    raise errors.InputError(
      "expected two files for lpips, that of the backbone and that of the"
      " linear layers, got none"
    )
  from srfeat_jax.interchange import lpips_file

  backbone = lpips_file.convert(sources, output)
  print(f"{', '.join(sources)} (LPIPS, {backbone}) -> {output}")


def _dists(sources: list[str], output: pathlib.Path) -> None:
  if not sources:
    raise errors.InputError(
      "expected two files for dists, that of VGG-16 and weights.pt, got none"
    )
  from srfeat_jax.interchange import dists_file

  dists_file.convert(sources, output)
  print(f"{', '.join(sources)} (DISTS) -> {output}")


def _niqe(sources: list[str], output: pathlib.Path) -> None:
  source = _one(sources, "one file with the parameters of NIQE")
  from srfeat_jax.interchange import niqe_file

  niqe_file.convert(source, output)
  print(f"{source} (NIQE) -> {output}")


def _blend(sources: list[str], output: pathlib.Path) -> None:
  if len(sources) != 2:
    raise errors.InputError(
      f"expected two weights to blend, got {len(sources)}"
    )
  if _ALPHA.value is None:
    raise errors.InputError(
      "blend needs --alpha, the share of the second weights, from 0 to 1"
    )
  from srfeat_jax.interchange.containers import safetensors_file
  from srfeat_jax.weights import blending

  blended = blending.blend(sources[0], sources[1], _ALPHA.value)
  safetensors_file.save(output, blended.generator, blended.variables)
  print(f"{sources[0]} + {_ALPHA.value:g} {sources[1]} -> {output}")


if __name__ == "__main__":
  cli.run(main)
