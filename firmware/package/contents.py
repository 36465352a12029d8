#!/usr/bin/env python3
"""Holds packages against what is said of them: the architecture in their fields and in every program, who
owns what with which mode, what is in them and nothing else, what they depend on, and that the symbols are
those of the programs.

    contents.py ARCH DEB ...
"""
import dataclasses
import io
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

# As readelf calls them.
MACHINES = {"amd64": ("ELF64", "Advanced Micro Devices X86-64"), "arm64": ("ELF64", "AArch64"),
            "armhf": ("ELF32", "ARM")}


@dataclasses.dataclass
class Said:
    """What has to be in a package; of its libraries some that it needs and some that it spares a device."""
    programs: set
    settings: set
    services: set
    pages: set
    needs: set
    spares: set


PACKAGES = {
    "wharf": Said({"wharfd", "wharfctl"}, {"wharf.toml"}, {"wharfd"},
                  {"man8/wharfd.8", "man1/wharfctl.1", "man5/wharf.toml.5"},
                  {"libc6", "libstdc++6", "liblmdb0", "libmbedtls14", "libprotobuf32",
                   "libpaho-mqttpp3-1"},
                  {"wharf-bridge"}),
    "wharf-bridge": Said({"wharf-bridge"}, {"bridge.toml"}, {"wharf-bridge"},
                         {"man8/wharf-bridge.8", "man5/wharf-bridge.toml.5"},
                         {"wharf", "libc6", "libstdc++6", "libpaho-mqtt1.3", "libprotobuf32"},
                         {"liblmdb0", "libmbedtls14", "libsodium23"}),
}
SYMBOLS = "-dbgsym"
# Folders of files that are not told apart here: pages of docs/, copyright, changelog.
DOCUMENTS = re.compile(r"usr/share/doc/(wharf[a-z-]*)/")
BUILD_ID = re.compile(r"usr/lib/debug/\.build-id/([0-9a-f]{2})/([0-9a-f]+)\.debug")


class Package:
    def __init__(self, path):
        def read(*words):
            return subprocess.run(["dpkg-deb", *words, path], check=True, capture_output=True).stdout
        self.fields = dict(re.findall(r"(?m)^(\S+): (.*)$", read("--field").decode()))
        self.name = self.fields["Package"]
        self.depends = {re.split(r"[ (:]", each.strip())[0]
                        for each in re.split(r"[,|]", self.fields.get("Depends", ""))}
        self.members, self.files, self.settings = [], {}, set()
        with tarfile.open(fileobj=io.BytesIO(read("--fsys-tarfile"))) as tar:
            self.members = tar.getmembers()
            for member in self.members:
                if member.isfile():
                    self.files[member.name.removeprefix("./")] = tar.extractfile(member).read()
        with tarfile.open(fileobj=io.BytesIO(read("--ctrl-tarfile"))) as tar:
            if "./conffiles" in tar.getnames():
                self.settings = set(tar.extractfile("./conffiles").read().decode().split())


def elf(content):
    """The header and the notes of a program or of its symbols."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return subprocess.run(["readelf", "-h", "-n", file.name], check=True, capture_output=True,
                              text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout


def machine(content):
    said = elf(content)
    return tuple(re.search(rf"{word}:\s+(.*)", said).group(1) for word in ("Class", "Machine"))


def build_id(content):
    return re.search(r"Build ID: ([0-9a-f]+)", elf(content)).group(1)


def owners_and_modes(package):
    found = []
    for member in package.members:
        if (member.uname, member.gname) != ("root", "root"):
            found.append(f"{member.name} is {member.uname}:{member.gname}'s")
        wanted = 0o755 if member.isdir() or member.name.startswith("./usr/bin/") else 0o644
        if not member.isdir() and not member.isfile():
            found.append(f"{member.name} is neither a file nor a folder")
        elif member.mode != wanted:
            found.append(f"{member.name} has mode {member.mode:o} and not {wanted:o}")
    return found


def contents(package, said):
    """What is missing, and what is there besides."""
    wanted = {f"usr/bin/{name}" for name in said.programs}
    wanted |= {f"usr/share/bash-completion/completions/{name}" for name in said.programs}
    wanted |= {f"etc/wharf/{name}" for name in said.settings}
    wanted |= {f"lib/systemd/system/{name}.service" for name in said.services}
    wanted |= {f"usr/share/man/{name}.gz" for name in said.pages}
    wanted |= {f"usr/lib/{kind}.d/{package.name}.conf" for kind in ("sysusers", "tmpfiles")}
    there = {name for name in package.files
             if not (DOCUMENTS.match(name) and DOCUMENTS.match(name).group(1) == package.name)}
    found = [f"{name} is missing" for name in sorted(wanted - there)]
    found += [f"{name} is not expected" for name in sorted(there - wanted)]
    if package.settings != {f"/etc/wharf/{name}" for name in said.settings}:
        found.append(f"the settings that dpkg keeps are {sorted(package.settings)}")
    found += [f"does not depend on {name}" for name in sorted(said.needs - package.depends)]
    found += [f"depends on {name}" for name in sorted(said.spares & package.depends)]
    return found


def symbols(package, of):
    """Each program's, by its build id, and no others."""
    there = {"".join(BUILD_ID.fullmatch(name).groups()): content
             for name, content in package.files.items() if BUILD_ID.fullmatch(name)}
    programs = {build_id(content): name for name, content in of.files.items()
                if name.startswith("usr/bin/")}
    found = [f"no symbols of {programs[each]}" for each in sorted(programs.keys() - there.keys())]
    found += [f"symbols {each} of nothing in {of.name}" for each in sorted(there.keys() - programs.keys())]
    found += [f"symbols {each} say {build_id(content)}" for each, content in sorted(there.items())
              if build_id(content) != each]
    return found


def check(arch, packages):
    """Every finding about these packages, which have to be all that are made."""
    by_name = {each.name: each for each in packages}
    wanted = {name + end for name in PACKAGES for end in ("", SYMBOLS)}
    found = [f"{name}: there is no such package" for name in sorted(wanted - by_name.keys())]
    found += [f"{name}: nobody asked for it" for name in sorted(by_name.keys() - wanted)]
    versions = {each.fields["Version"] for each in packages}
    if len(versions) > 1:
        found.append(f"several versions: {sorted(versions)}")
    for name in sorted(wanted & by_name.keys()):
        package = by_name[name]
        own = owners_and_modes(package)
        if package.fields["Architecture"] != arch:
            own.append(f"is for {package.fields['Architecture']}, not {arch}")
        own += [f"{file} is for {' '.join(machine(content))}, not {arch}"
                for file, content in package.files.items()
                if content[:4] == b"\x7fELF" and machine(content) != MACHINES[arch]]
        if name in PACKAGES:
            own += contents(package, PACKAGES[name])
        elif name.removesuffix(SYMBOLS) in by_name:
            own += symbols(package, by_name[name.removesuffix(SYMBOLS)])
        found += [f"{name}: {what}" for what in own]
    return found


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in MACHINES:
        sys.exit(__doc__)
    packages = [Package(pathlib.Path(each)) for each in sys.argv[2:]]
    found = check(sys.argv[1], packages)
    print("\n".join(found + [f"{sys.argv[1]}: {len(found)} findings in {len(packages)} packages"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
