"""How much memory is free."""

from absl.testing import absltest

from srfeat_jax.data import free_memory
from tests.support import image_files


class FreeMemoryTest(image_files.FolderTestCase):
  def available(self, meminfo: str, **cgroup: str) -> int | None:
    for name, text in cgroup.items():
      self.file(f"cgroup/memory.{name}", text.encode())
    return free_memory.of_host(
      self.file("meminfo", meminfo.encode()), self.folder / "cgroup"
    )

  def test_available(self):
    meminfo = "MemTotal: 8000 kB\nMemFree: 10 kB\nMemAvailable:  5000 kB\n"
    self.assertEqual(self.available(meminfo), 5000 * 1024)
    limited = {"current": "900000", "stat": "anon 5\ninactive_file 100000\n"}
    self.assertEqual(
      self.available(meminfo, max="1000000\n", **limited), 200_000
    )
    self.assertEqual(self.available(meminfo, max="max\n"), 5000 * 1024)
    self.assertEqual(self.available(meminfo, max="100\n"), 0)

  def test_unknown(self):
    known = self.available("")
    self.assertTrue(known is None or known > 2**28)


if __name__ == "__main__":
  absltest.main()
