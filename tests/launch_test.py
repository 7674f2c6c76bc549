"""Tests of the scripts in launch/, run as users run them."""

import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import yaml
from absl.testing import absltest, parameterized
from kubeflow_trainer_api import models

from tests.support import cloud_tpu, image_files, paths, runs


def _complaints(program: str, *files) -> str:
  """What a linter, of the package test's extra, prints; "" if nothing."""
  linter = pathlib.Path(sys.executable).parent / program
  result = subprocess.run(
    [linter, *files], capture_output=True, text=True, check=False
  )
  said = result.stdout + result.stderr
  assert bool(said) == bool(result.returncode), result
  return said


class LaunchTest(image_files.FolderTestCase, parameterized.TestCase):
  def test_local_takes_the_workdir_from_where_it_is_called(self):
    script = paths.REPOSITORY / "launch" / "local.sh"
    copy = self.file("repository/launch/local.sh", script.read_bytes())
    python = self.file(
      "repository/.venv/bin/python", b'#!/bin/sh\necho "$PWD" "$@"\n'
    )
    python.chmod(0o755)
    for argument, expected in (
      ("runs/x", f"{self.folder.resolve()}/runs/x"),
      ("/runs/x", "/runs/x"),
    ):
      result = subprocess.run(
        ["bash", copy, "configs/gan.py", argument, "--config.seed=1"],
        cwd=self.folder,
        capture_output=True,
        text=True,
        check=True,
      )
      self.assertEqual(
        result.stdout,
        f"{self.folder.resolve()}/repository -m srfeat_jax.main"
        f" --config=configs/gan.py --workdir={expected} --config.seed=1\n",
      )

  def test_local_takes_the_address_of_a_bucket_as_it_is(self):
    script = paths.REPOSITORY / "launch" / "local.sh"
    copy = self.file("repository/launch/local.sh", script.read_bytes())
    self.file("repository/.venv/bin/python", b'#!/bin/sh\necho "$@"\n').chmod(
      0o755
    )
    result = subprocess.run(
      ["bash", copy, "configs/gan.py", "gs://bucket/run"],
      capture_output=True,
      text=True,
      check=True,
    )
    self.assertIn("--workdir=gs://bucket/run\n", result.stdout)

  def test_shellcheck_has_nothing_to_say(self):
    scripts = [
      *(paths.REPOSITORY / "launch").glob("*.sh"),
      *(paths.REPOSITORY / "tests").glob("*.sh"),
      paths.REPOSITORY / ".ci" / "run",
    ]
    self.assertGreater(len(scripts), 8)
    self.assertEqual(_complaints("shellcheck", *scripts), "")
    wrong = self.file("wrong.sh", b"#!/bin/bash\ncd $1\n")
    self.assertIn("SC2086", _complaints("shellcheck", wrong))

  def test_hadolint_has_nothing_to_say(self):
    self.assertEqual(
      _complaints("hadolint", paths.REPOSITORY / "Dockerfile"), ""
    )
    wrong = self.file("Dockerfile", b"FROM python\nRUN cd /tmp\n")
    self.assertIn("DL3006", _complaints("hadolint", wrong))

  @parameterized.parameters((0, False), (1, False), (75, True))
  def test_slurm_requeues_what_was_stopped(self, status, requeues):
    script = paths.REPOSITORY / "launch" / "slurm.sh"
    for name, text in (
      (
        "srun",
        f'echo "srun $SRUN_CPUS_PER_TASK $PYTHONUNBUFFERED $@"; exit {status}',
      ),
      ("scontrol", 'echo "scontrol $@"'),
    ):
      self.file(f"bin/{name}", f"#!/bin/bash\n{text}\n".encode()).chmod(0o755)
    result = subprocess.run(
      [
        "bash",
        script,
        "configs/gan.py:srfeat_pod",
        "runs/x",
        "--config.seed=1",
      ],
      env=os.environ
      | {
        "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
        "SLURM_SUBMIT_DIR": str(self.folder),
        "SLURM_JOB_ID": "17",
        "SLURM_CPUS_PER_TASK": "6",
      },
      capture_output=True,
      text=True,
      check=False,
    )
    self.assertEqual(result.returncode, status, result.stderr)
    first, *rest = result.stdout.splitlines()
    self.assertEqual(
      first,
      "srun 6 1 --gpu-bind=none --kill-on-bad-exit=0 launch/local.sh"
      " configs/gan.py:srfeat_pod runs/x --config.seed=1 --multihost",
    )
    self.assertEqual("scontrol requeue 17" in rest, requeues)

  def test_slurm_starts_a_task_for_each_gpu(self):
    script = (paths.REPOSITORY / "launch" / "slurm.sh").read_text()
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)$", script, re.M))
    self.assertEqual(asked["ntasks-per-node"], asked["gpus-per-node"])
    # To the tasks, not to this script, which "B:" would be.
    self.assertEqual(asked["signal"], "TERM@120")

  def test_two_processes_leaves_earlier_runs_alone(self):
    script = paths.REPOSITORY / "launch" / "two_processes.sh"
    self.file("runs/gan/metrics.jsonl", b"{}")
    for argument in ("runs", self.folder / "runs"):
      result = subprocess.run(
        ["bash", script, argument],
        cwd=self.folder,
        capture_output=True,
        text=True,
        check=False,
      )
      self.assertEqual(result.returncode, 1)
      self.assertRegex(result.stderr, "^error: .*/runs holds such runs already")

  def test_quickstart_leaves_what_it_names(self):
    repository = self.folder / "repository"
    (repository / "launch").mkdir(parents=True)
    (repository / "srfeat_jax").symlink_to(paths.REPOSITORY / "srfeat_jax")
    python = self.file(
      "repository/.venv/bin/python",
      f'#!/bin/sh\nexec {sys.executable} "$@"\n'.encode(),
    )
    python.chmod(0o755)
    script = paths.REPOSITORY / "launch" / "quickstart.sh"
    (repository / "launch" / "quickstart.sh").write_bytes(script.read_bytes())
    # What installing does is seen by running tests/run.sh at all.
    install = self.file("repository/launch/install.sh", b"#!/bin/sh\n")
    install.chmod(0o755)
    images = runs.make_images(self.folder / "images")
    benchmark = self.folder / "benchmarks" / "Noise"
    benchmark.mkdir(parents=True)
    runs.make_images(benchmark / "HR", count=1)
    flags = {"num_steps": 2, "batch_size": 2, "crop_size": 16}
    result = subprocess.run(
      [
        *("bash", repository / "launch" / "quickstart.sh"),
        *(images, "benchmarks"),
        *(f"--config.{name}={value}" for name, value in flags.items()),
        "--config.generator.features=4",
      ],
      cwd=self.folder,
      env=os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "1"},
      capture_output=True,
      text=True,
      check=False,
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    workdir = repository / "runs" / "quickstart"
    said = re.findall(r"^  (\S+(?:\.\w+|/))  ", result.stdout, re.MULTILINE)
    self.assertLen(said, 5)
    for name in said:
      self.assertTrue((workdir / name).exists(), name)
    self.assertIn("bicubic", (workdir / "results/results.md").read_text())


class KubernetesTest(parameterized.TestCase):
  """launch/kubernetes.yaml against the models of JobSet's API."""

  def job_sets(self) -> list[dict]:
    text = (paths.REPOSITORY / "launch" / "kubernetes.yaml").read_text()
    return list(yaml.safe_load_all(text))

  def known(self, job_set: dict) -> dict:
    """What of it the API knows, in which each value has its type."""
    read = models.JobsetV1alpha2JobSet.from_dict(job_set)
    return json.loads(read.to_json())

  def test_every_field_is_one_of_the_api(self):
    job_sets = self.job_sets()
    self.assertEqual(
      [each["metadata"]["labels"] for each in job_sets],
      [{"accelerator": "gpu"}, {"accelerator": "tpu"}],
    )
    for job_set in job_sets:
      self.assertEqual(self.known(job_set), job_set)

  def test_a_field_that_the_api_does_not_have_is_found(self):
    for path, value in (
      (("spec", "failurePolicy", "maxRestart"), 3),
      (("spec", "replicatedJobs", 0, "template", "spec", "paralelism"), 3),
    ):
      (job_set, _) = self.job_sets()
      place = job_set
      for part in path[:-1]:
        place = place[part]
      place[path[-1]] = value
      self.assertNotEqual(self.known(job_set), job_set)
    (job_set, _) = self.job_sets()
    job_set["spec"]["failurePolicy"]["maxRestarts"] = "ten"
    with self.assertRaises(ValueError):
      self.known(job_set)

  def test_processes_are_pods(self):
    for job_set in self.job_sets():
      (workers,) = job_set["spec"]["replicatedJobs"]
      job = workers["template"]["spec"]
      self.assertEqual(job["parallelism"], job["completions"])
      self.assertEqual(job["completionMode"], "Indexed")
      (container,) = job["template"]["spec"]["containers"]
      arguments = dict(each.partition("=")[::2] for each in container["args"])
      if "--multihost" in arguments:
        continue
      name = job_set["metadata"]["name"]
      port = container["ports"][0]["containerPort"]
      self.assertEqual(
        arguments["--coordinator_address"],
        f"{name}-{workers['name']}-0-0.{name}:{port}",
      )
      self.assertEqual(arguments["--num_processes"], str(job["completions"]))
      self.assertEqual(arguments["--process_id"], "$(JOB_COMPLETION_INDEX)")


class TpuPodTest(image_files.FolderTestCase):
  """launch/tpu_pod.sh with a stand-in for gcloud and for the hosts."""

  def setUp(self):
    super().setUp()
    self.cloud = cloud_tpu.Cloud(self.folder / "cloud")
    # What a host clones: the scripts, in two revisions.
    self.repository = self.folder / "repository"
    (self.repository / "launch").mkdir(parents=True)
    for name in ("launch/local.sh", "launch/install.sh"):
      shutil.copy2(paths.REPOSITORY / name, self.repository / name)
    for name in ("pyproject.toml", "requirements.txt"):
      (self.repository / name).write_text("")
    self.git("init", "--quiet", "--initial-branch=main")
    self.commits = [self.commit("one"), self.commit("two")]
    self.git("tag", "--annotate", "--message=first", "first", self.commits[0])
    # Where this computer keeps what it asked for.
    self.script = self.folder / "computer" / "launch" / "tpu_pod.sh"
    self.script.parent.mkdir(parents=True)
    shutil.copy2(paths.REPOSITORY / "launch" / "tpu_pod.sh", self.script)

  def git(self, *arguments) -> str:
    person = ("-c", "user.name=x", "-c", "user.email=x@x")
    return subprocess.run(
      ["git", *person, *arguments],
      cwd=self.repository,
      capture_output=True,
      text=True,
      check=True,
    ).stdout.strip()

  def commit(self, text: str) -> str:
    (self.repository / "text").write_text(text)
    self.git("add", "--all")
    self.git("commit", "--quiet", f"--message={text}")
    return self.git("rev-parse", "HEAD")

  def pod(self, *arguments, status: int = 0) -> subprocess.CompletedProcess:
    result = self.cloud.run("bash", self.script, *arguments)
    self.assertEqual(
      result.returncode, status, f"{result.stdout}\n{result.stderr}"
    )
    return result

  def create(self, *flags: str) -> None:
    self.pod("create", "pod", "zone", "v5litepod-16", "v2-alpha", *flags)

  def start(self, revision="main", status=0):
    return self.pod(
      *("start", "pod", self.repository, revision, "configs/gan.py:srfeat_pod"),
      *("gs://bucket/run", "--config.x={'a b': 1}"),
      status=status,
    )

  def assert_trains(self, commit: str) -> None:
    for host in range(cloud_tpu.HOSTS):
      self.assertEqual(
        self.cloud.trained(host),
        [
          *(commit, "-m", "srfeat_jax.main"),
          *("--config=configs/gan.py:srfeat_pod", "--workdir=gs://bucket/run"),
          *("--config.x={'a b': 1}", "--multihost"),
        ],
      )

  def test_a_run_from_asking_for_a_slice_to_giving_it_back(self):
    self.cloud.plan("WAITING_FOR_RESOURCES PROVISIONING ACTIVE", "ACTIVE")
    self.create("--spot")
    (call,) = self.cloud.calls()
    self.assertEqual(
      call,
      [
        *("compute", "tpus", "queued-resources", "create", "pod"),
        *("--node-id=pod", "--zone=zone", "--accelerator-type=v5litepod-16"),
        *("--runtime-version=v2-alpha", "--spot"),
      ],
    )
    result = self.start("first")
    self.assertIn("pod is WAITING_FOR_RESOURCES", result.stdout)
    self.assert_trains(self.commits[0])
    host = self.cloud.folder / "hosts" / "host1"
    self.assertIn("--python=3.12 .venv", (host / "uv").read_text())
    self.assertIn("[train,tpu,gcs]", (host / "pip").read_text())
    self.assertIn("host1 enabled running", self.pod("status", "pod").stdout)
    # The same again changes nothing; another run must not push it aside.
    self.assertIn("host1: trains already", self.start("first").stdout)
    result = self.pod(
      "start", "pod", self.repository, "main", "c", "w", status=1
    )
    self.assertIn("host1 trains something else: stop that", result.stderr)

    self.pod("stop", "pod")
    self.assertIn("host0 disabled failed", self.pod("status", "pod").stdout)
    self.assertIn("the run was stopped", self.pod("watch", "pod").stdout)
    self.pod("resume", "pod")
    self.assert_trains(self.commits[0])
    # An existing clone gets another revision.
    self.pod("stop", "pod")
    self.start("main")
    self.assert_trains(self.commits[1])
    self.assertIn("the log of host1", self.pod("logs", "pod", "1").stdout)
    self.pod("delete", "pod")
    self.assertEqual(
      self.cloud.calls()[-1][2:],
      [
        "queued-resources",
        "delete",
        "pod",
        "--zone=zone",
        "--force",
        "--quiet",
      ],
    )
    result = self.pod("resume", "pod", status=1)
    self.assertIn('knows of no slice of "pod": `create` it', result.stderr)

  @parameterized.parameters("SUSPENDING SUSPENDED", "ACTIVE/PREEMPTED")
  def test_a_preempted_slice_comes_back_and_the_run_with_it(self, taken):
    self.cloud.plan(
      f"ACTIVE ACTIVE OFFLINE ACTIVE {taken}", "WAITING_FOR_RESOURCES ACTIVE"
    )
    self.create("--spot")
    self.start()
    self.commit("three")  # which a branch is, and the run goes on without
    before = len(self.cloud.calls())
    result = self.pod("watch", "pod")
    self.assertIn("pod is UNKNOWN", result.stdout)
    self.assertIn("the run has ended", result.stdout)
    changes = [
      call
      for call in self.cloud.calls()[before:]
      if call[3] in ("create", "delete")
    ]
    self.assertEqual([call[3] for call in changes], ["delete", "create"])
    self.assertEqual(changes[1], self.cloud.calls()[0])  # the same as at first
    self.assert_trains(self.commits[1])

  @parameterized.parameters(
    (1, "ACTIVE ACTIVE GONE"),
    (2, "ACTIVE ACTIVE SUSPENDED", "ACTIVE ACTIVE GONE"),  # taken away before
  )
  def test_a_slice_that_others_delete_is_not_asked_for_again(
    self, created, *slices
  ):
    self.cloud.plan(*slices, "ACTIVE")
    self.create()
    self.start()
    result = self.pod("watch", "pod", status=1)
    self.assertIn("pod has been deleted: `resume` asks", result.stderr)
    self.assertEqual(self.cloud.verbs().count("create"), created)

  def test_a_request_that_fails_is_told(self):
    self.cloud.plan("WAITING_FOR_RESOURCES FAILED")
    self.create("--reserved")
    self.assertIn("the request for pod has failed", self.start(status=1).stderr)

  def test_a_name_that_google_does_not_take_is_refused(self):
    result = self.pod("delete", "../pod", status=1)
    self.assertIn('NAME is "../pod": Google takes', result.stderr)

  def test_a_revision_that_was_not_pushed_is_refused(self):
    self.cloud.plan("ACTIVE")
    self.create()
    result = self.start("nope", status=1)
    self.assertIn('has no branch or tag "nope": push it', result.stderr)
    self.assertEqual(self.cloud.verbs(), ["create"])

  def test_dry_runs_print_commands_and_run_none(self):
    self.cloud.plan("ACTIVE")
    self.pod("--dry-run", "create", "pod", "zone", "v5litepod-16", "v2-alpha")
    start = ("start", "pod", "https://host/x.git", "main", "c", "gs://b/w")
    others = ("status", "logs", "stop", "resume", "watch", "delete")
    for command in (start, *((each, "pod") for each in others)):
      printed = self.pod("--dry-run", *command).stdout
      self.assertIn("gcloud compute tpus", printed)
      # What is printed is what a shell takes.
      subprocess.run(["bash", "-n"], input=printed, text=True, check=True)
    self.assertEmpty(self.cloud.calls())
    self.assertFalse((self.script.parent.parent / ".cache").exists())

  def test_a_dry_run_that_is_asked_for_at_the_end_is_none_and_refused(self):
    self.cloud.plan("ACTIVE")
    slice_ = ("create", "pod", "zone", "v5litepod-16", "v2-alpha")
    result = self.pod(*slice_, "--dry-run", status=1)
    self.assertIn("--dry-run comes first: ", result.stderr)
    self.assertEmpty(self.cloud.calls())

  def test_a_mistake_shows_how_it_is_called(self):
    for wrong in ((), ("create", "pod"), ("begin", "pod"), ("start", "pod")):
      self.assertIn(
        "launch/tpu_pod.sh create NAME", self.pod(*wrong, status=2).stderr
      )

  def test_the_service_is_one_for_systemd(self):
    self.cloud.plan("ACTIVE")
    self.create()
    self.start()
    unit = self.cloud.folder / "hosts" / "host0" / "srfeat_jax.service"
    self.assertIn("JAX_PLATFORMS=tpu,cpu", unit.read_text())
    if not shutil.which("systemd-analyze"):
      self.skipTest("systemd is not installed: its check of units is left out")
    result = self.cloud.run("systemd-analyze", "verify", unit)
    self.assertEqual((result.returncode, result.stderr), (0, ""))

  def test_the_stand_in_has_no_flags_of_its_own(self):
    """Against the list of all flags that gcloud itself comes with."""
    gcloud = shutil.which("gcloud")
    known = gcloud and (
      pathlib.Path(gcloud).resolve().parents[1]
      / "data/cli/gcloud_completions.py"
    )
    if not known or not known.exists():
      self.skipTest("gcloud is not installed: its list of flags is left out")
    spec = importlib.util.spec_from_file_location("completions", known)
    completions = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(completions)
    for command, flags in cloud_tpu.FLAGS.items():
      node = tree = completions.STATIC_COMPLETION_CLI_TREE
      for word in command.split():
        node = node["commands"][word]
      self.assertContainsSubset(flags, {**tree["flags"], **node["flags"]})


if __name__ == "__main__":
  absltest.main()
