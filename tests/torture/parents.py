"""Processes that end with the one that started them, and what they have mounted with them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from pathlib import Path

_DIES_WITH_PARENT = 1  # of Linux's prctl: PR_SET_PDEATHSIG
_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000  # of Linux's unshare: CLONE_NEWNS, CLONE_NEWUSER
_libc = ctypes.CDLL(None, use_errno=True)  # looked up before there are forks


def ends_with_its_parent() -> None:
    """From now on ``kill -9`` to the parent kills this process, too, where the system is Linux."""
    if hasattr(_libc, "prctl"):
        _libc.prctl(_DIES_WITH_PARENT, signal.SIGKILL)


def mount_small_disk(folder: Path, size: int) -> str:
    """Mount a file system in memory that nobody else sees and that ends with this process; in words why not, or nothing.

    It is in a mount namespace of this process and its children: where only root may make one, in one of a user namespace.
    """
    if not hasattr(_libc, "unshare"):
        return "this system has no mount namespaces"
    user, group = os.getuid(), os.getgid()
    if _libc.unshare(_NEW_MOUNTS) != 0:
        if _libc.unshare(_NEW_MOUNTS | _NEW_USER) != 0:
            return f"no mount namespace can be made here ({os.strerror(ctypes.get_errno())})"
        with contextlib.suppress(OSError):  # older kernels have no such file, and need none
            Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    for words in (
        ["mount", "--make-rprivate", "/"],
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "torture", str(folder)],
    ):
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        except OSError as error:
            return f"{words[0]} cannot be run here ({error.strerror})"
        if done.returncode:
            return f"no small file system can be mounted here ({done.stderr.strip()})"
    return ""
