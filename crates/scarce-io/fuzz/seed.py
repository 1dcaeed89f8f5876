"""Fills the targets' corpora with small real files: the golden ones, this repository's manifests, and any folder given.

    seed.py [FOLDER]...

FOLDER may be the corpus of `cargo xtask parity`. Files are copied under names of their content, so that a second run adds
nothing twice.
"""

import gzip
import hashlib
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
LARGEST = 24 << 10
ENDINGS = {
    "nifti": (".nii", ".hdr"),
    "nrrd": (".nrrd", ".nhdr"),
    "metaimage": (".mha", ".mhd"),
    "dicom": (".dcm",),
}
ANNOTATIONS = {
    "images": [{"id": 1, "file_name": "a.png", "width": 4, "height": 3}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2], "segmentation": [[0, 0, 2, 0, 2, 2]]}],
    "categories": [{"id": 1, "name": "tumour"}],
}
NNUNET = {"file_ending": ".nii.gz", "channel_names": {"0": "CT"}, "labels": {"background": 0, "heart": 1}, "numTraining": 1}
DECATHLON = {"labels": {"0": "background", "1": "heart"}, "numTraining": 1, "training": [{"image": "./a.nii.gz", "label": "./b.nii.gz"}]}


def keep(target, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def main(folders):
    golden = HERE.parent / "tests/golden"
    for path in sorted(path for folder in [golden, *folders] for path in pathlib.Path(folder).rglob("*")):
        if not path.is_file() or path.stat().st_size > LARGEST:
            continue
        name, data = path.name.lower(), path.read_bytes()
        for target, endings in ENDINGS.items():
            if name.endswith(endings):
                keep(target, data)
        if name.endswith(".nii.gz"):
            plain = gzip.decompress(data)
            if len(plain) > LARGEST:
                continue
            keep("gzip", b"\0\0" + data)
            for mode in (b"\1\x80", b"\2\x80", b"\3\x10"):
                keep("gzip", mode + plain)
    slices = [(golden / name).read_bytes() for name in ("native.dcm", "rle.dcm")]
    keep("dicom", b"\0next\0".join(slices))
    for path in (HERE.parents[2] / "datasets").glob("*.toml"):
        keep("manifest", b"\0" + path.read_bytes())
    for kind, told in [(1, NNUNET), (1, DECATHLON), (2, ANNOTATIONS), (3, {"Name": "a", "BIDSVersion": "1.9.0"})]:
        keep("manifest", bytes([kind]) + json.dumps(told).encode())
    keep("manifest", b"\4participant_id\tage\nsub-01\t40\n")


if __name__ == "__main__":
    main(sys.argv[1:])
