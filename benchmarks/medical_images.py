"""Medical images that pydicom and nibabel carry for their tests, as files for ``bwtheory reproduce between-ct --image``.

``pip install pydicom nibabel``, then ``python benchmarks/medical_images.py FOLDER``.  Each is one slice, stretched to [0, 1].
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np


def slices() -> dict[str, np.ndarray]:
    """Pixels (H, W) by name."""
    import nibabel
    import pydicom
    from pydicom.data import get_testdata_file

    dicom = {"vertebra": "CT_small.dcm", "abdomen": "examples_overlay.dcm"}
    found = {name: pydicom.dcmread(str(get_testdata_file(file))).pixel_array for name, file in dicom.items()}
    data = Path(nibabel.__file__).parent / "tests" / "data"
    brain, bottle = (
        np.asanyarray(nibabel.load(data / file).dataobj) for file in ("example4d.nii.gz", "phantom_EPI_asc_CLEAR_2_1.PAR")
    )
    return found | {"brain": np.rot90(brain[:, :, 12, 0]), "bottle": np.rot90(bottle[:, :, 4, 0])}


def main() -> None:
    """Write NAME.npy for each."""
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("folder", type=Path)
    folder = flags.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, pixels in slices().items():
        values = pixels.astype(np.float64)
        np.save(folder / f"{name}.npy", (values - values.min()) / np.ptp(values))


if __name__ == "__main__":
    main()
