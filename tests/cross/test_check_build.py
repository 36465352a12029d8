#!/usr/bin/env python3
"""check_build.py can fail: each promise of a build is broken once."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "cross"))
import check_build  # noqa: E402
from elf import Elf  # noqa: E402

PROGRAM = r"""
#include <cstdio>
#include <cstring>
#include <vector>
int main(int count, char** words) {
    char copy[64];
    std::vector<char> bytes(64);
    std::memcpy(copy, words[0], static_cast<unsigned>(count));
    std::printf("%s %d\n", copy, bytes[static_cast<unsigned>(count)]);
}
"""
GOOD = ["-O2", "-fPIE", "-pie", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2",
        "-D_GLIBCXX_ASSERTIONS", "-Wl,-z,relro,-z,now,-z,noexecstack"]
MAP = """\
LOAD /build/arm64/main.o
LOAD gateway/libwharf.a
LOAD /tmp/ccAb12.ltrans0.ltrans.o
LOAD /sysroot/usr/lib/libm.so
"""


class Hardening(unittest.TestCase):
    def findings(self, *more):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / "main.cpp"
            source.write_text(PROGRAM)
            program = pathlib.Path(folder) / "main"
            subprocess.run(["g++", *GOOD, *more, "-o", program, source], check=True)
            return " ".join(check_build.hardening(Elf(program)))

    def test_what_has_everything_has_no_finding(self):
        self.assertEqual(self.findings(), "")

    def test_each_part_is_missed(self):
        for words, more in (
                ("not position independent", ["-fno-pie", "-no-pie"]),
                ("bound late", ["-Wl,-z,lazy"]),
                ("no read-only relocations", ["-Wl,-z,norelro"]),
                ("the stack is executable", ["-Wl,-z,execstack"]),
                ("folders of its own", ["-Wl,-rpath,/opt/lib"]),
                ("no stack protector", ["-fno-stack-protector"]),
                ("no checked C library calls", ["-U_FORTIFY_SOURCE"]),
                ("no checked standard library", ["-U_GLIBCXX_ASSERTIONS"])):
            with self.subTest(words):
                self.assertIn(words, self.findings(*more))


class Names(unittest.TestCase):
    def test_a_library_from_elsewhere_is_found(self):
        allowed = [pathlib.Path("/sysroot"), pathlib.Path("/build/arm64")]
        self.assertEqual(check_build.strangers(MAP, allowed), [])
        stranger = MAP + "LOAD /usr/aarch64-linux-gnu/lib/libm.so.6\nLOAD /sysroot2/libz.so\n"
        self.assertEqual(len(check_build.strangers(stranger, allowed)), 2)
        self.assertEqual(len(check_build.strangers("", allowed)), 1)

    def test_what_debian_12_does_not_have_is_found(self):
        self.assertEqual(check_build.too_new({"GLIBC_2.36", "GLIBCXX_3.4.30", "GLIBC_PRIVATE"}), [])
        self.assertEqual(len(check_build.too_new({"GLIBC_2.38", "GLIBCXX_3.4.31"})), 2)

    def test_a_call_with_32_bit_times_or_offsets_is_found(self):
        libc = {"stat", "stat64", "__stat64_time64", "clock_gettime", "__clock_gettime64", "read",
                "open", "open64"}
        self.assertEqual(
            check_build.narrow_calls({"read", "__clock_gettime64", "open64"}, libc), [])
        found = check_build.narrow_calls({"stat", "clock_gettime", "open", "read"}, libc)
        self.assertEqual(len(found), 3)

    def test_a_library_that_ends_in_2038_is_found(self):
        found = check_build.narrow_libraries({
            "_ZNSt10filesystem6statusERKNS_7__cxx114pathE",
            "_ZNSt6chrono3_V212system_clock3nowEv",
            "_ZN6spdlog7details2os9localtimeERKl"})
        self.assertEqual(len(found), 3)
        self.assertEqual(check_build.narrow_libraries({
            "_ZNSt6chrono3_V212steady_clock3nowEv", "_ZNSt10filesystem7__cxx114path14_M_split_cmptsEv",
            "mdb_env_open"}), [])


if __name__ == "__main__":
    unittest.main()
