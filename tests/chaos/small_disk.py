"""A small ext4 of its own on a loop device, which another process can fill to the last block."""
import os
import pathlib
import subprocess

import rig


class NoMounts(Exception):
    """This user, or this container, may not mount: no verdict about anything."""


class SmallDisk:
    def __init__(self, folder, place, size_mb, features=()):
        self.image = pathlib.Path(folder) / "disk.img"
        self.place = pathlib.Path(place)
        self.filler = self.place / "somebody-elses"
        self.place.mkdir(exist_ok=True)
        with open(self.image, "wb") as file:
            file.truncate(size_mb << 20)
        options = ["-O", ",".join(features)] if features else []
        try:
            # Without blocks that are kept for root: full is full for everybody.
            for words in (["mkfs.ext4", "-q", "-F", "-m", "0", *options, self.image],
                          ["mount", "-o", "loop,noatime", self.image, self.place]):
                subprocess.run([str(word) for word in words], check=True, capture_output=True,
                               text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise NoMounts(getattr(error, "stderr", None) or str(error)) from error

    def free_bytes(self):
        found = os.statvfs(self.place)
        return found.f_bavail * found.f_frsize

    def fill(self):
        """Until not even a block can be had."""
        with open(self.filler, "ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1 << 10):
                self._write(file, b"x" * size)
        if self.free_bytes() >= 1 << 14:
            raise rig.RigError(f"the disk is not full: {self.free_bytes()} bytes are left")

    @staticmethod
    def _write(file, piece):
        try:
            while True:
                file.write(piece)
                os.fsync(file.fileno())
        except OSError:
            pass  # that is what it is for

    def relieve(self):
        self.filler.unlink(missing_ok=True)
        subprocess.run(["sync", "-f", str(self.place)], check=True)

    def end(self):
        if os.path.ismount(self.place):
            subprocess.run(["umount", str(self.place)], check=True)
        self.image.unlink(missing_ok=True)
