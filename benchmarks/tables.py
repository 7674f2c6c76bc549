"""Fills the tables of benchmarks/README.md from benchmarks/results.

  python -m benchmarks.tables

Each table is between `<!-- NAME -->` and `<!-- end -->`. NAME is the suite, and
how the names of the files in `benchmarks/results` begin: `train cpu` is "train"
in `cpu_*.json`. Where there is no result, the table says so.
"""

import json
import pathlib
import re
from collections.abc import Sequence

from srfeat_jax import cli, errors

_FOLDER = pathlib.Path(__file__).resolve().parent
_NOT_MEASURED = "*Not measured yet.*"
_PEERS = {
  "ours": "ours",
  "eager": "PyTorch",
  "compiled": "torch.compile",
  "onnx": "ONNX Runtime",
}
_LOADERS = {
  "ours": "ours",
  "pillow": "PyTorch, Pillow",
  "opencv": "PyTorch, OpenCV",
}


def main(argv: Sequence[str]) -> None:
  """Rewrites the README."""
  if argv[1:]:
    raise errors.InputError(
      f'unexpected argument "{argv[1]}": cpu*.json and gpu*.json of'
      " benchmarks/results are read"
    )
  path = _FOLDER / "README.md"
  path.write_text(fill(path.read_text(), load(_FOLDER / "results")))


def load(folder: pathlib.Path) -> dict[str, dict]:
  """Reads cpu*.json and gpu*.json: the results by device, then by suite."""
  found = {}
  for path in sorted(folder.glob("[cg]pu*.json")):
    report = json.loads(path.read_text())
    device = found.setdefault(path.name[:3], {})
    device.setdefault("environments", []).append(
      report["environment"] | {"suites": ", ".join(report["suites"])}
    )
    for suite, results in report["suites"].items():
      device.setdefault(suite, []).extend(results)
  return found


def fill(text: str, results: dict[str, dict]) -> str:
  """Replaces the text between the marks."""

  def replace(match):
    suite, device = match[1].split()
    rows = results.get(device, {}).get(suite, [])
    table = _TABLES[suite](rows) if rows else _NOT_MEASURED
    return f"<!-- {match[1]} -->\n{table}\n<!-- end -->"

  marks = r"<!-- (\w+ \w+) -->\n.*?<!-- end -->"
  return re.sub(marks, replace, text, flags=re.DOTALL)


def _train(results: list[dict]) -> str:
  return _speeds(results, "images/s | s per step", {"rows": ""})


def _infer(results: list[dict]) -> str:
  kinds = {"network": " network", "image": " image"}
  return _speeds(results, "MP/s | s per image", kinds)


def _speeds(results: list[dict], units: str, kinds: dict[str, str]) -> str:
  """A table of speeds; `kinds` are keys of results, and what each is called."""
  header = f"case | implementation | {units} (spread) | TFLOP/s"
  header += " | share of the matrix product | peak memory | ours is faster by"
  rows = []
  for result in results:
    if not kinds.keys() & result.keys():
      rows.append([f"`{result['case']}`", _error(result)])
    for kind, suffix in kinds.items():
      for who, row in result.get(kind, {}).items():
        case = _case(result) + suffix
        rows.append([case, _PEERS[who], f"{row['per_s']:.2f}"])
        rows[-1] += _costs(result, row, who)
    for who, name in _PEERS.items():
      if who in result and kinds.keys() & result.keys():
        rows.append([_case(result), name, _short(result[who])])
  return _table(header, rows)


def _costs(result: dict, row: dict, who: str) -> list[str]:
  spread = f"{row['min_s']:.3g} to {row['max_s']:.3g}"
  cells = [f"{row['median_s']:.3g} ({spread})"]
  rate = row.get("flops_per_s")
  cells.append(f"{rate / 1e12:.2f}" if rate else "")
  ceiling = result.get("ceiling", {}).get("flops_per_s")
  cells.append(f"{rate / ceiling:.0%}" if rate and ceiling else "")
  peak = row.get("peak_bytes") or result.get("peak_bytes", {}).get(who)
  cells.append(f"{peak / 2**30:.1f} GiB" if peak else "")
  faster = row.get("ours_is_faster_by")
  return [*cells, f"{faster:.2f}x" if faster else ""]


def _files(results: list[dict]) -> str:
  rows = []
  for result in results:
    who = result["who"]
    rows.append([result["case"], who if who == "ours" else f"PyTorch, {who}"])
    if "error" in result:
      rows[-1].append(_error(result))
      continue
    spread = f"{result['min_s']:.3g} to {result['max_s']:.3g}"
    faster = result.get("ours_is_faster_by")
    rows[-1] += [
      f"{result['median_s']:.3g} ({spread})",
      f"{result['megapixels_per_s']:.2f}",
      f"{result['cores_busy']:.0%}",
      _gib(result["peak_bytes"]),
      f"{faster:.2f}x" if faster else "",
    ]
  return _table(
    "files | by | s from start to end (spread) | MP/s | cores busy"
    " | peak memory | ours is faster by",
    rows,
  )


def _data(results: list[dict]) -> str:
  return _table(
    "input | by | workers | crops/s (spread) | CPU ms per crop"
    " | cores for an H200 | memory, main process | memory, a worker"
    " | ours is faster by",
    [
      [
        result["case"],
        _LOADERS[result["who"]],
        str(result["workers"] or "threads"),
        f"{result['crops_per_s']:.0f} ({result['min_per_s']:.0f} to"
        f" {result['max_per_s']:.0f})",
        f"{1e3 * result['cpu_s_per_crop']:.2f}",
        f"{result['cores_for_an_h200']:.1f}",
        _gib(result["main_bytes"]),
        _gib(result["worker_bytes"]),
        f"{result['ours_is_faster_by']:.2f}x"
        if "ours_is_faster_by" in result
        else "",
      ]
      for result in results
    ],
  )


def _gib(num_bytes: int) -> str:
  return f"{num_bytes / 2**30:.1f} GiB" if num_bytes else ""


def _start(results: list[dict]) -> str:
  return _table(
    "measurement | s (spread)",
    [
      [
        result["case"],
        f"{result['median_s']:.2f}"
        f" ({result['min_s']:.2f} to {result['max_s']:.2f})",
      ]
      for result in results
    ],
  )


def _check(results: list[dict]) -> str:
  """A table of comparisons; what was not compared says why."""
  table = []
  for result in results:
    if "rows" not in result:
      table.append([f"`{result['case']}`", _error(result)])
    for row in result.get("rows", []):
      cells = [row["case"], row["format"]]
      if "error" in row:
        cells += [f"{row['error']:.1e}", row["worst"]]
      else:
        cells += [_short(row["said"]), ""]
      gradients = row.get("gradients", {}).items()
      cells.append(", ".join(f"{x:.1e} {name}" for name, x in gradients))
      good = {True: "yes", False: "NO", None: "not tried"}[row["good"]]
      table.append([*cells, good])
  return _table(
    "case | format | largest difference | of | of all gradients | as it should",
    table,
  )


def _profile(results: list[dict]) -> str:
  rows = []
  for result in results:
    if "kinds" not in result:
      rows.append([f"`{result['case']}`", _error(result)])
      continue
    rows += [
      [
        _case(result),
        kind,
        f"{1e3 * each['seconds']:.2f}",
        f"{each['share']:.0%}",
      ]
      for kind, each in result["kinds"].items()
    ]
    total = 1e3 * result["kernel_seconds_a_step"]
    step = 1e3 * result["seconds_a_step"]
    rows.append(
      [_case(result), f"all, of a step of {step:.2f}", f"{total:.2f}"]
    )
  return _table("case | kind of kernel | ms per step | share", rows)


def _environments(environments: list[dict]) -> str:
  lines = []
  for each in environments:
    versions = [f"{k} {v}" for k, v in each["versions"].items() if v]
    lines.append(
      f"- {each['suites']}, {each['time']}: {each['gpu'] or each['cpu']},"
      f" {each['cores']} cores,"
      f" load {each['load_average'][0]:.1f}; Python {each['python']},"
      f" {', '.join(versions)}"
    )
  return "\n".join(lines)


def _case(result: dict) -> str:
  batch = result.get("batch_size")
  name = f"`{result['case']}`"
  if batch and not result["case"].endswith(f"_b{batch}"):
    name += f" at batch {batch}"
  if "width" in result:
    name += f" ({result['width']}x{result['height']})"
  return f"{name} {result['dtype']}"


def _error(result: dict) -> str:
  return _short(result.get("error", "not measured"))


def _short(text: str) -> str:
  return text.strip().splitlines()[-1][:80]


def _table(header: str, rows: list[list[str]]) -> str:
  columns = header.split(" | ")
  lines = [columns, ["---"] * len(columns)]
  lines += [row + [""] * (len(columns) - len(row)) for row in rows]
  return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_TABLES = {
  "train": _train,
  "infer": _infer,
  "files": _files,
  "data": _data,
  "start": _start,
  "check": _check,
  "programs": _check,
  "profile": _profile,
  "environments": _environments,
}

if __name__ == "__main__":
  cli.run(main)
