"""A step as `srfeat_jax.scaling` compiles it, with figures made up."""

from srfeat_jax.scaling import collectives, step_compilation


def step(*sent: collectives.Collective) -> step_compilation.CompiledStep:
  """A step of 10 ms by its operations, and by its memory traffic, on a v5e.

  Args:
    *sent: what chips send each other in it.
  """
  return step_compilation.CompiledStep(
    step_flops=16e12,
    flops=1.97e12,
    num_bytes=819e7,
    cycles=30_000_000,
    memory=step_compilation.Memory(2**30, 0, 2**31, 2**20),
    sent=list(sent),
    has_loop=False,
    seconds=12.3,
    compiled=None,
  )
