"""The program demo: its flags, and what it says where it cannot run."""

import socket

from absl.testing import absltest, parameterized

from tests.support import demo_service, programs


class ProgramTest(demo_service.ServiceTestCase):
  def test_without_gradio(self):
    code = (
      "import runpy, sys\nsys.modules['gradio'] = None\n"
      "sys.argv = ['demo', '--port=0']\n"
      "runpy.run_module('srfeat_jax.demo', run_name='__main__')\n"
    )
    self.assert_fails(programs.run(code), "Gradio", "launch/install.sh demo")

  def test_help_needs_nothing(self):
    result = programs.run("demo", "--help")
    self.assertIn("--max_megapixels", result.stdout)
    self.assertIn("--max_minutes", result.stdout)
    self.assertIn("python -m srfeat_jax.demo", result.stdout)

  @parameterized.parameters(
    (("a.png",), "a.png"),
    (("--blend=b",), "--weights"),
    (("--host=192.0.2.1",), "192.0.2.1"),
    (("--max_megapixels=-1",), "max_megapixels"),
    (("--max_minutes=-1",), "max_minutes"),
  )
  def test_wrong_flags(self, arguments, part):
    self.assert_fails(programs.run("demo", *arguments), part)

  def test_port_in_use(self):
    with socket.create_server(("127.0.0.1", 0)) as server:
      port = server.getsockname()[1]
      result = programs.run("demo", f"--port={port}")
    self.assert_fails(result, f"127.0.0.1:{port}", "in use", "--port")


if __name__ == "__main__":
  absltest.main()
