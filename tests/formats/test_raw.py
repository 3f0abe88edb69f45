"""The raw format beyond the common contract."""

from filexchange.testing import FormatTests


class TestRaw(FormatTests):
    name = "raw"
