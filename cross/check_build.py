#!/usr/bin/env python3
"""Holds the programs of a build against what docs/cross.md promises of them.

    check_build.py BUILD_FOLDER

Of every build: hardened, no path of the machine that built it, nothing newer than Debian 12. Of a
cross build also: every library and start file came from the sysroot (Debian's cross compiler knows
its own copy of the C library and would take libm from it), and on 32-bit ARM every call that has a
64-bit form is made in that form and nothing is asked of a library that still counts time in 32 bits.
"""
import pathlib
import re
import sys

from elf import Elf, demangled

PROGRAMS = ("firmware/wharfd/wharfd", "firmware/ctl/wharfctl", "firmware/bridge/wharf-bridge")
DEBIAN_12 = {"GLIBC": (2, 36), "GLIBCXX": (3, 4, 30), "CXXABI": (1, 3, 13), "GCC": (12, 0, 0)}
# Debian 12's libraries for 32-bit ARM have a 32-bit time_t. After 2038 these of them fail, or worse,
# answer something. Paths are looked at with stat(2), clocks read with clock_gettime(2), by ourselves.
NARROW_CXX = re.compile(
    r"^std::filesystem::(?!__cxx11::path\b|absolute\(|current_path\()\w+"
    r"|^std::chrono::_V2::system_clock::now\(|_M_futex_wait_until\("
    r"|^spdlog::details::os::|TimeUtil::.*(TimeT|Timeval)|TimeUtil::GetCurrentTime")
# What optimisation at link time makes of the build's own objects, in the folder for temporary files.
LTO_SCRATCH = re.compile(r"/cc\w+\.(ltrans\d+\.ltrans|debug\.temp)\.o$")
PACIASP = bytes.fromhex("3f2303d5")


def hardening(elf):
    """What of the hardening is missing."""
    found = []
    if not re.search(r"Type:\s+DYN", elf.header) or "PIE" not in elf.dynamic:
        found.append("not position independent (PIE)")
    if "BIND_NOW" not in elf.dynamic and "Flags: NOW" not in elf.dynamic:
        found.append("functions are bound late (-z now)")
    if "GNU_RELRO" not in elf.segments:
        found.append("no read-only relocations (-z relro)")
    stack = re.search(r"GNU_STACK.*", elf.segments)
    if not stack or re.search(r"\bRWE\b", stack.group()):
        found.append("the stack is executable")
    if re.search(r"LOAD.*\bRWE\b", elf.segments):
        found.append("a segment is writable and executable")
    if "TEXTREL" in elf.dynamic:
        found.append("code is relocated (TEXTREL)")
    if re.search(r"\((RPATH|RUNPATH)\)", elf.dynamic):
        found.append("looks for libraries in folders of its own (RPATH)")
    if "__stack_chk_fail" not in elf.imports:
        found.append("no stack protector")
    if not any(name.startswith("__") and name.endswith("_chk") for name in elf.imports):
        found.append("no checked C library calls (_FORTIFY_SOURCE)")
    if not any("glibcxx_assert_fail" in name for name in elf.imports):
        found.append("no checked standard library (_GLIBCXX_ASSERTIONS)")
    if elf.is_arm64 and elf.path.read_bytes().count(PACIASP) < 100:
        found.append("return addresses are not signed (-mbranch-protection)")
    return found


def too_new(versions):
    """Symbol versions that Debian 12 does not have."""
    found = []
    for version in sorted(versions):
        match = re.fullmatch(r"(GLIBC|GLIBCXX|CXXABI|GCC)_([\d.]+)", version)
        if match:
            numbers = tuple(int(part) for part in match.group(2).split("."))
            if numbers > DEBIAN_12[match.group(1)]:
                found.append(f"needs {version}, newer than Debian 12")
    return found


def strangers(link_map, allowed):
    """Files of a link that are in none of these folders. Names without a folder are the build's."""
    loads = re.findall(r"^LOAD (/.+)$", link_map, re.MULTILINE)
    if not loads:
        return ["the link map names no file"]
    loads = [name for name in loads if not LTO_SCRATCH.search(name)]
    folders = [str(folder).rstrip("/") + "/" for folder in allowed]
    names = sorted({name for name in loads
                    if not any(name.startswith(folder) for folder in folders)})
    return [f"links {name}, which is not the sysroot's" for name in names]


def narrow_calls(imports, libc_exports):
    """Calls of the C library that have a form with a 64-bit time_t or off_t, and are not it."""
    found = []
    for name in sorted(imports):
        wide = [form for form in (name + "64", f"__{name}64", f"__{name}_time64", f"__{name}64_time64")
                if form in libc_exports]
        if wide and name in libc_exports:
            found.append(f"calls {name}, which has a 64-bit form: {wide[0]}")
    return found


def narrow_libraries(imports):
    """Functions of libraries that count time in 32 bits."""
    return [f"calls {name}: on 32-bit ARM it ends in 2038" for name in demangled(imports)
            if NARROW_CXX.search(name)]


def sysroot_of(build):
    cache = (build / "CMakeCache.txt").read_text()
    match = re.search(r"^CMAKE_TOOLCHAIN_FILE:\w+=.*/(arm64|armhf)\.cmake$", cache, re.MULTILINE)
    root = re.search(r"^CMAKE_HOME_DIRECTORY:\w+=(.*)$", cache, re.MULTILINE).group(1)
    return pathlib.Path(root), match and pathlib.Path(root) / "build" / "sysroot" / match.group(1)


def check(build, program):
    elf = Elf(build / program)
    root, sysroot = sysroot_of(build)
    found = hardening(elf) + too_new(elf.versions)
    text = elf.path.read_bytes()
    if sysroot and str(root).encode() in text:
        found.append(f"names {root}, where it was built")
    if not sysroot:
        return found
    if ".debug_info" in elf.sections or ".symtab" in elf.sections:
        found.append("is not stripped")
    if ".gnu_debuglink" not in elf.sections:
        found.append("does not name its debug symbols")
    symbols = build / "symbols"
    if not (symbols / f"{elf.path.name}.debug").exists():
        found.append("has no debug symbols beside it")
    link_map = (symbols / f"{elf.path.name}.map").read_text(errors="replace")
    found += strangers(link_map, [sysroot, build])
    if not elf.is_64_bit:
        libc = Elf(next((sysroot / "lib").glob("*/libc.so.6")))
        found += narrow_calls(elf.imports, libc.exports) + narrow_libraries(elf.imports)
    return found


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    findings = [f"{program}: {what}" for program in PROGRAMS for what in check(build, program)]
    print("\n".join(findings + [f"{build.name}: {len(findings)} findings in {len(PROGRAMS)} programs"]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
