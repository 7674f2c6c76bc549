"""The page of srfeat_jax.demo, used through Gradio as a browser uses it."""

import importlib.util
import pathlib
import re
import unittest
import urllib.request

import numpy as np
from absl.testing import absltest

import srfeat_jax
from srfeat_jax.image_io import images
from tests.support import demo_server, demo_service

WITHOUT_GRADIO = importlib.util.find_spec("gradio") is None


NO_GRADIO = "gradio is not installed: launch/install.sh demo"


@unittest.skipIf(WITHOUT_GRADIO, NO_GRADIO)
class PageTest(demo_service.ServiceTestCase):
  def test_an_image_through_the_page(self):
    import gradio_client

    source = self.write("a.png", 13, 17, 3)
    large = self.write("large.png", 40, 40, 3)
    other = self.variant(1.5)
    files = {"TMPDIR": str(self.results)}
    with demo_server.served(
      f"--weights={self.small}",
      f"--blend={other}",
      "--max_megapixels=0.001",
      env=files,
    ) as url:
      page = urllib.request.urlopen(url).read().decode()
      client = gradio_client.Client(
        *(url,),
        verbose=False,
        analytics_enabled=False,
        download_files=self.folder / "downloads",
      )

      def upscale(path, partner="none", outscale=4):
        values = gradio_client.handle_file(path), self.small, partner, 0.25
        return client.predict(*values, outscale, False, api_name="/upscale")

      slider, summary, plain = upscale(source)
      *_, blended = upscale(source, other)
      for refused, sentence in (
        ({"path": large}, "too large for this page.*--max_megapixels"),
        ({"path": source, "partner": "/etc/passwd"}, "/etc/passwd"),
        ({"path": source, "outscale": 40}, "40"),
      ):
        with self.assertRaisesRegex(Exception, sentence):
          upscale(**refused)
      self.assertNotEmpty(list(self.results.iterdir()))
    self.assertEmpty(list(self.results.iterdir()))  # nothing stays behind
    lr = images.read(source)
    np.testing.assert_array_equal(
      images.read(_file(plain)), srfeat_jax.upscale(lr, self.small)
    )
    np.testing.assert_array_equal(
      images.read(_file(blended)),
      srfeat_jax.upscale(lr, self.small, blend=other, alpha=0.25),
    )
    self.assertLen(slider, 2)
    self.assertIn("68 x 52 pixels", summary)
    self.assert_fetches_nothing(page)

  def assert_fetches_nothing(self, page: str):
    """Sees that no script, style or font of a page is from elsewhere."""
    tags = re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", page)
    self.assertNotEmpty(tags)
    for tag in tags:
      self.assertNotRegex(tag, r"""(?:src|href)\s*=\s*["'](?:https?:)?//""")


def _file(answer) -> pathlib.Path:
  """Where the client put a file that the page updated."""
  return pathlib.Path(answer["value"] if isinstance(answer, dict) else answer)


if __name__ == "__main__":
  absltest.main()
