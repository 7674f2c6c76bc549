"""Images read ahead and written behind."""

import threading

from absl.testing import absltest

from srfeat_jax.upscaling import pipeline


class Log:
  """Stages that log what they do, and wait or fail where they are told to."""

  def __init__(self):
    self.lines = []
    self.waiting = {}  # by line: an event that is awaited before it
    self.reached = {}  # by line: an event that is set before that
    self.failing = set()
    self.threads = {}

  def stage(self, name: str):
    def run(job, *_):
      line = f"{name} {job}"
      self.threads[line] = threading.current_thread()
      if line in self.reached:
        self.reached[line].set()
      if line in self.waiting:
        assert self.waiting[line].wait(60), line
      self.lines.append(line)
      if line in self.failing:
        raise ValueError(line)
      return line

    return run

  def run(self, jobs, sizes=(1, 16), limit=10**6):
    return pipeline.run(
      jobs,
      *(self.stage(name) for name in ("read", "upscale", "write")),
      lambda job: sizes,
      limit,
    )

  def outcomes(self, *arguments, **options):
    return [
      (job, str(future.exception() or future.result()))
      for job, future in self.run(*arguments, **options)
    ]


class PipelineTest(absltest.TestCase):
  def test_each_in_order_through_all_stages(self):
    log = Log()
    jobs = list("abcdefghijklmn")
    self.assertEqual(
      log.outcomes(jobs), [(job, f"write {job}") for job in jobs]
    )
    for job in jobs:
      places = [
        log.lines.index(f"{name} {job}")
        for name in ("read", "upscale", "write")
      ]
      self.assertEqual(places, sorted(places))
    self.assertEqual(
      {log.threads[f"upscale {job}"] for job in jobs},
      {threading.current_thread()},
    )

  def test_nothing(self):
    self.assertEqual(Log().outcomes([]), [])

  def test_the_next_is_read_and_the_last_written_while_one_is_upscaled(self):
    log = Log()
    for line in ("read c", "write a"):
      log.reached[line] = threading.Event()
    # Each would wait for ever if these were not in other threads.
    log.waiting["upscale b"] = log.reached["read c"]
    log.waiting["write a"] = log.reached["upscale b"] = threading.Event()
    self.assertLen(log.outcomes("abc"), 3)
    self.assertLess(log.lines.index("read c"), log.lines.index("upscale b"))

  def test_large_ones_one_at_a_time(self):
    log = Log()
    log.outcomes("abc", sizes=(11, 176), limit=10)
    for job, following in ("ab", "bc"):
      self.assertLess(
        log.lines.index(f"write {job}"), log.lines.index(f"upscale {following}")
      )
    self.assertLess(log.lines.index("upscale a"), log.lines.index("read c"))

  def test_what_fails_is_told_in_its_turn_and_the_others_go_on(self):
    log = Log()
    log.failing = {"read a", "upscale c", "write d"}
    self.assertEqual(
      log.outcomes("abcde"),
      [
        ("a", "read a"),
        ("b", "write b"),
        ("c", "upscale c"),
        ("d", "write d"),
        ("e", "write e"),
      ],
    )
    self.assertNotIn("upscale a", log.lines)
    self.assertNotIn("write c", log.lines)

  def test_stopped_early_what_is_being_written_is_finished(self):
    log = Log()
    started = log.reached["write b"] = threading.Event()
    go_on = log.waiting["write b"] = threading.Event()

    def interrupted(*_):
      self.assertTrue(started.wait(60))
      threading.Timer(0.1, go_on.set).start()
      raise KeyboardInterrupt

    stages = [log.stage(name) for name in ("read", "upscale", "write")]
    upscale = stages[1]
    stages[1] = lambda job, read: (interrupted if job == "c" else upscale)(job)
    with self.assertRaises(KeyboardInterrupt):
      list(pipeline.run("abcd", *stages, lambda job: (1, 1)))
    self.assertIn("write b", log.lines)
    self.assertNotIn("upscale d", log.lines)

  def test_closed_early_what_is_being_written_is_finished(self):
    log = Log()
    started = log.reached["write b"] = threading.Event()
    go_on = log.waiting["write b"] = threading.Event()
    outcomes = log.run("abcd")
    self.assertEqual(next(outcomes)[0], "a")
    self.assertTrue(started.wait(60))
    threading.Timer(0.1, go_on.set).start()
    outcomes.close()
    self.assertIn("write b", log.lines)
    self.assertNotIn("write d", log.lines)


if __name__ == "__main__":
  absltest.main()
