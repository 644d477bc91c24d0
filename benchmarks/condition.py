"""The device of this process: what rows say of it, its peaks of memory, whether it still serves."""

import torch

from baselines.near import find_device
from baselines.replay import FAILED, emptied
from baselines.stack import has_bfloat16
from benchmarks.machine import forget_peak, peak_memory, provenance
from benchmarks.schema import Row


class SpentError(Exception):
    """This process is of no more use; what is left to do is for a fresh one."""


def spent(device: str) -> bool:
    """Whether this process is of no more use: its device computes no more, or cannot give back the
    memory of a recording that failed."""
    return FAILED.is_set() or not usable(device)


def usable(device: str) -> bool:
    """Whether the device still computes for this process: a GPU never does after some errors."""
    if torch.device(device).type != "cuda":
        return True
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return False
    return True


def forget(device: str) -> None:
    """Let peaks of memory count from here."""
    forget_peak()
    emptied()  # what earlier trials reserved is not this one's
    if find_device(device).type == "cuda":
        torch.cuda.reset_peak_memory_stats()


def memory_of(device: str) -> Row:
    """Peaks of the host's and of the GPU's memory, in bytes."""
    gpu = torch.cuda.max_memory_reserved() if find_device(device).type == "cuda" else None
    return {"peak_memory": peak_memory(), "peak_gpu_memory": gpu}


def facts_of(device: str) -> Row:
    """What every row says of the device, the machine and the code."""
    found = find_device(device)
    return {
        "device": torch.cuda.get_device_name(found) if found.type == "cuda" else found.type,
        "threads": torch.get_num_threads(),
        "bfloat16": has_bfloat16(found),  # what a recipe's precision None becomes
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        **provenance(),
    }
