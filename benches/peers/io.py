"""Reading a compressed NIfTI volume whole: `scarce verify` beside nibabel.

The peer's time excludes starting Python and importing; ours is the whole process.
"""
# requires: numpy==2.2.6 nibabel==5.3.2

import pathlib
import subprocess
import sys
import tempfile
import time

import nibabel as nib
import numpy as np


def best_of(times, job):
    measured = []
    for _ in range(times):
        start = time.perf_counter()
        job()
        measured.append(time.perf_counter() - start)
    return min(measured)


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main(scarce):
    with tempfile.TemporaryDirectory() as folder:
        source, copy = (str(pathlib.Path(folder) / name) for name in ("source.nii.gz", "copy.nii.gz"))
        shape = (384, 384, 128)
        x, y, z = np.ogrid[: shape[0], : shape[1], : shape[2]]
        noise = np.random.default_rng(1).normal(0, 20, shape)
        voxels = (400 * np.sin(x / 40) * np.cos(y / 50) + 3 * z + noise).astype(np.int16)
        affine = np.array([[-0.7, 0, 0, 166], [0, 0.7, 0, -187], [0, 0, 2.5, -340], [0, 0, 0, 1]])
        nib.save(nib.Nifti1Image(voxels, affine), source)

        run(scarce, "convert", source, copy)
        written = nib.load(copy)
        assert np.array_equal(np.asarray(written.dataobj), voxels), "voxels differ after convert"
        assert np.allclose(written.affine, affine, atol=1e-4), f"affine differs: {written.affine}"

        theirs = best_of(3, lambda: np.asarray(nib.load(source).dataobj))
        mine = best_of(3, lambda: run(scarce, "verify", source))
        print(f"io, 384x384x128 int16 .nii.gz: equal; scarce {mine:.3f} s, nibabel {theirs:.3f} s, ratio {theirs / mine:.1f}")


if __name__ == "__main__":
    main(sys.argv[1])
