#!/usr/bin/env python3
"""Writes the seed corpus of fuzz_import beside this folder, from a small export:

    make_seeds.py EXPORT

A seed is a list of frames (kind, length u16, content) or, after 0xff, a file as it is."""
import pathlib
import struct
import sys

CORPUS = pathlib.Path(__file__).resolve().parent.parent / "corpus" / "fuzz_import"
FRAME = struct.Struct("<cIII")


def frames_of(data):
    at = 8
    while at < len(data):
        kind, size, _, _ = FRAME.unpack_from(data, at)
        at += FRAME.size
        yield kind, data[at:at + size]
        at += size


def seed_of(frames):
    return b"".join(kind + struct.pack("<H", len(content)) + content for kind, content in frames)


def main():
    data = pathlib.Path(sys.argv[1]).read_bytes()
    header, records, trailer = frames_of(data)
    half = len(records[1]) // 2
    seeds = {
        "file": b"\xff" + data,
        "file_cut": b"\xff" + data[:-5],
        "whole": seed_of([header, records, trailer]),
        "no_records": seed_of([header, trailer]),
        "no_trailer": seed_of([header, records]),
        "twice": seed_of([header, records, records, trailer]),
        "cut_record": seed_of([header, (b"R", records[1][:half]), trailer]),
        "header_alone": seed_of([header]),
        "unknown_kind": seed_of([header, (b"X", b""), trailer]),
    }
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, content in seeds.items():
        (CORPUS / name).write_bytes(content)


if __name__ == "__main__":
    main()
