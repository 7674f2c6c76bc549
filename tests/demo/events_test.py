"""What the components of the page trigger, without a browser."""

import importlib.util
import types
import unittest

from absl.testing import absltest

from srfeat_jax.image_io import pictures
from tests.support import demo_service, programs

WITHOUT_GRADIO = importlib.util.find_spec("gradio") is None


NO_GRADIO = "gradio is not installed: launch/install.sh demo"


def tab(name: str) -> types.SimpleNamespace:
  """What Gradio says of a tab of a browser."""
  return types.SimpleNamespace(session_hash=name)


@unittest.skipIf(WITHOUT_GRADIO, NO_GRADIO)
class EventsTest(demo_service.ServiceTestCase):
  def setUp(self):
    super().setUp()
    from srfeat_jax.demo import events

    self.events = events.Events(self.service())
    frames = [programs.image(6, 8, 3, seed=seed) for seed in range(3)]
    self.source = self.folder / "a.webp"
    picture = pictures.Picture(frames, durations=[50.0] * 3)
    pictures.write(self.source, picture)

  def upscale(self, name: str, progress=lambda share, text: None) -> tuple:
    options = self.small, "none", 0.5, 4, False
    return self.events.upscale(self.source, *options, tab(name), progress)

  def test_stop_between_tiles(self):
    shares = []

    def stop_after_the_first(share, text):
      shares.append(share)
      if share:
        self.events.stop(tab("other"))  # without effect
        self.events.stop(tab("this"))

    for name in ("this", "other"):
      self.events.begin(tab(name))
    comparison, summary, _ = self.upscale("this", stop_after_the_first)
    self.assertIsNone(comparison)
    self.assertEqual(summary, "<p>Stopped.</p>")
    self.assertEqual(shares, [0, 1 / 3])
    start, stop = self.events.end(tab("this"))
    self.assertEqual((start["visible"], stop["visible"]), (True, False))
    self.events.begin(tab("this"))
    comparison, summary, _ = self.upscale("this")
    self.assertLen(comparison, 2)
    self.assertIn("32 x 24 pixels", summary)

  def test_stop_while_waiting(self):
    self.events.begin(tab("a"))
    self.events.stop_and_say(tab("a"))
    _, summary, _ = self.upscale("a", lambda *arguments: self.fail(arguments))
    self.assertEqual(summary, "<p>Stopped.</p>")

  def test_another_image_stops_the_run(self):
    self.events.begin(tab("a"))
    self.events.preview(self.source, tab("a"))
    _, summary, _ = self.upscale("a")
    self.assertEqual(summary, "<p>Stopped.</p>")

  def test_stop_without_a_run(self):
    self.events.stop(tab("a"))
    self.assertIn("32 x 24 pixels", self.upscale("a")[1])

  def test_estimate(self):
    options = self.small, "none", 0.5, 4, False
    text, start = self.events.estimate(self.source, *options)
    self.assertRegex(text["value"], "takes about .* of memory")
    self.assertTrue(start["interactive"])
    self.source.write_bytes(b"")
    text, start = self.events.estimate(self.source, *options)
    self.assertIn("a.webp is empty", text["value"])
    self.assertFalse(start["interactive"])
    text, start = self.events.estimate(None, *options)
    self.assertFalse(text["visible"])
    self.assertFalse(start["interactive"])

  def test_what_is_damaged_is_said_once(self):
    self.source.write_bytes(b"")
    _, about, problem, start, *_ = self.events.preview(self.source, tab("a"))
    self.assertFalse(about["visible"])
    self.assertIn("a.webp is empty", problem["value"])
    self.assertFalse(start["interactive"])


if __name__ == "__main__":
  absltest.main()
