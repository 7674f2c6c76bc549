"""Blends two generators in steps, and measures PSNR against LPIPS.

  python -m srfeat_jax.sweep runs/pretrained runs/gan --benchmarks=data \\
    --sets=Set5 --lpips_weights=lpips.safetensors --output=sweep

Prints PSNR and LPIPS for each alpha, the share of the second weights; writes
`sweep.json` and `sweep.png`.
"""

import json
from collections.abc import Sequence

from absl import flags

from srfeat_jax import atomic, cli, errors

_ALPHAS = flags.DEFINE_list(
  "alphas",
  ["0", "0.2", "0.4", "0.6", "0.8", "1"],
  "shares of the second weights",
)
_BENCHMARKS = flags.DEFINE_string(
  "benchmarks", None, "as for `evaluate`", required=True
)
_SETS = flags.DEFINE_list("sets", [], "names of the sets; by default all")
_LPIPS_WEIGHTS = flags.DEFINE_string(
  "lpips_weights", None, "as for `evaluate`", required=True
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "folder for the results", required=True, short_name="o"
)


def main(argv: Sequence[str]) -> None:
  """Sweeps as the flags say."""
  if len(argv) != 3:
    raise errors.InputError(
      f"expected two weights to blend, got {len(argv) - 1}"
    )
  alphas = _alphas()
  from srfeat_jax import models
  from srfeat_jax.evaluation import evaluator, lpips, plots, protocol
  from srfeat_jax.inference import upscaler
  from srfeat_jax.interchange import lpips_file
  from srfeat_jax.weights import blending

  ends = blending.load_pair(argv[1], argv[2])
  generator = models.build(ends[0].generator)
  metric = lpips.Metric(*lpips_file.load(_LPIPS_WEIGHTS.value))
  sets = protocol.MATLAB.load(_BENCHMARKS.value, _SETS.value, generator.scale)
  with atomic.folder("--output", _OUTPUT.value) as output:
    points = []
    for alpha in alphas:
      variables = blending.interpolate(*ends, alpha).variables
      upscale = upscaler.Upscaler(generator, variables, tile=None)
      results = evaluator.evaluate(
        upscale, sets, scale=generator.scale, lpips=metric
      )
      for name, scores in results["sets"].items():
        point = {"set": name, "alpha": alpha, "backbone": metric.backbone}
        points.append(point | {k: scores[k] for k in ("psnr_y", "lpips")})
        print(
          f"{name}  alpha {alpha:.2f}  PSNR of Y {scores['psnr_y']:.2f} dB "
          f" LPIPS {scores['lpips']:.4f}"
        )
    text = json.dumps(points, indent=2) + "\n"
    atomic.replace(output / "sweep.json", text.encode())
    plots.tradeoff(points, output / "sweep.png")
    print(f"\nsweep.json and sweep.png are in {output}")


def _alphas() -> list[float]:
  try:
    alphas = [float(text) for text in _ALPHAS.value]
  except ValueError:
    alphas = []
  if not alphas or not all(0 <= alpha <= 1 for alpha in alphas):
    raise errors.InputError(
      f"--alphas={','.join(_ALPHAS.value)}: expected numbers from 0 to 1,"
      " separated by commas"
    )
  return alphas


if __name__ == "__main__":
  cli.run(main)
