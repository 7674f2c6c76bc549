"""A file for each of several processes, and none for one alone.

Several processes for real: programs/multiprocess_test.
"""

import logging
import socket
from unittest import mock

import jax
from absl import logging as absl_logging
from absl.testing import absltest

from srfeat_jax import errors, places
from srfeat_jax.training import process_log
from tests.support import image_files, object_store


class ProcessLogTest(image_files.FolderTestCase):
  def several(self):
    """As if this were the last of four processes."""
    for name, value in (("process_count", 4), ("process_index", 3)):
      patch = mock.patch.object(jax, name, return_value=value)
      self.enterContext(patch)

  def read(self) -> list[str]:
    path = self.folder / "run" / "logs" / "process_3.log"
    return path.read_text().splitlines()

  def test_warnings_and_the_end(self):
    self.several()
    before = list(logging.getLogger().handlers)
    with process_log.kept() as write_to:
      absl_logging.warning("ahead of the %s", "folder")
      self.assertFalse((self.folder / "run").exists())
      write_to(self.folder / "run")
      absl_logging.warning("a warning on process 3")
      absl_logging.info("no warning")
      self.assertIn("a warning on process 3", self.read()[-1])
    lines = self.read()
    self.assertLen(lines, 4)
    for line, words in zip(
      lines,
      (
        f"process 3 of 4 on {socket.gethostname()}, cpu 0, 1, 2, 3",
        "WARNING absl: ahead of the folder",
        "a warning on process 3",
        "ended: done",
      ),
      strict=True,
    ):
      self.assertIn(words, line)
    self.assertEqual(logging.getLogger().handlers, before)

  def test_in_an_object_store(self):
    self.enterContext(object_store.running())
    self.several()
    workdir = places.path(f"{object_store.ADDRESS}/run")
    for _ in range(2):  # as when a run is resumed
      with process_log.kept() as write_to:
        write_to(workdir)
        absl_logging.warning("a warning on process 3")
    lines = (workdir / "logs" / "process_3.log").read_text().splitlines()
    self.assertLen(lines, 6)
    for line, words in zip(
      lines, 2 * ["process 3 of 4", "a warning", "ended: done"], strict=True
    ):
      self.assertIn(words, line)

  def test_a_defect_leaves_its_traceback(self):
    self.several()
    for _ in range(2):  # as when a run is resumed
      with self.assertRaises(ZeroDivisionError), process_log.kept() as write_to:
        write_to(self.folder / "run")
        1 / 0  # noqa: B018
    text = "\n".join(self.read())
    self.assertEqual(text.count("began:"), 2)
    self.assertEqual(text.count("ZeroDivisionError: division by zero"), 2)
    self.assertIn("Traceback", text)

  def test_a_mistake_leaves_its_sentence(self):
    self.several()
    with self.assertRaises(errors.InputError), process_log.kept() as write_to:
      write_to(self.folder / "run")
      raise errors.InputError("photos holds no image")
    self.assertIn("ended: photos holds no image", self.read()[-1])
    self.assertNotIn("Traceback", "".join(self.read()))

  def test_a_folder_that_was_not_begun_is_not_made(self):
    self.several()
    with self.assertRaises(errors.InputError), process_log.kept():
      raise errors.InputError("photos holds no image")
    self.assertFalse((self.folder / "run").exists())

  def test_a_machine_that_cannot_write_there(self):
    self.several()
    self.file("run/logs")  # a file
    with (
      self.assertRaisesRegex(errors.InputError, "workdir=.*/run cannot be w"),
      process_log.kept() as write_to,
    ):
      write_to(self.folder / "run")

  def test_one_process_has_its_console(self):
    with process_log.kept() as write_to:
      write_to(self.folder / "run")
    self.assertFalse((self.folder / "run").exists())


if __name__ == "__main__":
  absltest.main()
