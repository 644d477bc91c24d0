"""Tensors as they go to files: plain, by name, with a checksum over all of it."""

import hashlib

import torch

Tensors = dict[str, torch.Tensor]


def alone(value: torch.Tensor) -> torch.Tensor:
    """The values on the CPU, in memory of their own and in the plain order."""
    return value.detach().cpu().clone(memory_format=torch.contiguous_format)


def checksum(tensors: Tensors, text: str) -> str:
    """sha256 over the tensors, with names, shapes and types, and the text beside them."""
    hashed = hashlib.sha256(text.encode())
    for name, value in sorted(tensors.items()):
        hashed.update(f"|{name}{tuple(value.shape)}{value.dtype}|".encode())
        hashed.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return hashed.hexdigest()
