"""Evaluates an upscaler on benchmark sets, and compares it with bicubic.

  python -m srfeat_jax.evaluate --weights=runs/x4 --benchmarks=data \\
    --sets=Set5,Set14,BSD100 --output=results

Prints a table and writes `results.json`, `results.md` and `comparison.png`.
With --lpips_weights=lpips.safetensors, the table has LPIPS, too.
"""

import functools
import pathlib
from collections.abc import Sequence

from absl import flags

from srfeat_jax import cli, errors
from srfeat_jax.evaluation import protocol
from srfeat_jax.upscaling import options as options_lib
from srfeat_jax.upscaling import upscaler_flags

_SHOWN = 2  # images of each set in comparison.png

_BENCHMARKS = flags.DEFINE_string(
  "benchmarks",
  None,
  "folder with SET/HR and, optionally, SET/LRx4 for each benchmark set; or"
  ' "synthetic": scenes that need no files',
  required=True,
)
_SETS = flags.DEFINE_list("sets", [], "names of the sets; by default all")
_OUTPUT = flags.DEFINE_string(
  "output", None, "folder for the results", required=True
)
_PROTOCOL = flags.DEFINE_enum(
  "protocol",
  protocol.MATLAB.name,
  list(protocol.ALL),
  "; ".join(
    f"{each.name}: {each.description}" for each in protocol.ALL.values()
  ),
)
_LPIPS_WEIGHTS = flags.DEFINE_string(
  "lpips_weights",
  None,
  "file made by `convert lpips`: measure LPIPS as well, a perceptual distance"
  " (lower is better)",
)
_SAVE_IMAGES = flags.DEFINE_bool(
  "save_images", False, "write the results to OUTPUT/images/SET/NAME.png"
)
flags.adopt_module_key_flags(upscaler_flags)  # so that --help shows them


def main(argv: Sequence[str]) -> None:
  """Evaluates as the flags say."""
  if len(argv) > 1:
    raise errors.InputError(
      f'unexpected argument "{argv[1]}": this program takes only flags'
    )
  # JAX takes seconds to import: --help and wrong flags need not wait for it.
  from srfeat_jax.evaluation import evaluator, lpips, report
  from srfeat_jax.image_io import images
  from srfeat_jax.inference import upscaler
  from srfeat_jax.interchange import lpips_file
  from srfeat_jax.upscaling import upscaler_factory

  output = pathlib.Path(_OUTPUT.value)
  rules = protocol.ALL[_PROTOCOL.value]
  options = upscaler_flags.options()
  upscale, scale = upscaler_factory.make(options)
  bicubic = functools.partial(upscaler.bicubic, scale=scale)
  sets = rules.load(_BENCHMARKS.value, _SETS.value, scale)
  shown = {
    (each.name, image.name) for each in sets for image in each.images[:_SHOWN]
  }
  perceptual = None
  if _LPIPS_WEIGHTS.value is not None:
    perceptual = lpips.Metric(*lpips_file.load(_LPIPS_WEIGHTS.value))
  output.mkdir(parents=True, exist_ok=True)  # before the work, not after it
  rows = []

  def keep(set_name, name, lr, sr, hr):
    if _SAVE_IMAGES.value:
      # Appended, because a dot in a name does not begin an extension.
      images.write(output / "images" / set_name / f"{name}.png", sr)
    if (set_name, name) in shown:
      versions = {
        options_lib.BICUBIC: bicubic(lr),
        options.short_name: sr,
      }
      captions = {
        f"{method} {rules.measure(image, hr, scale)['psnr_y']:.2f} dB": image
        for method, image in versions.items()
      }
      rows.append(report.Row(f"{set_name} {name}", captions, hr))

  results = {"weights": options.name}
  results |= evaluator.evaluate(upscale, sets, rules, scale, keep, perceptual)
  if options.name != options_lib.BICUBIC:
    baseline = evaluator.evaluate(bicubic, sets, rules, scale, lpips=perceptual)
    results["bicubic"] = baseline["sets"]
  report.write(results, output)
  report.comparison(rows, output / "comparison.png")
  print(report.table(results))
  print(f"\nresults.json, results.md and comparison.png are in {output}")


if __name__ == "__main__":
  cli.run(main)
