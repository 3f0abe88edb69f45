"""The friendly functions: save, load, open and create arrays in files of any format."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from filexchange import files
from filexchange.aliases import Array, ChunksLike, DType, Indexable, Mode, Order, PathLike, Shape
from filexchange.dtypes import check_dtype
from filexchange.errors import BadArrayFileError, UnsupportedArrayError, UnsupportedOptionError
from filexchange.formats import Format, StoredArray, WriteOptions
from filexchange.geometry import is_possible, lengths_of
from filexchange.manners import Manner
from filexchange.options import checked_key, resolve_target, unsupported
from filexchange.ref import ArrayRef
from filexchange.sources import as_source
from filexchange.tuning.subjects import Subject, Together
from filexchange.tuning.uses import Use


def save(
    path: PathLike,
    array: Any,
    *,
    format: str | None = None,
    key: str | None = None,
    chunks: ChunksLike = None,
    shards: ChunksLike = None,
    compression: str | None = None,
    attrs: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    for_: Use = "exchange",
    explain: bool = False,
) -> ArrayRef:
    """Write an array to a file, which appears complete or not at all.

    Parameters
    ----------
    path : path-like
        Where to. Its suffix chooses the format unless `format` does.
    array : array_like or lazy array
        An ndarray or what ``numpy.asarray`` makes one of. An `ArrayRef`, h5py dataset, Zarr array
        or other lazy array is copied block by block in bounded memory.
    format : str, optional
        ``"npy"``, ``"raw"``, ``"npz"``, ``"hdf5"``, ``"zarr"`` or a plug-in's name. ``"auto"``
        chooses format and codec as :func:`recommend` does; of a path with a suffix, the codec.
    key : str, optional
        Name of the array in a container (``npz``, ``hdf5``, ``zarr``), with ``/`` for groups. The
        arrays that are already in the container stay.
    chunks, shards : int, tuple of int or "auto", optional
        Shape of the chunks (``hdf5``, ``zarr``) and of the shards that hold them (``zarr``).
    compression : str, optional
        A codec, or codec and level as in ``"zstd:5"``. None, the default, compresses nothing, in
        every format; but it is chosen, as with ``"auto"``, where the format is.
    attrs : mapping, optional
        Metadata that JSON can express; NumPy scalars and arrays become numbers and lists.
    overwrite : bool, optional
        Replace the file, or with `key` the array in it.
    for_ : {"exchange", "archive", "slices"}, optional
        What ``"auto"`` chooses for; see :func:`recommend`.
    explain : bool, optional
        Print why ``"auto"`` chose what it did.

    Returns
    -------
    ArrayRef

    Raises
    ------
    ArrayExistsError
        If it exists and `overwrite` is false.
    UnsupportedOptionError
        If the format cannot do what an option asks; the message names those that can.
    UnsupportedArrayError
        For object and variable-width string dtypes and for masked arrays.
    StorageFullError, ArrayAccessError, ArrayNotFoundError
        If the disk is full, or the directory not writable or not there. All errors leave what was
        at `path` as it was.

    Notes
    -----
    The array is written under a hidden name beside `path` and renamed. Readers of a file that is
    replaced keep what they have mapped. With `key`, a file of several arrays is copied to be
    changed, and others that add to it wait; :func:`save_arrays` writes many at once.

    A file of a format that was chosen has no suffix that says so; `load` and `open_array`
    recognise it by its content.

    Examples
    --------
    >>> ref = save("a.h5", np.arange(6.0), key="run1/x", compression="gzip", attrs={"unit": "m"})
    >>> ref.load(), ref.attrs["unit"]
    (array([0., 1., 2., 3., 4., 5.]), 'm')
    >>> save("b", np.zeros((1000, 1000)), format="auto", for_="archive").compression is None
    False
    """
    manner = Manner(format, compression, chunks, shards, attrs, for_, explain)
    with as_source(array) as source:
        target, fmt, options = manner.at(path, lambda: Subject.of(source), key=key)
        with saving(target, fmt, key, source, options, overwrite=overwrite) as draft:
            pass
    return dataclasses.replace(draft, path=target)


@contextlib.contextmanager
def saving(
    path: str,
    fmt: Format,
    key: str | None,
    source: Indexable,
    options: WriteOptions,
    *,
    overwrite: bool,
) -> Iterator[ArrayRef]:
    """Write a source aside and yield the reference to it there; it is published afterwards.

    If the block raises, nothing is published.
    """
    key = checked_key(fmt, key)
    with fmt.publishing(path, key, overwrite=overwrite) as aside:
        yield ArrayRef(aside, fmt.name, fmt.write(aside, key, source, options))


def save_arrays(
    path: PathLike,
    arrays: Mapping[str, Any],
    *,
    format: str | None = None,
    chunks: ChunksLike = None,
    shards: ChunksLike = None,
    compression: str | None = None,
    overwrite: bool = False,
    for_: Use = "exchange",
    explain: bool = False,
) -> dict[str, ArrayRef]:
    """Write several named arrays to one container, which appears complete or not at all.

    Parameters
    ----------
    path, format, chunks, shards, compression, overwrite, for_, explain
        As in :func:`save`. ``"auto"`` chooses one format and codec for all of them, as for one
        array of all their bytes.
    arrays : mapping of str to array_like
        By their keys. Where something is chosen, values are asked for more than once.

    Examples
    --------
    >>> refs = save_arrays("ab.npz", {"a": np.zeros(3), "b": np.ones((2, 2))})
    >>> refs["b"].shape
    (2, 2)
    >>> refs = save_arrays("ab", {"a": np.zeros(3), "b": np.ones((2, 2))}, format="auto")
    >>> refs["a"].format == refs["b"].format
    True
    """
    manner = Manner(format, compression, chunks, shards, None, for_, explain)
    if not arrays:
        raise UnsupportedArrayError(f"there are no arrays to write to {os.fspath(path)!r}")
    target, fmt, options = manner.at(path, lambda: Together.of(arrays))
    if not fmt.supports_keys:
        raise unsupported(fmt, "several arrays in a file", lambda f: f.supports_keys)
    refs: dict[str, ArrayRef] = {}
    with fmt.publishing(target, None, overwrite=overwrite) as aside:
        for name, array in arrays.items():
            key = checked_key(fmt, name)
            with as_source(array) as source:
                refs[name] = ArrayRef(target, fmt.name, fmt.write(aside, key, source, options))
    return refs


def create_array(
    path: PathLike,
    *,
    shape: int | Shape,
    dtype: Any,
    format: str | None = None,
    key: str | None = None,
    chunks: ChunksLike = None,
    shards: ChunksLike = None,
    compression: str | None = None,
    attrs: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    for_: Use = "exchange",
    explain: bool = False,
) -> ArrayRef:
    """Create an array of zeros in a file, to be filled by region.

    The disk space of ``npy`` and ``raw`` files is reserved at once, so that a full disk is an
    error here and not a crash later.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : dtype_like
    path, format, key, chunks, shards, compression, attrs, overwrite, for_, explain
        As in :func:`save`. What ``"auto"`` chooses suits any values, since there are none yet.

    Returns
    -------
    ArrayRef
        Of mode ``"r+"``.

    Notes
    -----
    Processes may fill disjoint regions of ``npy`` and ``raw`` files, and disjoint chunks (shards,
    where there are any) of a Zarr directory, at the same time; an HDF5 file or a zipped Zarr
    store takes one writer.

    Examples
    --------
    >>> ref = create_array("big.npy", shape=(1000, 3), dtype="f4")
    >>> ref[10:20] = 1
    >>> float(ref[:].sum())
    30.0
    """
    manner = Manner(format, compression, chunks, shards, attrs, for_, explain)
    target, fmt, options = manner.at(
        path, lambda: Subject(*new_layout(shape, dtype)), key=key, by_region=True
    )
    key = checked_key(fmt, key)
    if not fmt.supports_regions:
        raise unsupported(fmt, "arrays that are filled by region", lambda f: f.supports_regions)
    lengths, dtype = new_layout(shape, dtype)
    with fmt.publishing(target, key, overwrite=overwrite) as aside:
        stored = fmt.create(aside, key, lengths, dtype, options)
    return ArrayRef(target, fmt.name, stored, mode="r+")


def new_layout(shape: int | Shape, dtype: Any) -> tuple[Shape, DType]:
    """Return shape and dtype of an array to be made.

    Raises
    ------
    UnsupportedArrayError
        If there can be no such array in a file.
    """
    lengths, dtype = lengths_of(shape), np.dtype(dtype)
    check_dtype(dtype)
    if not is_possible(lengths, dtype.itemsize):
        raise UnsupportedArrayError(
            f"no array of {dtype} has shape {shape}: at most 64 axes, none of negative length, and "
            "less than 2**63 bytes"
        )
    return lengths, dtype


def open_array(
    path: PathLike,
    *,
    key: str | None = None,
    format: str | None = None,
    mode: Mode = "r",
    dtype: Any = None,
    shape: int | Shape | None = None,
    offset: int = 0,
    order: Order = "C",
    strides: tuple[int, ...] | None = None,
) -> ArrayRef:
    """Return a reference to an array in an existing file, whoever wrote it.

    Parameters
    ----------
    path : path-like
        Its suffix chooses the format unless `format` does; files without a known one are
        recognised by their first bytes.
    key : str, optional
        Name of the array in a container; not needed where there is only one.
    mode : {"r", "r+"}, optional
        Whether items can be assigned through the reference.
    dtype, shape, offset, order, strides : optional
        For ``format="raw"``, and only there: the region of the file that is the array, `offset`
        and `strides` in bytes. Without `shape` it is the rest of the file, in one axis.

    Returns
    -------
    ArrayRef

    Raises
    ------
    ArrayNotFoundError, ArrayKeyError
        If there is no such file, or no such array in it.
    BadArrayFileError
        If the file is damaged, or not of its format.
    UnknownFormatError
        If neither suffix nor content tell the format.

    Examples
    --------
    >>> np.arange(10, dtype="<i2").tofile("frames.bin")
    >>> open_array("frames.bin", dtype="<i2", shape=(2, 4), offset=4)[1]
    array([6, 7, 8, 9], dtype=int16)
    """
    if mode not in {"r", "r+"}:
        raise UnsupportedOptionError(f"mode {mode!r} is neither 'r' nor 'r+'")
    target, fmt = resolve_target(path, format)
    files.check_exists(target)
    key = listed_key(target, fmt, key)
    if dtype is not None:
        stored = _raw_layout(target, fmt, np.dtype(dtype), shape, offset, order, strides)
    elif (shape, offset, order, strides) != (None, 0, "C", None):
        raise UnsupportedOptionError("shape, offset, order and strides need dtype= as well")
    else:
        stored = fmt.describe(target, key)
    return ArrayRef(target, fmt.name, stored, mode=mode)


def listed_key(path: str, fmt: Format, key: str | None) -> str | None:
    """Return `key` in the spelling of the container, where names may be that are not ours to give.

    Raises
    ------
    UnsupportedOptionError
        If it is no name, of ours or in the container.
    """
    try:
        checked = checked_key(fmt, key)
    except UnsupportedOptionError:
        if fmt.supports_keys and key in fmt.keys(path):
            return key
        raise
    return checked if checked == key or key not in fmt.keys(path) else key


def _raw_layout(
    path: str,
    fmt: Format,
    dtype: np.dtype[Any],
    shape: int | Shape | None,
    offset: int,
    order: Order,
    strides: tuple[int, ...] | None,
) -> StoredArray:
    if fmt.is_self_describing:
        raise UnsupportedOptionError(
            f"a {fmt.name!r} file says itself what it holds: dtype, shape, offset, order and "
            "strides are for format='raw'"
        )
    check_dtype(dtype)
    if offset < 0 or order not in {"C", "F"}:
        raise UnsupportedOptionError(f"offset {offset} or order {order!r} is not possible")
    with files.opened(path) as fd:
        size = os.fstat(fd).st_size
    if shape is None:
        if offset > size or (size - offset) % dtype.itemsize:
            raise BadArrayFileError(
                f"{path!r} has {size - offset} bytes from byte {offset} on, which are no multiple "
                f"of the {dtype.itemsize} bytes of {dtype}: pass shape="
            )
        shape = (size - offset) // dtype.itemsize
    lengths = lengths_of(shape)
    if not is_possible(lengths, dtype.itemsize) or (
        strides is not None and (len(strides) != len(lengths) or any(s < 0 for s in strides))
    ):
        raise UnsupportedOptionError(
            f"shape {lengths} and strides {strides} need one length and one stride an axis, none "
            "negative, and less than 2**63 bytes; reverse an axis with ref.part[::-1]"
        )
    end = offset + files.extent(lengths, dtype, strides)
    if end > size:
        raise BadArrayFileError(
            f"{path!r} is truncated: its array ends at byte {end}, the file at byte {size}"
        )
    return StoredArray(None, lengths, dtype, order, offset, strides)


def load(
    source: PathLike | ArrayRef, *, key: str | None = None, format: str | None = None
) -> Array:
    """Read a whole array into memory of its own.

    Parameters
    ----------
    source : path-like or ArrayRef
    key, format : str, optional
        As in :func:`open_array`.

    Returns
    -------
    numpy.ndarray
        Writable and independent of the file. To read lazily, use :func:`open_array`.

    Examples
    --------
    >>> _ = save("a.npy", np.eye(2))
    >>> load("a.npy")
    array([[1., 0.],
           [0., 1.]])
    """
    if isinstance(source, ArrayRef):
        refuse_for_reference("key", key)
        refuse_for_reference("format", format)
        return source.load()
    return open_array(source, key=key, format=format).load()


def refuse_for_reference(option: str, value: str | None) -> None:
    """Raise `UnsupportedOptionError` if an option is given that a reference says itself."""
    if value is not None:
        raise UnsupportedOptionError(
            f"{option}={value!r} is for a path: a reference says itself which array it means, so "
            "leave it out, or pass the path"
        )


def keys(path: PathLike, *, format: str | None = None) -> list[str]:
    """Return the names of the arrays in a container; an empty list where a file is one array.

    Examples
    --------
    >>> _ = save_arrays("ab.h5", {"a": np.zeros(3), "group/b": np.ones(2)})
    >>> keys("ab.h5")
    ['a', 'group/b']
    """
    target, fmt = resolve_target(path, format)
    return fmt.keys(target)
