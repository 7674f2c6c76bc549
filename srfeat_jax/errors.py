"""The exception for what the user can correct."""


class InputError(Exception):
  """A file, field or shape from the user is wrong.

  The message is all that the user sees: one sentence without a final period
  that names what is wrong, what was expected and what to do. Programs print it
  and exit with status 1; any other exception is a defect and keeps its
  traceback.
  """
