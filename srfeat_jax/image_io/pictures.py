"""Image files, read and written with all that is in them, as `Picture`.

For the images that people upscale; training and benchmarks read 8-bit arrays
with `images`. Whatever is wrong with a file, the only exception is
`errors.InputError`, one sentence that names it.
"""

from srfeat_jax.image_io import formats, reader, unread, writer
from srfeat_jax.image_io.picture import Picture as Picture

# File extensions that `read` can read and those that `write` can write.
READ_EXTENSIONS = tuple(formats.READ_EXTENSIONS)
WRITE_EXTENSIONS = tuple(formats.WRITE_EXTENSIONS)
FORMATS = formats.WRITTEN
READ_FORMATS = formats.FORMATS

# Kinds of files that are not read.
HEIC = unread.HEIC
kind_of = unread.kind_of
left_out_sentences = unread.sentences

read = reader.read
size = reader.size
from_image = reader.from_image
write = writer.write
check_size = writer.check_size
limit_frames = writer.limit_frames
