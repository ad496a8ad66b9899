"""Labels: values that any text leads to, and what a pod is read back as."""

import re

from hypothesis import given
from hypothesis import strategies as st

from actuators.kube.labels import OWNER, PLACE, labels, place, read_place, value
from actuators.ports import Where
from tests.clouds import a_place

VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


@given(st.text(max_size=150))
def test_any_text_leads_to_a_value_that_a_label_can_have(text: str) -> None:
    assert VALUE.fullmatch(value(text))


@given(st.text(max_size=150), st.text(max_size=150))
def test_texts_that_differ_differ_as_values(one: str, other: str) -> None:
    assert (value(one) == value(other)) == (one == other)


@given(st.text(), st.text(), st.integers(0, 65535), st.sampled_from(["", "apps/v1/deployments/web/cost"]))
def test_a_pod_is_read_back_as_it_was_written(tenant: str, application: str, port: int, workload: str) -> None:
    where = Where(
        tenant=tenant, application=application, cluster="c", member="c-1", network_partition="n", partition="p"
    )
    metadata = {"labels": labels("o", where), "annotations": {PLACE: place(where, port=port, workload=workload)}}

    assert read_place(metadata, "o") == (where, port, workload)
    assert read_place(metadata, "other") is None


def test_a_pod_whose_words_do_not_fit_is_not_ours() -> None:
    good = {"labels": labels("o", a_place()), "annotations": {PLACE: place(a_place(), port=1)}}

    assert read_place(good, "o") is not None
    for bad in (
        {"labels": {OWNER: "o"}},
        {**good, "annotations": {PLACE: "{"}},
        {**good, "annotations": {PLACE: "[]"}},
        {**good, "annotations": None},
        {**good, "labels": labels("o", a_place("another"))},
    ):
        assert read_place(bad, "o") is None
