"""Paths and addresses, against a stand-in for Google Cloud Storage."""

import asyncio
import logging
import os
import pathlib
import sys
import threading
from unittest import mock

from absl.testing import absltest, parameterized

from srfeat_jax import atomic, errors, places
from tests.support import image_files, object_store


class PathTest(parameterized.TestCase):
  @parameterized.parameters(
    "runs/a", "/runs/a", "C:/runs", ".", "a:b/c", "gs/b"
  )
  def test_paths(self, text):
    self.assertFalse(places.is_address(text))
    self.assertEqual(places.path(text), pathlib.Path(text))
    self.assertEqual(places.fetched(text), text)
    places.refuse("--output", text)

  @parameterized.parameters("gs://bucket/a", "gs:/bucket/a")
  def test_addresses(self, text):
    self.assertTrue(places.is_address(text))
    place = places.path(text)
    self.assertEqual(os.fspath(place), "gs://bucket/a")
    self.assertEqual(str(place / "b"), "gs://bucket/a/b")
    self.assertTrue(places.is_address(place))
    self.assertTrue(places.is_address(pathlib.Path(text)))
    self.assertEqual(places.path(place), place)

  @parameterized.parameters("s3://a/b", "https://a/b", "gs://", "gs:/")
  def test_other_addresses(self, text):
    with self.assertRaisesRegex(
      errors.InputError, f"{text} is not an address .* gs://BUCKET/NAME"
    ):
      places.path(text)

  def test_refused(self):
    with self.assertRaisesRegex(
      errors.InputError, "^--output=gs://bucket/a is an address: name a folder"
    ):
      places.refuse("--output", "gs://bucket/a")

  def test_without_gcsfs(self):
    places._files.cache_clear()
    with (
      mock.patch("importlib.util.find_spec", return_value=None),
      self.assertRaisesRegex(errors.InputError, r"gcsfs.*srfeat_jax\[gcs\]"),
    ):
      places.path("gs://bucket/a")


class FailureTest(absltest.TestCase):
  def test_it_is_raised_and_not_told_besides(self):
    places.path("gs://bucket/a")
    from gcsfs import retry

    @retry.retry_request(retries=1)
    async def denied():
      raise retry.HttpError({"code": 403, "message": "denied"})

    handler = mock.Mock(level=logging.NOTSET)
    logging.getLogger().addHandler(handler)
    self.addCleanup(logging.getLogger().removeHandler, handler)
    with self.assertRaisesRegex(places.failures(), "denied"):
      asyncio.run(denied())
    handler.handle.assert_not_called()


class StoreTest(image_files.FolderTestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.enterClassContext(object_store.running())

  def setUp(self):
    super().setUp()
    self.place = places.path(f"{object_store.ADDRESS}/{self.id()}")

  def test_an_object_is_replaced(self):
    path = self.place / "a" / "b.txt"
    for data in (b"1", b"", b"23" * 300_000):
      atomic.replace(path, memoryview(data))
      self.assertEqual(path.read_bytes(), data)
    self.assertEqual([each.name for each in self.place.iterdir()], ["a"])
    self.assertTrue((self.place / "a").is_dir())

  def test_an_upload_that_breaks_off_leaves_the_object(self):
    # Of the stand-in: as the store does it, other tests rely on it.
    path = self.place / "a"
    atomic.replace(path, b"old")
    url = os.environ["STORAGE_EMULATOR_HOST"].rpartition(":")
    import socket

    with socket.create_connection(("127.0.0.1", int(url[2]))) as sender:
      name = str(path).removeprefix(f"{object_store.ADDRESS}/")
      sender.sendall(
        f"POST /upload/storage/v1/b/{object_store.BUCKET}/o?uploadType=media"
        f"&name={name} HTTP/1.1\r\nContent-Length: 100\r\n\r\nnew".encode()
      )
    self.assertEqual(path.read_bytes(), b"old")

  def test_copies(self):
    for name in ("run/config.json", "run/s/1/x.png", "run/c/2/d", "run2/x"):
      atomic.replace(self.place / name, name.encode())
    folder = places.fetched(
      self.place / "run", lambda name: not name.startswith("c/")
    )
    found = {
      path.relative_to(folder).as_posix(): path.read_bytes().decode()
      for path in pathlib.Path(folder).rglob("*")
      if path.is_file()
    }
    self.assertEqual(
      found, {n: f"run/{n}" for n in ("config.json", "s/1/x.png")}
    )
    file = pathlib.Path(places.fetched(f"{self.place}/run/s/1/x.png"))
    self.assertEqual(file.name, "x.png")
    self.assertEqual(file.read_bytes(), b"run/s/1/x.png")
    self.assertEqual(
      places.said(f"{file} is damaged"),
      f"{self.place}/run/s/1/x.png is damaged",
    )
    missing = places.fetched(self.place / "nothing")
    self.assertFalse(os.path.exists(missing))
    self.assertEqual(places.said(missing), f"{self.place}/nothing")

  def test_copies_stay_in_their_folder(self):
    # A store allows any name.
    with mock.patch.object(
      places, "_files", return_value=_Listing(["bucket/a/../../../x"])
    ):
      folder = places.fetched("gs://bucket/a")
    self.assertFalse(os.path.exists(folder))

  def test_a_folder_is_uploaded(self):
    self.file("from/a", b"1")
    self.file("from/b/c", b"2")
    places.upload(self.folder / "from", self.place)
    self.assertEqual((self.place / "a").read_bytes(), b"1")
    self.assertEqual((self.place / "b" / "c").read_bytes(), b"2")

  def test_no_bucket(self):
    with self.assertRaisesRegex(FileNotFoundError, "there is no bucket other"):
      places.check(places.path("gs://other/run"))
    with self.assertRaisesRegex(
      errors.InputError, "^gs://other/a cannot be written: "
    ):
      atomic.replace("gs://other/a", b"")

  def test_what_another_process_wrote_is_seen(self):
    self.assertFalse((self.place / "late").exists())
    self.assertFalse(self.place.is_dir())
    writer = threading.Thread(
      target=atomic.replace, args=(self.place / "late", b"1")
    )
    writer.start()
    writer.join()
    self.assertTrue((self.place / "late").exists())
    self.assertIn("gcsfs", sys.modules)


class _Listing:
  """A store that lists names, and must not be asked for more."""

  def __init__(self, names):
    self._names = names

  def find(self, address):
    return self._names


if __name__ == "__main__":
  absltest.main()
