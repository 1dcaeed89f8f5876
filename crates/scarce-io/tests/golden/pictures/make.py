"""Makes the small pictures beside this script with Pillow, and what a reader must find in them.

    pip install numpy==2.2.6 pillow==13.0.0
    python make.py
"""

import json
import pathlib

import numpy as np
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent
expected = {}


def expect(name, picture):
    """What Pillow itself reads, as (channel, y, x)."""
    pixels = np.asarray(picture).astype(float)
    pixels = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)
    expected[name] = {"shape": pixels.shape, "pixels": pixels.ravel().astype(int).tolist()}


def main():
    y, x = np.indices((6, 9))
    grey = (20 * y + 10 * x).astype(np.uint8)
    colours = np.stack([grey, grey[::-1], 255 - grey], axis=2)

    Image.fromarray(grey).save(HERE / "grey.png")
    expect("grey.png", Image.open(HERE / "grey.png"))
    Image.fromarray((grey.astype(np.uint16) * 200 + 7)).save(HERE / "grey16.png")
    expect("grey16.png", Image.open(HERE / "grey16.png"))
    Image.fromarray(grey > 100).save(HERE / "bits.png")
    expect("bits.png", Image.open(HERE / "bits.png").convert("L"))
    Image.fromarray(grey[:1, :1]).save(HERE / "one.png")
    expect("one.png", Image.open(HERE / "one.png"))

    palette = Image.fromarray(colours).quantize(16)
    palette.save(HERE / "palette.png")
    expect("palette.png", Image.open(HERE / "palette.png").convert("RGB"))
    # Index 0 is hidden, or all are shown.
    palette.save(HERE / "palette-hides.png", transparency=int(np.asarray(palette)[0, 0]))
    palette.save(HERE / "palette-shows.png", transparency=bytes([255] * 16))
    expect("palette-shows.png", Image.open(HERE / "palette-shows.png").convert("RGB"))
    opaque = np.dstack([colours, np.full_like(grey, 255)])
    Image.fromarray(opaque).save(HERE / "alpha-shows.png")
    expect("alpha-shows.png", Image.fromarray(colours))
    opaque[2, 3, 3] = 254
    Image.fromarray(opaque).save(HERE / "alpha-hides.png")

    smooth = Image.fromarray(np.repeat(np.repeat(grey, 3, axis=0), 3, axis=1))
    smooth.save(HERE / "grey.jpg", quality=95)
    expect("grey.jpg", Image.open(HERE / "grey.jpg"))
    smooth.save(HERE / "progressive.jpg", quality=95, progressive=True)
    expect("progressive.jpg", Image.open(HERE / "progressive.jpg"))
    exif = Image.Exif()
    exif[0x0112] = 6
    smooth.save(HERE / "turned.jpg", quality=95, exif=exif)
    expect("turned.jpg", ImageOps.exif_transpose(Image.open(HERE / "turned.jpg")))
    smooth.convert("CMYK").save(HERE / "inks.jpg")
    (HERE / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
