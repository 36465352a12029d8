#!/usr/bin/env python3
"""What a cross build takes on the device: its programs, stripped, and every shared library that they
bring beyond the base system: the C library, the compiler's own (libc6 and libgcc-s1, which every Debian
has) and OpenSSL (libssl3, without which Debian 12's systemd is not installed; Wharf is a service of
systemd). What OpenSSL takes is said all the same.

    sizes.py ARCH [--json]

Fails where a limit is exceeded: 8 MB for wharfd or wharf-bridge itself, 16 MB with all of its libraries.
"""
import json
import pathlib
import sys

from elf import Elf

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAMS = {"wharfd": "firmware/wharfd/wharfd", "wharfctl": "firmware/ctl/wharfctl",
            "wharf-bridge": "firmware/bridge/wharf-bridge"}
DAEMONS = ("wharfd", "wharf-bridge")
BASE = ("libc.so.", "libm.so.", "libpthread.so.", "libdl.so.", "librt.so.", "ld-linux", "libgcc_s.so.")
OF_SYSTEMD = ("libssl.so.", "libcrypto.so.")
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
    brought = {name: libraries(path, folders) for name, path in programs.items()}
    base = {name: size for libraries_of in brought.values() for name, size in libraries_of.items()
            if name.startswith(OF_SYSTEMD)}
    brought = {name: {library: size for library, size in libraries_of.items() if library not in base}
               for name, libraries_of in brought.items()}
    total = {name: own[name] + sum(brought[name].values()) for name in DAEMONS}
    # What a device with wharf has already is not counted again.
    further = {name: {library: size for library, size in brought[name].items()
                      if library not in brought["wharfd"]} for name in ("wharfctl", "wharf-bridge")}
    beside = own["wharf-bridge"] + sum(further["wharf-bridge"].values())
    if "--json" in sys.argv[2:]:
        print(json.dumps({"arch": arch, "programs": own, "libraries": brought["wharfd"], "in_all": total,
                          "of_the_base_system": base, "further": further, "wharf_bridge_beside_wharfd": beside}))
    else:
        def line(name, size):
            print(f"{arch}  {name:<28}{size / 1e6:>8.2f} MB")

        def listed(sizes):
            for name, size in sorted(sizes.items(), key=lambda each: -each[1]):
                line(f"  {name}", size)
        line("wharfd", own["wharfd"])
        listed(brought["wharfd"])
        line("wharfd with libraries", total["wharfd"])
        listed(base)
        line("with those of the base", total["wharfd"] + sum(base.values()))
        line("wharfctl", own["wharfctl"])
        listed(further["wharfctl"])
        line("wharf-bridge", own["wharf-bridge"])
        listed(further["wharf-bridge"])
        line("wharf-bridge beside wharfd", beside)
    over = [name for name in DAEMONS if own[name] > OWN_MAX or total[name] > ALL_MAX]
    if over:
        print(f"sizes: {arch}: {' and '.join(over)} exceeds {OWN_MAX / 1e6:.0f} MB alone or "
              f"{ALL_MAX / 1e6:.0f} MB in all", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
