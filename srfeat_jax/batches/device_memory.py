"""Whether the training images fit in the memory of the devices."""

import math
from typing import NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from srfeat_jax import errors
from srfeat_jax.data import free_memory

# Of a device's free memory: up to this share each device has all images, and
# needs none of the others for a batch. What is left is for the training step.
_COPIED = 1 / 4
_MOST = 2 / 3


class Room(NamedTuple):
  """What is free.

  Attributes:
    devices: how many there are.
    free: bytes on each, the fewest of any.
    owner: whose memory it is, for a message.
  """

  devices: int
  free: float
  owner: str


def room(mesh: Mesh) -> Room:
  """What is free on the devices of a run; called by all processes.

  Devices that do not tell, as CPUs, share what this computer has free; where it
  does not tell either, nothing is too much.
  """
  local = mesh.local_devices
  statistics = [device.memory_stats() for device in local]
  if all(each and "bytes_limit" in each for each in statistics):
    free = min(x["bytes_limit"] - x.get("bytes_in_use", 0) for x in statistics)
    owner = local[0].device_kind
  else:
    of_host = free_memory.of_host()
    free = math.inf if of_host is None else of_host / len(local)
    owner = f"{local[0].device_kind}, which share the host's memory"
  if jax.process_count() > 1:
    free = np.min(multihost_utils.process_allgather(np.float32(free)))
  return Room(mesh.size, float(free), owner)


def is_split(num_bytes: int, room: Room) -> bool:
  """Whether images are divided between the devices, or copied to each.

  Args:
    num_bytes: of all images.
    room: what is free.

  Raises:
    errors.InputError: they do not fit either way.
  """
  split = room.devices > 1 and num_bytes > _COPIED * room.free
  share = num_bytes / room.devices if split else num_bytes
  if share > _MOST * room.free:
    each = (
      f"divided between {room.devices} devices {_said(share)} each,"
      if split
      else "on one device,"
    )
    raise errors.InputError(
      f"config.data.on_device is True, and the training images take"
      f" {_said(num_bytes)} decoded, {each} but {_said(room.free)} are free on"
      f" each ({room.owner}), of which {_said(_MOST * room.free)} may hold"
      " images, for the training step needs the rest: use fewer images, more"
      " devices, or config.data.on_device=False"
    )
  return split


def _said(num_bytes: float) -> str:
  return f"{num_bytes / 1e9:,.3g} GB"
