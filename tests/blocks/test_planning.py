"""Plans as text and in notebooks."""

import re

import numpy as np

from filexchange import blocks


def test_notebooks_show_what_text_says():
    plan = blocks.map_blocks(
        np.sqrt, np.ones((8, 1000)), chunks=(1, 1000), memory="50kB", out="a.npy", plan_only=True
    )
    shown = plan._repr_html_()
    for line in str(plan).splitlines()[1:]:
        assert f"<td>{line[16:]}</td>" in shown
    assert len(re.findall("<rect", shown)) == plan.most + 1


def test_graphs_of_dask_arrays_have_plans_too(tmp_path):
    import dask.array as da

    plan = blocks.store(da.zeros((8, 8), chunks=2), tmp_path / "a.zarr", plan_only=True)
    assert "Plan: store" in plan._repr_html_()
