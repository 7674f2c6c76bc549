"""How processes of several machines become one run.

JAX's own runtime joins them: by what the scheduler says (Slurm, Open MPI, Cloud
TPU, GKE), or by an address that all of them are told.
"""

import collections
import dataclasses
import errno
import os
import socket
import sys
import threading
import zlib
from collections.abc import Mapping

import jax
import numpy as np
from jax.experimental import multihost_utils

from srfeat_jax import errors

# JAX's own time-out aborts the process with a stack trace, so ours comes first.
_LATER = 60  # seconds
_PROBE = 5  # seconds


@dataclasses.dataclass(frozen=True)
class Place:
  """Where this process is among those that train together.

  Attributes:
    address: "HOST:PORT" of process 0, the same in all processes.
    num_processes: how many there are.
    process_id: which one this is, from 0.
  """

  address: str
  num_processes: int
  process_id: int

  def __post_init__(self):
    """Raises `errors.InputError` unless they fit together."""
    host, _, port = self.address.rpartition(":")
    if not (host and port.isascii() and port.isdigit()) or not (
      0 < int(port) < 2**16
    ):
      raise errors.InputError(
        f"--coordinator_address={self.address} is not HOST:PORT: give a name or"
        " IP address of the machine of process 0 and a port that is free there,"
        " such as node0:12345"
      )
    if self.num_processes < 1:
      raise errors.InputError(
        f"--num_processes={self.num_processes}: expected how many processes"
        " train together, a whole number from 1"
      )
    if not 0 <= self.process_id < self.num_processes:
      raise errors.InputError(
        f"--process_id={self.process_id} with --num_processes="
        f"{self.num_processes}: expected a whole number from 0 to"
        f" {self.num_processes - 1}, another one in each process"
      )


def join(place: Place | None, timeout: int) -> None:
  """Joins the processes of a run, before JAX has done anything.

  Where not all processes come in time, the program ends here with a sentence
  and status 1: the runtime can be left in no other way.

  Args:
    place: of this process; None asks the scheduler.
    timeout: seconds in which all processes must have come.

  Raises:
    errors.InputError: there is no scheduler that says where this process is;
      the port is in use; or not all GPUs of a machine are used.
  """
  if place and place.process_id == 0:
    _check_port(place)
  timer = threading.Timer(timeout, _give_up, [place, timeout])
  timer.daemon = True
  timer.start()
  try:
    if place:
      # What a scheduler would say of devices is left aside as well.
      jax.distributed.initialize(
        *(place.address, place.num_processes, place.process_id),
        cluster_detection_method="deactivate",
        initialization_timeout=timeout + _LATER,
      )
    else:
      jax.distributed.initialize(initialization_timeout=timeout + _LATER)
  except ValueError as error:
    if place or "should be defined" not in str(error):
      raise
    raise errors.InputError(
      "--multihost: nothing here says which processes train together, as"
      " Slurm, Open MPI, Cloud TPU and GKE do: start the program by one of"
      " these (srun, mpirun), or give --coordinator_address, --num_processes"
      " and --process_id"
    ) from error
  finally:
    timer.cancel()
  check_devices(os.environ)


def check_devices(environment: Mapping[str, str]) -> None:
  """Makes sure that the GPUs which each machine was given are used.

  Must be called by all processes of a run. Whoever asks JAX for the CPU alone
  (`JAX_PLATFORMS=cpu`) gets it.

  Args:
    environment: where a scheduler says how many GPUs this machine was given.

  Raises:
    errors.InputError: the processes of some machine use fewer.
  """
  number, source = assigned_gpus(environment)
  if jax.config.jax_platforms == "cpu":  # type: ignore[attr-defined]
    number = 0
  try:
    devices = jax.local_devices()
  except RuntimeError as error:  # of a platform that was asked for
    raise errors.InputError(
      f"JAX cannot use what JAX_PLATFORMS={environment.get('JAX_PLATFORMS')}"
      f" asks for ({str(error).splitlines()[0]})"
    ) from error
  used = sum(device.platform != "cpu" for device in devices)
  if number and not used:
    # Not together with the others, whom this process could not talk to.
    raise errors.InputError(
      f"this machine was given GPUs ({source}={environment[source]}), and JAX"
      " sees none: launch/install.sh cuda installs what it needs, nvidia-smi"
      " shows whether the driver works, and JAX_PLATFORMS=cpu trains on the CPU"
    )
  machine = zlib.crc32(socket.gethostname().encode()) & 0x7FFFFFFF
  rows = multihost_utils.process_allgather(
    np.array([machine, number, used], np.int32)
  )
  complaint = unused(np.reshape(rows, (-1, 3)))
  if complaint:
    raise errors.InputError(complaint)


def assigned_gpus(environment: Mapping[str, str]) -> tuple[int, str]:
  """How many GPUs this machine was given, and which variable says so.

  Slurm counts them; Kubernetes' plug-in and container runtimes list them.

  Returns:
    The number, 0 where nothing is said.
  """
  count = environment.get("SLURM_GPUS_ON_NODE", "")
  if count.isascii() and count.isdigit():
    return int(count), "SLURM_GPUS_ON_NODE"
  listed = environment.get("NVIDIA_VISIBLE_DEVICES", "")
  if listed in ("", "all", "none", "void"):
    return 0, ""
  return len(listed.split(",")), "NVIDIA_VISIBLE_DEVICES"


def unused(rows: np.ndarray) -> str:
  """The sentence on a machine whose GPUs are not all used; "" if all are.

  Args:
    rows: for each process the number of its machine, how many GPUs that was
      given, and how many this process uses.
  """
  machines = collections.defaultdict(list)
  for process, (machine, *counts) in enumerate(rows.tolist()):
    machines[machine].append((process, *counts))
  for processes in machines.values():
    numbers, assigned, used = zip(*processes, strict=True)
    if sum(used) < max(assigned):
      return (
        f"the machine of process {numbers[0]} was given {max(assigned)} GPUs,"
        f" and {len(numbers)} of the processes run there and use {sum(used)} of"
        " them: under Slurm start a task for each GPU, with"
        f" --ntasks-per-node={max(assigned)}, or ask for fewer GPUs"
      )
  return ""


def _check_port(place: Place) -> None:
  """Makes sure that process 0 can listen; JAX would crash.

  Raises:
    errors.InputError: another program listens there.
  """
  port = int(place.address.rpartition(":")[2])
  family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
  with socket.socket(family) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
      listener.bind(("", port))
      listener.listen()
    except OSError as error:
      if error.errno not in (errno.EADDRINUSE, errno.EACCES):
        raise
      raise errors.InputError(
        f"--coordinator_address={place.address}: port {port} of this machine"
        f" cannot be used ({error.strerror}): choose another, in all processes"
      ) from error


def _give_up(place: Place | None, timeout: int) -> None:
  """Ends the program: the main thread waits in C++ and hears of nothing."""
  print(f"error: {_absent(place, timeout)}", file=sys.stderr, flush=True)
  os._exit(1)


def _absent(place: Place | None, timeout: int) -> str:
  """The sentence if not all processes have come."""
  more = "or allow them more time with --join_timeout"
  if not place:
    return (
      f"after {timeout} s not all processes of the job have joined the run:"
      " see in the logs of the others why, and whether all machines reach each"
      f" other, {more}"
    )
  host, _, port = place.address.rpartition(":")
  if place.process_id:
    try:
      socket.create_connection((host.strip("[]"), int(port)), _PROBE).close()
    except OSError as error:
      return (
        f"after {timeout} s process {place.process_id} still reaches nothing"
        f" at {place.address} ({error}): see whether process 0 runs on that"
        f" machine and a firewall lets the port through, {more}"
      )
  return (
    f"after {timeout} s not all of the {place.num_processes} processes have"
    f" come to {place.address}: see in the logs of the others why, and whether"
    f" they were given this address and each another --process_id, {more}"
  )
