"""Packages as other versions would make them: the one that was built, unpacked, changed and packed
again."""
import pathlib
import shutil
import subprocess


class Variant:
    def __init__(self, package, folder):
        self.folder = pathlib.Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run(["dpkg-deb", "-R", package, self.folder], check=True)

    def edit(self, path, change):
        file = self.folder / path
        before = file.read_text()
        after = change(before)
        assert after != before, f"{path} is as it was"
        file.write_text(after)
        return self

    def version(self, version):
        """In the scripts as well, which know their own."""
        old = next(line.split(": ", 1)[1]
                   for line in (self.folder / "DEBIAN/control").read_text().splitlines()
                   if line.startswith("Version: "))
        self.edit("DEBIAN/control", lambda text: text.replace(old, version))
        if (self.folder / "DEBIAN/preinst").exists():
            self.edit("DEBIAN/preinst", lambda text: text.replace(old, version))
        return self

    def pack(self):
        to = self.folder.with_suffix(".deb")
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", self.folder, to], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.rmtree(self.folder)
        return to
