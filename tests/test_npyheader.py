"""Headers of .npy files: what we write NumPy reads, what it writes we read, the rest is refused."""

import io
import json
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filexchange import npyheader
from filexchange.errors import AttrsError, BadArrayFileError, UnsupportedArrayError
from filexchange.npyheader import ALIGNMENT, MAGIC, Header
from filexchange.testing import assert_same

VALID = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }"
SHAPES = hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5)
PLAIN = st.one_of(
    hnp.scalar_dtypes(),
    hnp.byte_string_dtypes(min_len=1),
    hnp.unicode_string_dtypes(min_len=1),
    st.integers(1, 40).map(lambda n: np.dtype(f"V{n}")),
)
# NumPy itself cannot read back names with these: it takes them for the ends of the literal.
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)


def _records(fields: st.SearchStrategy[Any]) -> st.SearchStrategy[np.dtype[Any]]:
    field = st.tuples(NAMES, fields, hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
    return st.tuples(
        st.lists(field, min_size=1, max_size=4, unique_by=lambda entry: entry[0]), st.booleans()
    ).map(lambda drawn: np.dtype(drawn[0], align=drawn[1]))


DTYPES = PLAIN | _records(PLAIN | _records(PLAIN))
LITERALS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=10)
    | st.binary(max_size=10)
    | st.sampled_from(["<f8", "descr", "shape", "fortran_order", "|O", "V0", "<U3"]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(
            st.text(max_size=5) | st.sampled_from(["descr", "shape"]), inner, max_size=3
        )
    ),
    max_leaves=20,
)


def _reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda count, offset: data[offset : offset + count]


def _decode(data: bytes) -> Header:
    return npyheader.decode(_reader(data), "file.npy")


def _framed(body: bytes, version: tuple[int, int] = (1, 0)) -> bytes:
    size = 2 if version == (1, 0) else 4
    return MAGIC + bytes(version) + len(body).to_bytes(size, "little") + body


def _decode_or_refuse(data: bytes) -> None:
    """Fail on anything but a usable header or our own error, and on memory beyond 1 MiB."""
    tracemalloc.start()
    try:
        header = _decode(data)
    except BadArrayFileError as error:
        header, message = None, str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1 << 20
    if header is None:
        assert "file.npy" in message
        return
    assert all(type(n) is int and n >= 0 for n in header.shape)
    assert header.dtype.itemsize > 0
    assert not header.dtype.hasobject
    assert 0 <= header.nbytes < 1 << 63


# Anything at all.


@given(st.binary(max_size=300), st.booleans())
def test_random_bytes_are_a_header_or_refused(data: bytes, has_magic: bool) -> None:
    _decode_or_refuse(MAGIC + data if has_magic else data)


@given(st.binary(max_size=300), st.sampled_from([(1, 0), (2, 0), (3, 0)]))
def test_random_body_is_a_header_or_refused(body: bytes, version: tuple[int, int]) -> None:
    _decode_or_refuse(_framed(body, version))


@given(
    st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.binary(max_size=3)), max_size=4),
    st.sampled_from([(1, 0), (2, 0), (3, 0)]),
)
def test_mutated_header_is_a_header_or_refused(
    changes: list[tuple[int, bytes]], version: tuple[int, int]
) -> None:
    body = bytearray(VALID)
    for position, new in changes:
        body[position : position + 1] = new
    _decode_or_refuse(_framed(bytes(body), version))


@given(LITERALS)
def test_any_literal_is_a_header_or_refused(literal: Any) -> None:
    _decode_or_refuse(_framed(repr(literal).encode(), (3, 0)))


@given(LITERALS, LITERALS, LITERALS)
def test_any_literals_in_a_header_are_accepted_or_refused(
    descr: Any, fortran_order: Any, shape: Any
) -> None:
    fields = {"descr": descr, "fortran_order": fortran_order, "shape": shape}
    _decode_or_refuse(_framed(repr(fields).encode(), (3, 0)))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["dtype", "attrs", "x"]), inner, max_size=3)
        ),
        max_leaves=10,
    )
)
def test_any_comment_is_ignored_or_refused(note: Any) -> None:
    _decode_or_refuse(_framed(VALID + b" # " + json.dumps(note).encode()))


EXHAUSTING = {
    "parentheses": b"(" * 60_000,
    "brackets": b"[" * 60_000,
    "braces": b"{" * 60_000,
    "minus signs": b"-" * 60_000 + b"1",
    "open string": b"'" + b"a" * 60_000,
    "escapes": b"'" + b"\\a" * 30_000 + b"'",
    "strings": b"'a'" * 20_000,
    "digits": b"1" * 60_000,
    "blanks": b" " * 60_000,
    "one comment": b"#" * 60_000,
    "comments": b"#\n" * 30_000,
    "brackets in a comment": VALID + b" # " + b"[" * 60_000,
    "braces in a comment": VALID + b" # " + b'{"attrs":' * 6_000,
}


@pytest.mark.parametrize("name", EXHAUSTING)
def test_header_made_to_exhaust_the_parser_is_refused_or_passed_over(name: str) -> None:
    _decode_or_refuse(_framed(EXHAUSTING[name]))


# Round trips.


@given(DTYPES, SHAPES, st.sampled_from("CF"))
@settings(deadline=None)
def test_header_comes_back(dtype: np.dtype[Any], shape: tuple[int, ...], order: Any) -> None:
    encoded = npyheader.encode(shape, dtype, order=order)
    assert len(encoded) % ALIGNMENT == 0
    header = _decode(encoded)
    assert (header.shape, header.dtype, header.order) == (shape, dtype, order)
    assert header.size == len(encoded)
    assert header.dtype.fields == dtype.fields


@given(DTYPES, SHAPES, st.sampled_from("CF"))
@settings(deadline=None)
def test_numpy_reads_what_we_write(
    dtype: np.dtype[Any], shape: tuple[int, ...], order: Any
) -> None:
    array = np.zeros(shape, dtype, order)
    encoded = npyheader.encode(shape, dtype, order=order)
    loaded = np.load(io.BytesIO(encoded + array.tobytes(order)))
    assert_same(loaded, array)  # not its bytes: NumPy leaves the padding of records as it finds it


@given(DTYPES, SHAPES, st.sampled_from("CF"), st.sampled_from([(1, 0), (2, 0), (3, 0), None]))
@settings(deadline=None)
@pytest.mark.filterwarnings("ignore:Stored array in format:UserWarning")
def test_we_read_what_numpy_writes(
    dtype: np.dtype[Any], shape: tuple[int, ...], order: Any, version: Any
) -> None:
    array = np.zeros(shape, dtype, order)
    stream = io.BytesIO()
    try:
        np.lib.format.write_array(stream, array, version=version)
    except (ValueError, UnicodeEncodeError):  # names that this version has no letters for
        assert version in {(1, 0), (2, 0)}
        return
    header = _decode(stream.getvalue())
    assert (header.shape, header.dtype) == (shape, np.load(io.BytesIO(stream.getvalue())).dtype)
    assert header.size + header.nbytes == len(stream.getvalue())
    assert (header.order == "F") == (array.flags.fnc)


@given(st.dictionaries(st.text(max_size=9), st.integers() | st.text(max_size=9), max_size=5))
def test_attrs_come_back_and_numpy_passes_over_them(attrs: dict[str, Any]) -> None:
    encoded = npyheader.encode((2,), np.dtype("<i4"), attrs=attrs)
    assert _decode(encoded).attrs == attrs
    assert np.load(io.BytesIO(encoded + bytes(8))).tolist() == [0, 0]


@pytest.mark.parametrize("start", [0, 1, 30, 4095, 4096, 10_000])
def test_data_are_aligned_wherever_the_header_begins(start: int) -> None:
    encoded = npyheader.encode((2,), np.dtype("<i4"), start=start)
    assert (start + len(encoded)) % ALIGNMENT == 0
    assert _decode(encoded).size == len(encoded)


def test_header_too_large_for_numpy_is_refused() -> None:
    with pytest.raises(AttrsError, match="hdf5"):
        npyheader.encode((2,), np.dtype("<i4"), attrs={"text": "x" * 10_000})
    wide = np.dtype([(f"field{i}", "<f8") for i in range(1000)])
    for attrs in (None, {"unit": "m"}):
        with pytest.raises(UnsupportedArrayError, match="1000 fields.*'zarr' or 'raw'"):
            npyheader.encode((2,), wide, attrs=attrs)


@pytest.mark.parametrize("descr", ["'|O'", "[('a', '<f4'), ('b', [('c', '|O')])]"])
def test_objects_are_refused_with_a_remedy(descr: str) -> None:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (3,), }}".encode()
    with pytest.raises(BadArrayFileError, match="allow_pickle=True"):
        _decode(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header)


# Spellings.


def test_names_beyond_latin1_are_read() -> None:
    array = np.zeros(3, [("größe", "f4"), ("日本", "i2")])
    stream = io.BytesIO()
    with pytest.warns(UserWarning, match="3.0"):
        np.lib.format.write_array(stream, array)
    assert _decode(stream.getvalue()).dtype == array.dtype
    encoded = npyheader.encode(array.shape, array.dtype)
    assert encoded[6:8] == b"\x03\x00"
    assert np.load(io.BytesIO(encoded + bytes(array.nbytes))).dtype == array.dtype


@pytest.mark.parametrize(
    ("body", "shape", "descr"),
    [
        (b"{'descr': '<f8', 'fortran_order': False, 'shape': (10L, 3L), }", (10, 3), "<f8"),
        (b"{'descr': '<f8', 'fortran_order': False, 'shape': (10L,), }", (10,), "<f8"),
        (b"{'shape': (10,), 'fortran_order': False, 'descr': '<f8'}", (10,), "<f8"),
        (b'{"descr": "<f8", "fortran_order": False, "shape": ()}', (), "<f8"),
        (b"{'descr': u'<f8', u'fortran_order': False, 'shape': ()}", (), "<f8"),
        (b"{'descr': b'<f8', 'fortran_order': False, 'shape': ()}", (), "<f8"),
        (b"{ 'descr':'\\x3cf8',\t'fortran_order':False,\n'shape':(2,3,),}\n", (2, 3), "<f8"),
        (b"{'descr': [('a', '<f4', 3)], 'fortran_order': False, 'shape': ()}", (), "3<f4"),
        (b"{'descr': [(('t', 'a'), '<f4')], 'fortran_order': False, 'shape': ()}", (), "<f4"),
        (b"{'descr': 'i4', 'fortran_order': False, 'shape': ()}", (), "i4"),
        (b"{'descr': '<f8', 'fortran_order': False, 'shape': (0,)} # by hand", (0,), "<f8"),
    ],
)
def test_other_writers_spellings_are_read(body: bytes, shape: tuple[int, ...], descr: str) -> None:
    header = _decode(_framed(body))
    assert header.shape == shape
    if b"'a'" in body:
        assert header.dtype == np.dtype([("a", descr)])
    else:
        assert header.dtype == np.dtype(descr)


def test_fortran_order_is_read() -> None:
    header = _decode(_framed(VALID.replace(b"False", b"True")))
    assert header.order == "F"


@pytest.mark.parametrize("escape", ["\\d", "\\8", "\\400", "\\xg0", "\\u12", "\\N{BULLET}"])
@pytest.mark.parametrize("prefix", ["", "b", "u"])
def test_odd_escape_is_refused_and_warns_of_nothing(prefix: str, escape: str) -> None:
    body = VALID.replace(b"'<f8'", f"[({prefix}'{escape}', '<f8')]".encode())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(BadArrayFileError):
            _decode(_framed(body))
    assert caught == []
