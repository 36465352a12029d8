#!/usr/bin/env python3
"""What a cross build takes on the device: its programs, stripped, and every shared library that they
bring beyond the C library and the compiler's own (libc6 and libgcc-s1, which every Debian has).

    sizes.py ARCH [--json]

Fails where a limit is exceeded: 8 MB for the daemon itself, 16 MB with all of its libraries.
"""
import json
import pathlib
import sys

from elf import Elf

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAMS = {"wharfd": "firmware/wharfd/wharfd", "wharfctl": "firmware/ctl/wharfctl"}
BASE = ("libc.so.", "libm.so.", "libpthread.so.", "libdl.so.", "librt.so.", "ld-linux", "libgcc_s.so.")
OWN_MAX, ALL_MAX = 8_000_000, 16_000_000


def libraries(program, folders):
    """Name to size of all that is needed, directly or by a library, the base apart."""
    sizes, left = {}, list(Elf(program).needed)
    while left:
        name = left.pop()
        if name in sizes or name.startswith(BASE):
            continue
        path = next((folder / name for folder in folders if (folder / name).exists()), None)
        if path is None:
            sys.exit(f"sizes: {name} is in no folder of the sysroot")
        sizes[name] = path.resolve().stat().st_size
        left += Elf(path).needed
    return sizes


def main():
    arch = sys.argv[1]
    sysroot = ROOT / "build" / "sysroot" / arch
    folders = [*(sysroot / "usr/lib").glob("*-linux-gnu*"), *(sysroot / "lib").glob("*-linux-gnu*")]
    programs = {name: ROOT / "build" / arch / path for name, path in PROGRAMS.items()}
    own = {name: path.stat().st_size for name, path in programs.items()}
    brought = libraries(programs["wharfd"], folders)
    further = libraries(programs["wharfctl"], folders).keys() - brought.keys()
    total = own["wharfd"] + sum(brought.values())
    if "--json" in sys.argv[2:]:
        print(json.dumps({"arch": arch, "programs": own, "libraries": brought, "wharfd_in_all": total}))
    else:
        for name, size in own.items():
            print(f"{arch}  {name:<24}{size / 1e6:>8.2f} MB")
        for name, size in sorted(brought.items(), key=lambda each: -each[1]):
            print(f"{arch}    {name:<22}{size / 1e6:>8.2f} MB")
        print(f"{arch}  wharfd with libraries   {total / 1e6:>8.2f} MB"
              + (f"; wharfctl further needs {', '.join(sorted(further))}" if further else ""))
    if own["wharfd"] > OWN_MAX or total > ALL_MAX:
        print(f"sizes: {arch} exceeds {OWN_MAX / 1e6:.0f} MB alone or {ALL_MAX / 1e6:.0f} MB in all",
              file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
