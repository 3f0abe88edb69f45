"""Datasets that are read: bytes of the file where they are the elements, the rest by HDF5."""

import numpy as np
from h5py import h5d, h5f, h5s

from filexchange import capabilities, files
from filexchange.aliases import Array, DType, Shape, Slices
from filexchange.formats.base import StoredArray
from filexchange.formats.hdf5_dtypes import raw_type
from filexchange.formats.hdf5_tree import Found
from filexchange.ranges import run_of


class Reading:
    """A dataset of a file that is open for reading, and closed with it.

    What lies in the file in one piece is read from there, through HDF5's own descriptor: so it is
    the file that HDF5 has checked and locked, and h5py, which runs one call at a time in a
    process, is not in the way of threads. It is not mapped, because others change HDF5 files in
    place, and HDF5's lock, which keeps them from it, ends when the file is closed.

    Parameters
    ----------
    path : str
    file : h5py.h5f.FileID
        The file, of which the caller keeps no reference.
    found : Found
    stored : StoredArray
        What the dataset is in our words.
    """

    def __init__(self, path: str, file: h5f.FileID, found: Found, stored: StoredArray) -> None:
        self.shape: Shape = stored.shape
        self.dtype: DType = stored.dtype
        self._path = path
        self._file = file
        self._dataset = found.id
        self._type = found.type
        self._offset = _offset(file, found, stored)
        # Asked for once, as h5py may be busy later.
        self._fd = -1 if self._offset is None else file.get_vfd_handle()

    def __getitem__(self, region: Slices) -> Array:
        shape = tuple(len(range(part.start, part.stop, part.step)) for part in region)
        first = run_of(region, self.shape)
        if first is None or self._offset is None:
            return self._converted(region, shape)
        return files.read_array(
            self._fd,
            self._path,
            shape=shape,
            dtype=self.dtype,
            offset=self._offset + first * self.dtype.itemsize,
        )

    def _converted(self, region: Slices, shape: Shape) -> Array:
        array = np.empty(shape, self.dtype)
        if array.size:
            elements = self._dataset.get_space()
            if shape:
                elements.select_hyperslab(
                    tuple(part.start for part in region),
                    shape,
                    tuple(part.step for part in region),
                )
            # An array of one's own dtype: h5py's has notes about HDF5's types.
            self._dataset.read(_space(shape), elements, array.view(self._type.dtype))
        return array

    def close(self) -> None:
        """Close the file, by letting go of all that is open of it; nobody else has it."""
        del self._dataset, self._type, self._file, self._fd


def offset_of(dataset: h5d.DatasetID, nbytes: int) -> int | None:
    """Return the byte of the file at which a dataset's elements begin, None if they have no place.

    Parameters
    ----------
    dataset : h5py.h5d.DatasetID
    nbytes : int
        Of all elements.
    """
    # In a file with a user block HDF5 names a place also where there is none.
    if not nbytes or dataset.get_storage_size() != nbytes:
        return None
    offset: int | None = dataset.get_offset()  # None for chunks
    return offset


def _offset(file: h5f.FileID, found: Found, stored: StoredArray) -> int | None:
    """Return where the elements begin, if they are in the file as they are in memory."""
    if not capabilities.CAN_READ_ANYWHERE or found.properties.get_layout() != h5d.CONTIGUOUS:
        return None
    # Where this process writes to the file as well, some of it may not be there yet.
    if file.get_intent() != h5f.ACC_RDONLY or not found.type.equal(raw_type(stored.dtype)):
        return None
    return offset_of(found.id, stored.nbytes)


def _space(shape: Shape) -> h5s.SpaceID:
    return h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)
