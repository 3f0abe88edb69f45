"""Arrays that grow: made to be written piece by piece, of a length that nobody knows before."""

from collections.abc import Mapping
from typing import Any, Literal

from filexchange import arrays, files
from filexchange.aliases import ChunksLike, PathLike, Shape
from filexchange.blocks.growth.opening import check_items, create, find, grow, growth_target
from filexchange.blocks.growth.writing import Writer
from filexchange.errors import ArrayExistsError, UnsupportedOptionError
from filexchange.options import write_options
from filexchange.patience import Patience
from filexchange.ref import ArrayRef


def writer(
    path: PathLike,
    item_shape: int | Shape | None = None,
    dtype: Any = None,
    *,
    mode: Literal["x", "a"] = "x",
    format: str | None = None,
    key: str | None = None,
    chunks: ChunksLike = None,
    shards: ChunksLike = None,
    compression: str | None = None,
    attrs: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    durable: bool = False,
    timeout: float | None = 0.0,
) -> Writer:
    """Begin an array that grows along its first axis, or go on with one that is there.

    The file is there at once, with an array of no items, and at every moment one that readers can
    open: other processes follow it with `filexchange.open_array`, ``numpy.load``, ``zarr`` or
    ``h5py.File(path, swmr=True)``. Its length never becomes less, and what it counts is complete.

    Parameters
    ----------
    path : path-like
        Where to. Its suffix chooses the format unless `format` does: ``npy``, ``zarr`` (a
        directory) or ``hdf5``.
    item_shape : int or tuple of int
        Shape of one item; ``()`` for numbers. The array has one axis more, in front. Not needed
        to go on.
    dtype : dtype_like
        Not needed to go on.
    mode : {"x", "a"}, optional
        ``"x"`` makes a new array, as in `filexchange.create_array`. ``"a"`` goes on with the
        array that is there, also after a writer that was killed, and makes it if there is none.
    format, key, attrs, overwrite
        As in `filexchange.create_array`, for a new array.
    chunks, shards : int, tuple of int or "auto", optional
        As in `filexchange.create_array`, for a new array. Items wait in memory until a chunk
        (shard) of ``zarr``, or a compressed chunk of ``hdf5``, is full.
    compression : str, optional
        As in `filexchange.create_array`, for a new array; but neither it nor `format` is
        ``"auto"``, since nobody knows how large the array will be.
    durable : bool, optional
        Have items on the disk before readers see them, which they do at each flush only. Then the
        array survives a power cut, and not only the end of this process.
    timeout : float, optional
        Seconds to wait while the array has another writer; None waits without end.

    Returns
    -------
    Writer

    Raises
    ------
    ArrayExistsError
        If it exists, `overwrite` is false and `mode` is ``"x"``.
    ArrayBusyError
        If another writer has the array, until the time is over.
    ArrayMismatchError
        If the array that is there has other items.
    UnsupportedOptionError
        If the format has no arrays that grow, or this array cannot; the message tells the remedy.

    Notes
    -----
    ==========  ==============================  ==============================================
    format      what makes items visible        what a killed writer leaves
    ==========  ==============================  ==============================================
    ``npy``     one store to the header, of     all that was appended
                eight bytes
    ``zarr``    metadata, renamed into place    full chunks, and what was flushed
    ``hdf5``    HDF5's flush, in SWMR mode      all that was appended, compressed: full chunks
                                                and what was flushed
    ==========  ==============================  ==============================================

    Files of other programs can be continued where they have room for it: those of ``numpy.save``
    in C order, Zarr arrays of version 3, and HDF5 datasets with ``maxshape=(None, ...)`` in files
    that were made with ``libver="latest"``. The first time, the header of ``numpy.save`` is
    rewritten with room for digits, which no reader should meet; later changes are atomic.

    An HDF5 file that is being written has no other
    changes, and no reader but in SWMR mode, until the writer is closed; a power cut may damage it
    even if `durable`, because the order in which HDF5's metadata reach the disk is not known.

    Examples
    --------
    >>> from filexchange import blocks
    >>> with blocks.writer("frames.npy", (2, 3), "u2") as w:
    ...     w.append(np.ones((4, 2, 3), "u2"))
    ...     w.append(np.zeros((2, 3), "u2"))
    ...     w.flush()
    ...     fx.open_array("frames.npy").shape
    (5, 2, 3)
    >>> with blocks.writer("frames.npy", mode="a") as w:
    ...     w.append(np.ones((2, 2, 3), "u1"))
    ...     w.shape
    (7, 2, 3)
    """
    target, fmt = growth_target(path, format)
    if mode not in {"x", "a"} or (mode == "a" and overwrite):
        raise UnsupportedOptionError(
            f"mode={mode!r} with overwrite={overwrite}: use 'x' for a new array, with "
            "overwrite=True to replace one, or 'a' to go on with one"
        )
    options = write_options(fmt, chunks, shards, compression, attrs)
    patience = Patience(timeout)
    growing = find(fmt, target, key, patience) if mode == "a" else None
    if growing is None:
        try:
            create(fmt, target, key, item_shape, dtype, options, overwrite=overwrite)
        except ArrayExistsError:
            if mode == "x":
                raise
            # Of several that begin it at the same time, one makes it and the others go on with it.
        growing = grow(fmt, target, key, patience)
    check_items(growing, item_shape, dtype)
    return Writer(fmt, growing, durable=durable)


def append(
    path: PathLike | ArrayRef,
    batch: Any,
    *,
    key: str | None = None,
    format: str | None = None,
    durable: bool = False,
    timeout: float | None = None,
) -> ArrayRef:
    """Add items to an array in a file, behind those that are there.

    Parameters
    ----------
    path : path-like or ArrayRef
        The array; it may also be one that a killed writer has left.
    batch : array_like or lazy array
        As for :meth:`Writer.append`.
    key, format : str, optional
        As in `filexchange.open_array`.
    durable : bool, optional
        As for :func:`writer`.
    timeout : float, optional
        Seconds to wait while the array has another writer; without end by default.

    Returns
    -------
    ArrayRef
        To the longer array.

    Raises
    ------
    ArrayNotFoundError, ArrayKeyError
        If there is no such array: begin one with :func:`writer`.
    ArrayBusyError, UnsupportedOptionError
        As for :func:`writer`.
    ItemShapeError, UnsupportedArrayError, StorageFullError
        As for :meth:`Writer.append`.

    Notes
    -----
    Several processes may append to one array; each batch is a whole. To append often, keep a
    :func:`writer`, which opens the file once and writes each chunk once.

    Examples
    --------
    >>> from filexchange import blocks
    >>> _ = fx.save("a.npy", np.arange(3))
    >>> blocks.append("a.npy", [3, 4])[:]
    array([0, 1, 2, 3, 4])
    """
    if isinstance(path, ArrayRef):
        arrays.refuse_for_reference("key", key)
        arrays.refuse_for_reference("format", format)
        if path.region is not None:
            raise UnsupportedOptionError(
                f"a part of {path.path!r} cannot become longer: pass a reference to the whole array"
            )
        return append(
            path.path, batch, key=path.key, format=path.format, durable=durable, timeout=timeout
        )
    target, fmt = growth_target(path, format)
    files.check_exists(target)
    key = arrays.listed_key(target, fmt, key)
    with Writer(fmt, grow(fmt, target, key, Patience(timeout)), durable=durable) as each:
        each.append(batch)
    return each.ref
