"""A stand-in for gcloud and for the hosts of a Cloud TPU slice.

It records what it is asked, refuses flags that gcloud does not have, plays the
states of queued resources, and runs what goes to the hosts over ssh in bash, in
a home folder for each, where pip, uv, systemd and sudo are stand-ins, too.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys

HOSTS = 2
_RESOURCES = "compute tpus queued-resources"
_NODES = "compute tpus tpu-vm"
# What is used of each command's flags; gcloud 528 has them all.
FLAGS = {
  f"{_RESOURCES} create": (
    *("--zone", "--node-id", "--accelerator-type", "--runtime-version"),
    *("--spot", "--reserved"),
  ),
  f"{_RESOURCES} describe": ("--zone", "--format"),
  f"{_RESOURCES} delete": ("--zone", "--force", "--quiet"),
  f"{_NODES} describe": ("--zone", "--format"),
  f"{_NODES} ssh": ("--zone", "--worker", "--command"),
}
# Programs of a host. What systemd is told is done at once: a unit that starts
# runs to the end of its command, and is "running" nevertheless.
_GUEST = {
  "hostname": 'basename "$HOME"',
  "sudo": """
if [ "$1" = tee ]; then cat > "$HOME/$(basename "$2")"; else exec "$@"; fi""",
  "journalctl": 'echo "the log of $(basename "$HOME"): $*"',
  "python3": """
[ "$1 $2 $3" = "-m pip install" ] || exit 9
for word; do case $word in --target=*) target=${word#*=} ;; esac; done
mkdir -p "$target/bin"
cp "$(dirname "$0")/uv_of_wheel" "$target/bin/uv"
""",
  "uv_of_wheel": """
echo "$@" >> "$HOME/uv"
mkdir -p .venv/bin
cp "$HOME/../../guest/python_of_uv" .venv/bin/python
""",
  "python_of_uv": """
if [ "$1 $2" = "-m pip" ]; then echo "$@" >> "$HOME/pip"; exit; fi
{ git rev-parse HEAD; printf '%s\\n' "$@"; } > "$HOME/trained" """,
  "systemctl": """
case $1 in
  show)
    case $* in
      *UnitFileState*) cat "$HOME/unit_file" 2> /dev/null || echo ;;
      *SubState*)
        cat "$HOME/sub" 2> /dev/null || echo dead
        if [ -e "$HOME/../finish" ] && [ -e "$HOME/sub" ]; then
          echo exited > "$HOME/sub"
        fi
        ;;
    esac
    ;;
  enable) echo enabled > "$HOME/unit_file" ;;
  disable) echo disabled > "$HOME/unit_file"; echo failed > "$HOME/sub" ;;
  restart)
    grep -q '^ExecStart=/bin/bash ' "$HOME/srfeat_jax.service"
    (cd "$HOME/srfeat_jax" && bash "$HOME/srfeat_jax_run.sh")
    echo running > "$HOME/sub"
    ;;
esac""",
}


@dataclasses.dataclass(frozen=True)
class Cloud:
  """The cloud, in a folder.

  Attributes:
    folder: `hosts/`, `calls.jsonl`, and what the stand-ins need.
  """

  folder: pathlib.Path

  def plan(self, *incarnations: str) -> None:
    """Says which states each slice that is created goes through.

    Args:
      *incarnations: one for each slice, states separated by blanks, of which
        each is told once and the last one for ever. "ACTIVE/PREEMPTED" has the
        node's state too, OFFLINE is no answer, GONE a slice that was deleted.
        With the last slice a run ends after it was once seen to train.
    """
    for folder, programs in (
      ("guest", _GUEST),
      ("bin", {"gcloud": f'exec "{sys.executable}" -I -S "{__file__}" "$@"'}),
    ):
      (self.folder / folder).mkdir(parents=True)
      for name, text in programs.items():
        path = self.folder / folder / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)
    self._write({"left": incarnations, "states": []})

  def run(self, *command: str | os.PathLike) -> subprocess.CompletedProcess:
    """Runs a command, for which gcloud is this."""
    return subprocess.run(
      list(map(str, command)),
      env=os.environ
      | {
        "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
        "STANDIN_CLOUD": str(self.folder),
        "TPU_POLL_SECONDS": "0",
      },
      capture_output=True,
      text=True,
      check=False,
      timeout=120,
    )

  def calls(self) -> list[list[str]]:
    """The arguments of each call so far."""
    path = self.folder / "calls.jsonl"
    if not path.exists():
      return []
    return [json.loads(line) for line in path.read_text().splitlines()]

  def verbs(self) -> list[str]:
    """What each call was about, such as "create" or "ssh"."""
    return [call[3] for call in self.calls()]

  def trained(self, host: int) -> list[str]:
    """The revision and the arguments that the program ran with on a host."""
    path = self.folder / "hosts" / f"host{host}" / "trained"
    return path.read_text().splitlines()

  def answer(self, arguments: list[str]) -> int:
    """Does what gcloud does; returns its exit status."""
    with (self.folder / "calls.jsonl").open("a") as log:
      log.write(json.dumps(arguments) + "\n")
    command = " ".join(arguments[:4])
    flags = dict(
      each.partition("=")[::2] for each in arguments[4:] if each[:2] == "--"
    )
    if command not in FLAGS or not flags.keys() <= set(FLAGS[command]):
      print(f"ERROR: (gcloud) unrecognized: {arguments}", file=sys.stderr)
      return 2
    plan = json.loads((self.folder / "plan.json").read_text())
    match arguments[2:4]:
      case ["queued-resources", "create"]:
        return self._create(plan)
      case ["queued-resources", "delete"]:
        shutil.rmtree(self.folder / "hosts")
        self._write(plan | {"states": []})
      case ["queued-resources", "describe"]:
        return self._describe(plan)
      case ["tpu-vm", "describe"]:
        print(plan.get("node") or "READY")
      case ["tpu-vm", "ssh"]:
        return self._ssh(flags["--worker"], flags["--command"])
    return 0

  def _write(self, plan: dict) -> None:
    (self.folder / "plan.json").write_text(json.dumps(plan))

  def _create(self, plan: dict) -> int:
    if plan["states"] or not plan["left"]:
      print("ERROR: (gcloud) ALREADY_EXISTS or no quota", file=sys.stderr)
      return 1
    for host in range(HOSTS):
      (self.folder / "hosts" / f"host{host}").mkdir(parents=True)
    states, *left = plan["left"]
    if not left:
      (self.folder / "hosts" / "finish").touch()
    self._write({"left": left, "states": states.split()})
    return 0

  def _describe(self, plan: dict) -> int:
    state, *rest = plan["states"] or ["GONE"]
    state, _, node = state.partition("/")
    if plan["states"]:
      self._write(plan | {"states": rest or plan["states"], "node": node})
    match state:
      case "OFFLINE":
        print("ERROR: (gcloud) connection not found", file=sys.stderr)
      case "GONE":
        print("ERROR: (gcloud) NOT_FOUND: it was not found", file=sys.stderr)
      case _:
        print(state)
        return 0
    return 1

  def _ssh(self, worker: str, command: str) -> int:
    workers = range(HOSTS) if worker == "all" else [int(worker)]
    status = 0
    for host in workers:
      home = self.folder / "hosts" / f"host{host}"
      path = f"{self.folder / 'guest'}:{os.environ['PATH']}"
      result = subprocess.run(
        ["bash", "-c", command],
        cwd=home,
        env=os.environ | {"HOME": str(home), "PATH": path},
        check=False,
      )
      status = status or result.returncode
    return status


if __name__ == "__main__":
  sys.exit(
    Cloud(pathlib.Path(os.environ["STANDIN_CLOUD"])).answer(sys.argv[1:])
  )
