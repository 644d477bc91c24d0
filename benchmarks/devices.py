"""Devices that trials run on, as named at the command line. Finding them leaves CUDA untouched in
this process; each worker sees its own device only, through CUDA_VISIBLE_DEVICES."""

import os
import re
from dataclasses import dataclass

from benchmarks import isolate
from benchmarks.machine import memory

CPU, CUDA = "cpu", "cuda"
CHOICES = "choose auto, cpu or cuda:N"
NAMED = re.compile(r"cuda:\d+(,(cuda:)?\d+)*")


class DeviceError(Exception):
    """A device that this machine does not have; one line says which there are."""


@dataclass(frozen=True)
class Device:
    """`name` is what a worker calls it, `key` what every process of this machine calls it, `kind`
    what rows call it (its product name). `memory` is what trials may take, in bytes. `visible` is
    the worker's CUDA_VISIBLE_DEVICES."""

    name: str
    key: str
    kind: str
    memory: int
    visible: str | None = None


def find_devices(text: str) -> tuple[Device, ...]:
    """Devices as ``auto`` (every GPU, or else the CPU), ``cpu``, ``cuda`` (every GPU),
    ``cuda:0,2``, or whatever else torch knows (``mps``). Raises DeviceError."""
    if text == CPU:
        return (Device(CPU, CPU, CPU, memory()),)
    if text == "auto":
        return gpus(visible()) or find_devices(CPU)
    if text != CUDA and not NAMED.fullmatch(text):
        return (_other(text),)
    entries = visible()
    if not entries:
        raise DeviceError(f"{text}: this machine shows no GPU; {CHOICES}")
    numbers = [int(number) for number in re.findall(r"\d+", text)] or [*range(len(entries))]
    for number in dict.fromkeys(numbers):
        if number >= len(entries):
            there = ", ".join(f"cuda:{k}" for k in range(len(entries)))
            raise DeviceError(f"{text}: no cuda:{number}, there is {there}; {CHOICES}")
    return gpus([entries[number] for number in dict.fromkeys(numbers)])


def visible() -> list[str]:
    """The GPUs to see, each as CUDA_VISIBLE_DEVICES would name it: an index, a UUID, or a MIG
    instance, as the user's own CUDA_VISIBLE_DEVICES has them if it is set."""
    import torch

    count = torch.cuda.device_count()  # asks the driver's manager, so no context is made
    own = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [str(k) for k in range(count)] if own is None else own.split(",")
    return [name.strip() for name in names[:count]]


def gpus(entries: list[str]) -> tuple[Device, ...]:
    """The GPUs of these entries; each is asked in a process of its own, where CUDA may start.
    Raises DeviceError where one does not answer."""
    found = []
    for entry in entries:
        try:
            kind, size, uuid = isolate.apart(_asked, entry)
        except RuntimeError as error:
            raise DeviceError(f"GPU {entry} does not answer ({error}); {CHOICES}") from None
        key = entry if entry.startswith("MIG-") else uuid
        found.append(Device(f"{CUDA}:0", key, kind, size, entry))
    return tuple(found)


def _asked(entry: str) -> tuple[str, int, str]:
    """Product name, memory and UUID of a GPU."""
    os.environ["CUDA_VISIBLE_DEVICES"] = entry
    import torch

    told = torch.cuda.get_device_properties(0)
    return told.name, told.total_memory, f"GPU-{told.uuid}"


def _other(text: str) -> Device:
    import torch

    from baselines.saved import is_device

    if not is_device(text):
        raise DeviceError(f"{text}: torch knows none of that name; {CHOICES}")
    device = torch.device(text)
    return Device(str(device), str(device), device.type, memory())
