"""Jobs of gpu_suite, each in a process of its own."""

import pathlib
import subprocess
import time
from unittest import mock

from absl.testing import absltest, parameterized

from benchmarks import gpu_runner

# Writes a result, and then does what it is told.
_JOB = """
import json, os, subprocess, sys, time
output = sys.argv[-1].removeprefix("--output=")
text = json.dumps({"rows": [{"case": "x", "good": sys.argv[1] != "bad"}]})
if sys.argv[1] == "cut":
  text = text[:-5]
if sys.argv[1] != "crash":
  open(output, "w").write(text)
if sys.argv[1] == "hang":
  child = subprocess.Popen(["sleep", "60"])
  open(output + ".part", "w").write(str(child.pid))
  os.rename(output + ".part", output + ".child")
  time.sleep(60)
print("last words", file=sys.stderr)
sys.exit(sys.argv[1] not in ("good", "cut"))
"""


def _is_running(pid: int) -> bool:
  try:
    return pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
  except OSError:
    return False


class RunnerTest(parameterized.TestCase):
  def run_job(self, what: str):
    self.folder = pathlib.Path(self.create_tempdir().full_path)
    (self.folder / "job_of_a_test.py").write_text(_JOB)
    environment = {"PYTHONPATH": str(self.folder)}
    return gpu_runner.run(["job_of_a_test", what], 30, self.folder, environment)

  def test_a_good_one(self):
    self.assertEqual(
      self.run_job("good"), {"rows": [{"case": "x", "good": True}]}
    )

  def test_one_that_fails(self):
    self.assertEqual(self.run_job("crash"), {"error": "last words"})
    result = self.run_job("bad")
    self.assertStartsWith(result["error"], "the check failed: [{'case': 'x'")
    self.assertLen(result["rows"], 1)

  def test_a_result_that_is_cut_off(self):
    error = "it wrote no result"
    self.assertEqual(self.run_job("cut"), {"error": error})

  def test_the_time_is_up(self):
    wait = subprocess.Popen.wait

    def until_it_hangs(process, timeout=None):
      if timeout != 30:
        return wait(process, timeout)
      while not (self.folder / "result.json.child").exists():
        time.sleep(0.1)
      raise subprocess.TimeoutExpired("job", timeout)

    with mock.patch.object(subprocess.Popen, "wait", until_it_hangs):
      result = self.run_job("hang")
    self.assertEqual(result["error"], "not measured: stopped after 30 s")
    self.assertLen(result["rows"], 1)  # what it had by then
    child = int((self.folder / "result.json.child").read_text())
    while _is_running(child):  # it has been told to end
      time.sleep(0.1)


if __name__ == "__main__":
  absltest.main()
