"""Serving a study, to raters and to others."""

import concurrent.futures
import http.client
import json
import threading

from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.mos import collected, server, store
from srfeat_jax.mos import study as study_lib
from tests.support import image_files, opinion_studies


class ServerTest(image_files.FolderTestCase, parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.study = opinion_studies.build(self.folder / "study")
    self.results = self.folder / "results"
    store_ = self.enter_context(store.opened(self.results))
    self.server = self.enter_context(
      server.Server(
        *(self.study, self.folder / "study", store_, "127.0.0.1", 0),
        names=["Proxy.example"],
      )
    )
    thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
    thread.start()
    self.addCleanup(thread.join)
    self.addCleanup(self.server.shutdown)
    self.port = self.server.server_address[1]

  def ask(self, method, path, body=None, headers=None):
    """Returns the status, the headers and the content."""
    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
    try:
      connection.request(method, path, body, headers or {})
      answer = connection.getresponse()
      return answer.status, answer.headers, answer.read()
    finally:
      connection.close()

  def post(self, body, kind="application/json", **headers):
    """Sends a submission; returns the status and the sentence, if any."""
    headers = {"Content-Type": kind} | headers
    status, _, content = self.ask("POST", "/submissions", body, headers)
    return status, json.loads(content).get("error", "")

  def send(self, **changes):
    sent = opinion_studies.submission(self.study, **changes)
    return self.post(opinion_studies.encode(sent))

  def num_files(self) -> int:
    return len([*self.results.glob("*.json")])

  def test_the_page(self):
    page = self.folder / "study" / study_lib.PAGE
    for file in page.rglob("*.*"):
      path = file.relative_to(page).as_posix()
      status, headers, content = self.ask("GET", f"/{path}")
      self.assertEqual((status, content), (200, file.read_bytes()), path)
      self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
    status, headers, content = self.ask("GET", "/?from=mail")
    self.assertEqual(content, (page / "index.html").read_bytes())
    self.assertStartsWith(headers["Content-Type"], "text/html")
    status, headers, content = self.ask("HEAD", "/page.js")
    self.assertEqual((status, content), (200, b""))

  @parameterized.parameters(
    "/key.json",
    "/../key.json",
    "/images/../../key.json",
    "/%2e%2e/key.json",
    "/images/%2e%2e%2f%2e%2e%2fkey.json",
    "//etc/passwd",
    "/images",
    "/images/",
    "/index.html/",
    "/results",
    "*",
    "/page.js%00",
    "http://127.0.0.1/key.json",
  )
  def test_nothing_else_is_served(self, path):
    status, _, content = self.ask("GET", path)
    self.assertEqual(status, 404)
    self.assertEqual(json.loads(content), {"error": "there is nothing here"})

  def test_methods(self):
    for method, path, expected in (
      ("GET", "/submissions", 405),
      ("POST", "/", 404),
      ("POST", "/key.json", 404),
      ("PUT", "/index.html", 501),
      ("DELETE", "/submissions", 501),
    ):
      status, _, content = self.ask(method, path, b"{}")
      self.assertEqual(status, expected, (method, path))
      self.assertIn("error", json.loads(content))

  def test_a_submission(self):
    sent = opinion_studies.submission(self.study)
    body = opinion_studies.encode(sent)
    origin = f"http://127.0.0.1:{self.port}"
    self.assertEqual(self.post(body, Origin=origin)[0], 201)
    # Sent again, as after a lost answer.
    self.assertEqual(self.post(body, Origin=origin)[0], 200)
    changed = opinion_studies.encode(sent | {"revision": 99})
    self.assertEqual(self.post(changed)[0], 409)
    (file,) = self.results.glob("*.json")
    self.assertEqual(json.loads(file.read_bytes()), sent)

  def test_fifty_at_once(self):
    start = threading.Barrier(50)

    def send(index):
      start.wait()
      return self.send(rater=f"{index:032x}")

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
      answers = list(pool.map(send, range(50)))
    self.assertEqual(answers, [(201, "")] * 50)
    found = collected.read(self.study, self.results)
    self.assertEqual(found.raters, tuple(f"{i:032x}" for i in range(50)))
    self.assertTrue((found.scores == 3).all())

  def test_hostile_content(self):
    right = opinion_studies.encode(opinion_studies.submission(self.study))
    for body, kind, expected in (
      (b"{}", "application/json", 400),
      (b"\xff", "application/json", 400),
      (b"[" * 4000, "application/json", 400),
      (right.replace(b'"score": 3', b'"score": 9'), "application/json", 400),
      (right.replace(b'"score": 3', b'"score": NaN'), "application/json", 400),
      (b" " * 2_000_000, "application/json", 413),
      (right, "text/plain", 415),
      (right, "application/x-www-form-urlencoded", 415),
      (right, "", 415),
    ):
      status, sentence = self.post(body, kind)
      self.assertEqual(status, expected, body[:50])
      self.assertNotEmpty(sentence)
    self.assertEqual(self.num_files(), 0)
    self.assertEqual(self.send()[0], 201)

  def test_lengths(self):
    for headers, expected in (
      ({"Content-Length": "x"}, 400),
      ({"Content-Length": "-1"}, 400),
      ({"Content-Length": "99999999999"}, 413),
      ({"Transfer-Encoding": "chunked"}, 411),
    ):
      connection = http.client.HTTPConnection("127.0.0.1", self.port)
      connection.putrequest("POST", "/submissions")
      for name, value in headers.items():
        connection.putheader(name, value)
      connection.endheaders()
      connection.sock.shutdown(1)  # nothing follows
      self.assertEqual(connection.getresponse().status, expected, headers)
      connection.close()

  @parameterized.parameters(
    ("localhost", True),
    ("[::1]:80", True),
    ("192.0.2.7:8000", True),
    ("PROXY.example", True),
    ("127.0.0.1.evil.example", False),
    ("evil.example", False),
    ("", False),
    ("[", False),
  )
  def test_hosts(self, host, allowed):
    """Another site whose name is made to lead here (DNS rebinding)."""
    for status in (
      self.ask("GET", "/", headers={"Host": host})[0],
      self.post(b"{}", Host=host)[0],
    ):
      self.assertEqual(status == 421, not allowed, status)

  def test_pages_of_other_sites(self):
    body = opinion_studies.encode(opinion_studies.submission(self.study))
    for headers in (
      {"Origin": "http://evil.example"},
      {"Origin": "null"},
      {"Origin": f"http://127.0.0.1:{self.port + 1}"},
      {"Origin": f"http://evil.example/127.0.0.1:{self.port}"},
      {"Sec-Fetch-Site": "cross-site"},
    ):
      self.assertEqual(self.post(body, **headers)[0], 403, headers)
    self.assertEqual(self.num_files(), 0)

  def test_a_full_store(self):
    self.server.store = store.Store(self.results, most=0)
    self.assertEqual(self.send()[0], 507)

  def test_addresses(self):
    folder, empty = self.folder / "study", self.folder / "empty"
    arguments = self.study, folder, self.server.store
    for host, port in (("127.0.0.1", self.port), ("192.0.2.1", 0)):
      with self.assertRaisesRegex(errors.InputError, "--port"):
        server.Server(*arguments, host, port)
    with self.assertRaisesRegex(errors.InputError, "index.html is missing"):
      server.Server(self.study, empty, self.server.store, "127.0.0.1", 0)


if __name__ == "__main__":
  absltest.main()
