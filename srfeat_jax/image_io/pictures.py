"""A person's picture files, read and written with all that is in them.

For what people want enlarged; training and benchmarks read plain pixels with
`images`. Whatever is wrong with a file, the only exception is
`errors.InputError`, in one sentence that names it.
"""

from srfeat_jax.data import picture_formats, picture_reader, picture_writer
from srfeat_jax.data.picture import Picture as Picture

# Endings that `read` can read and those that `write` can write.
READ_ENDINGS = (*picture_formats.ENDINGS, *(".avif", ".jp2", ".ppm", ".pgm"))
WRITE_ENDINGS = tuple(picture_formats.ENDINGS)
FORMATS = tuple(picture_formats.FORMATS)

read = picture_reader.read
size = picture_reader.size
from_image = picture_reader.from_image
write = picture_writer.write
check_size = picture_writer.check_size
shortened = picture_writer.shortened
