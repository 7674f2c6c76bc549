"""A test of image files of all kinds."""

from srfeat_jax.image_io import pictures
from tests.support import image_files, input_kinds


class PicturesTestCase(image_files.FolderTestCase):
  def read(self, kind: str) -> pictures.Picture:
    name, content = input_kinds.KINDS[kind]
    return pictures.read(self.file(name, content()))

  def again(self, picture, name, **options) -> pictures.Picture:
    """Writes and reads."""
    pictures.write(self.folder / name, picture, **options)
    return pictures.read(self.folder / name)
