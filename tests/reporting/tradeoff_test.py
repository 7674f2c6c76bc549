"""The perception-distortion planes: which points stand in which."""

import json

from absl.testing import absltest

from srfeat_jax.interchange import lpips_file
from srfeat_jax.reporting import sources, tradeoff
from tests.support import image_files, lpips_files

_SQUEEZE = "LPIPS v0.1 (squeeze) on all RGB pixels; lower is better"


class TradeoffTest(image_files.FolderTestCase):
  def written(self, name: str, content) -> str:
    return str(self.file(name, json.dumps(content).encode()).parent)

  def results(self, name: str, scores: dict, **more) -> str:
    """What `evaluate` wrote of one image of Set5, by bicubic and by weights."""
    of_bicubic = {each: value / 2 for each, value in scores.items()}
    sets = [
      {"Set5": {**each, "images": {"a": each}}} for each in (scores, of_bicubic)
    ]
    content = {
      "weights": name,
      "protocol": {"description": "rules"},
      "sets": sets[0],
      "bicubic": sets[1],
    }
    return self.written(f"{name}/results.json", content | more)

  def run_of(self, name: str, lpips_weights: str, environment: dict) -> str:
    scores = {"eval/set5/psnr_y": 29.0, "eval/set5/lpips": 0.3}
    bicubic = {f"{key}_bicubic": value - 0.1 for key, value in scores.items()}
    config = {"validation": {"lpips_weights": lpips_weights}}
    self.written(f"{name}/config.json", config)
    self.written(f"{name}/environment.json", environment)
    return self.written(f"{name}/metrics.jsonl", {"step": 1} | scores | bicubic)

  def planes(self, *folders: str) -> dict[str, list[str]]:
    """Names of the points that are not published, by the planes' titles."""
    found = sources.load(folders)
    charts = tradeoff.planes(found, found.titles)
    self.assertEqual(len({chart.title for chart in charts}), len(charts))
    shown = {}
    for chart in charts:
      names = [line.name for line in chart.lines]
      published = [name for name in names if "published" in name]
      self.assertEqual(
        "ESRGAN, published, backbone not named" in published,
        "center296" not in chart.title,
      )
      start, _, rest = chart.title.partition(" over ")
      self.assertEqual(rest, "PSNR of Y, dB")
      shown[start] = [name for name in names if name not in published]
    return shown

  def test_backbones_are_never_in_one_plane(self):
    both = {"psnr_y": 30.0, "lpips_alex": 0.2, "lpips_vgg": 0.4}
    point = {"set": "Set5", "alpha": 0, "psnr_y": 31.0, "lpips": 0.1}
    self.assertEqual(
      self.planes(
        self.results("one", {"psnr_y": 30.0, "lpips": 0.1}, lpips=_SQUEEZE),
        self.results("two", both),
        self.results(
          "of centers",
          {"psnr_y": 30.0, "lpips": 0.1},
          lpips=_SQUEEZE,
          protocol={"description": "rules", "name": "center296"},
        ),
        self.written("new/sweep.json", [point | {"backbone": "alex"}]),
        self.written("old/sweep.json", [point]),
      ),
      {
        "Set5: LPIPS (squeeze)": ["bicubic", "one"],
        "Set5, center296: LPIPS (squeeze)": ["bicubic", "of centers"],
        "Set5: LPIPS (alex)": [
          *("bicubic", "two", "new, interpolation by alpha"),
        ],
        "Set5: LPIPS (vgg)": ["bicubic", "two"],
        "Set5: LPIPS (backbone not known)": ["old, interpolation by alpha"],
      },
    )

  def test_a_method_has_one_color(self):
    """That of its run, and in all planes the same."""
    scores = {"psnr_y": 30.0, "lpips_alex": 0.2, "lpips_vgg": 0.4}
    runs = [
      self.run_of(f"runs/{name}", "", {"lpips_backbone": "alex"})
      for name in ("one", "two")
    ]
    others = {
      name: {"Set5": {**scores, "images": {}}}
      for name in ("runs/two/generator.safetensors", "other")
    }
    found = sources.load(
      [
        *runs,
        self.results("shipped", scores, others=others),
        self.results("again", {"psnr_y": 30.0, "lpips_vgg": 0.1}),
      ]
    )
    colors = {}
    for chart in tradeoff.planes(found, found.titles):
      for line in chart.lines:
        if line.color >= 0:
          colors.setdefault(line.name, set()).add(line.color)
    self.assertEqual(
      colors,
      {
        **{"one": {0}, "two": {1}},
        **{"shipped": {2}, "other": {3}, "again": {4}},
      },
    )

  def test_which_backbone_runs_were_validated_with(self):
    """By their records; runs of earlier versions by the file they name."""
    weights = self.folder / "lpips.safetensors"
    lpips_file.convert(lpips_files.save(self.folder, "squeeze"), weights)
    self.assertEqual(
      self.planes(
        self.run_of("told", "gone.npz", {"lpips_backbone": "alex"}),
        self.run_of("file", str(weights), {}),
        self.run_of("gone", "gone.npz", {}),
        self.results("one", {"psnr_y": 30.0, "lpips": 0.1}, lpips=_SQUEEZE),
      ),
      {
        "Set5: LPIPS (alex)": ["told", "bicubic"],
        # Of two points of bicubic, that of the evaluation.
        "Set5: LPIPS (squeeze)": ["file", "bicubic", "one"],
        "Set5: LPIPS (backbone not known)": ["gone", "bicubic"],
      },
    )
    self.file(weights.name, b"another file by now")
    self.assertEqual(
      list(self.planes(self.run_of("file", str(weights), {}))),
      ["Set5: LPIPS (backbone not known)"],
    )


if __name__ == "__main__":
  absltest.main()
