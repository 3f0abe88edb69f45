"""The npy format beyond the common contract."""

from filexchange.testing import FormatTests


class TestNpy(FormatTests):
    name = "npy"
