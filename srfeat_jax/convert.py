"""Turns weights of other programs into files of this one.

  python -m srfeat_jax.convert vgg19 vgg19-dcbb9e9d.pth \\
    --output=vgg19.safetensors
  python -m srfeat_jax.convert lpips squeezenet1_1-b8a52dc0.pth squeeze.pth \\
    --output=lpips.safetensors
  python -m srfeat_jax.convert blend runs/pretrained runs/gan --alpha=0.3 \\
    --output=blend.safetensors

vgg19: torchvision's .pth or .safetensors, Keras' .h5, or vgg19.npy; which of
them it is shows in the file. Weights and the preprocessing they need are
written together. Weights in torchvision's layout that came from Caffe need
--preprocessing=caffe.

lpips: torchvision's backbone, SqueezeNet 1.1, AlexNet or VGG-16, and the file
of its linear layers from LPIPS v0.1; they are joined.

blend: two generators of one architecture, workdirs or files; interpolated, with
the share --alpha of the second.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from srfeat_jax import cli, errors

_OUTPUT = flags.DEFINE_string(
  "output", None, "the .safetensors file to write", required=True
)
_PREPROCESSING = flags.DEFINE_enum(
  "preprocessing",
  None,
  ["caffe", "torchvision"],
  "vgg19: input that the weights expect; by default as the file's kind",
)
_POOLING = flags.DEFINE_enum(
  "pooling",
  None,
  ["ceil", "floor"],
  "vgg19: what becomes of an odd row or column, pooled alone as in Caffe or"
  " dropped as in torchvision; by default as the file's kind",
)
_CLIP = flags.DEFINE_bool(
  "clip", None, "vgg19: clip images to [0, 1] before the network"
)

_ALPHA = flags.DEFINE_float(
  "alpha", None, "blend: share of the second weights, from 0 to 1"
)
# The commands, each with the flags that are its own; unset, a flag is None.
_COMMANDS = {
  "vgg19": (_PREPROCESSING, _POOLING, _CLIP),
  "lpips": (),
  "blend": (_ALPHA,),
}


def main(argv: Sequence[str]) -> None:
  """Converts as the arguments say."""
  command, *sources = argv[1:] or [""]
  output = pathlib.Path(_OUTPUT.value)
  if command not in _COMMANDS:
    raise errors.InputError(
      f'"{command}" is nothing to convert: begin with one of'
      f" {', '.join(_COMMANDS)}, and name the file"
    )
  for other, owned in _COMMANDS.items():
    for flag in owned:
      if flag.value is not None and other != command:
        raise errors.InputError(
          f"--{flag.name} is a flag of {other}, which {command} does not take"
        )
  if output.suffix != ".safetensors":
    raise errors.InputError(f"--output={output} does not end in .safetensors")
  for source in sources:
    if output.resolve() == pathlib.Path(source).resolve():
      raise errors.InputError(f"--output={output} is the file to convert")
  match command:
    case "vgg19":
      _vgg19(sources, output)
    case "lpips":
      _lpips(sources, output)
    case "blend":
      _blend(sources, output)


def _vgg19(sources: list[str], output: pathlib.Path) -> None:
  if len(sources) != 1:
    raise errors.InputError(
      f"vgg19 is converted from one file, and {len(sources)} are named"
    )
  from srfeat_jax.interchange import vgg19_file

  flagged = {
    flag.name: flag.value
    for flag in (_PREPROCESSING, _POOLING, _CLIP)
    if flag.value is not None
  }
  written = vgg19_file.convert(sources[0], output, **flagged)
  print(f"{sources[0]} ({written.kind}) -> {output}")
  for name, value in written.settings.items():
    print(f"  {name}: {value}")


def _lpips(sources: list[str], output: pathlib.Path) -> None:
  if not sources:
    raise errors.InputError(
      "lpips is converted from two files, the backbone's and that of the"
      " linear layers, and none is named"
    )
  from srfeat_jax.interchange import lpips_file

  backbone = lpips_file.convert(sources, output)
  print(f"{', '.join(sources)} (LPIPS, {backbone}) -> {output}")


def _blend(sources: list[str], output: pathlib.Path) -> None:
  if len(sources) != 2:
    raise errors.InputError(
      f"two weights are blended, and {len(sources)} are named"
    )
  if _ALPHA.value is None:
    raise errors.InputError(
      "blend needs --alpha, the share of the second weights, from 0 to 1"
    )
  from srfeat_jax import weights
  from srfeat_jax.interchange import safetensors_file

  blended = weights.blend(*sources, _ALPHA.value)
  safetensors_file.save(output, blended.generator, blended.variables)
  print(f"{sources[0]} + {_ALPHA.value:g} {sources[1]} -> {output}")


if __name__ == "__main__":
  cli.run(main)
