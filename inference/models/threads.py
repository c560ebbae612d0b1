"""How many threads one network uses."""

from __future__ import annotations

import cv2
import torch


def use_threads(count: int) -> None:
    """Let every network of this process, and OpenCV, compute on `count` threads.

    A worker reads a few pictures at a time beside a receiver, a database and other workers.
    There one thread is as fast as two while the machine is idle, and many times faster while
    it is not, since threads of one operation wait for each other.
    """
    torch.set_num_threads(count)
    cv2.setNumThreads(count)
