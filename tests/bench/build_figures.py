"""Figures of the program itself: its size, and the instructions that an event costs."""
import json
import pathlib
import re
import shutil
import subprocess

import rig
from figures import Figure, figure

# What a system has anyway.
BASE = re.compile(r"/(ld-linux|libc|libm|libstdc\+\+|libgcc_s|libpthread|libdl|librt)[-.]")


@figure("size", "of wharfd, stripped, and with the shared libraries that it brings")
def size(bench):
    stripped = bench.work / "wharfd.stripped"
    shutil.copy(bench.programs.wharfd, stripped)
    rig.run(["strip", stripped])
    libraries = [pathlib.Path(path).resolve()
                 for path in re.findall(r"=> (/\S+)", rig.run(["ldd", stripped]))
                 if not BASE.search(path)]
    brought = sum(path.stat().st_size for path in libraries)
    own = stripped.stat().st_size
    stripped.unlink()
    return [Figure("wharfd, stripped", "MB", own / 1e6, target="<= 8",
                   note="here; the target is arm64's with static third parties"),
            Figure("wharfd with its shared libraries", "MB", (own + brought) / 1e6,
                   target="<= 16", note=", ".join(sorted(path.name for path in libraries)))]


def collected(bench, count):
    folder = pathlib.Path("/dev/shm") / f"wharf-bench-{count}"
    try:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={bench.work / 'callgrind.out'}",
             bench.programs.instructions, str(count), "--path", str(rig.fresh_folder(folder) / "j")],
            capture_output=True, text=True, timeout=600, check=False)
    finally:
        rig.remove(folder)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        raise rig.BenchError(f"callgrind ended with {done.returncode}: {done.stderr[-300:]}")
    return int(found.group(1))


@figure("instructions", "of one event from its PUBLISH to its PUBACK, by callgrind")
def instructions(bench):
    few, many = (1000, 3000) if bench.quick else (2000, 12000)
    return [Figure("instructions per event", "", (collected(bench, many) - collected(bench, few))
                   / (many - few), note="groups of 100; session, intake, identity, journal, LMDB on "
                                        "a tmpfs; without sockets and threads")]


@figure("micro", "nanoseconds per event of each step alone, by Google Benchmark")
def micro(bench):
    words = [bench.programs.micro, "--benchmark_format=json",
             f"--benchmark_min_time={0.05 if bench.quick else 0.5}"]
    if not bench.quick:
        words += ["--benchmark_repetitions=3", "--benchmark_report_aggregates_only=true"]
    runs = json.loads(rig.run(words))["benchmarks"]
    return [Figure("step: " + re.sub(r"/iterations:\d+|_median$", "", run["name"]), "ns",
                   1e9 / run["items_per_second"])
            for run in runs if run.get("aggregate_name", "median") == "median"]
