"""What a balancer that cannot tell requests in flight leads to: reports, and no samples."""

from actuators.lb_cluster import ClusterView, Identity
from actuators.ports import ClusterTraffic, Target, TargetState

WHO = Identity(balancer="lb-1", tenant="t", application="shop", clusters=("shop-web",))


def traffic(in_flight: int | None) -> ClusterTraffic:
    leaving = TargetState(target=Target(member="web-1", host="h", port=1), routed=False, in_flight=in_flight)
    return ClusterTraffic(targets=[leaving], in_flight=in_flight, count=in_flight)


def looked(in_flight: int | None) -> tuple[int, int, set[float | None]]:
    """Return how many samples and reports come of looks for 30 s, and when first requests were seen."""
    view = ClusterView(WHO, "shop-web", interval_s=5.0)
    view.look(ClusterTraffic(targets=[], in_flight=in_flight, count=in_flight), 0.0, revision=1)
    said = [view.look(traffic(in_flight), at / 10, revision=1) for at in range(1, 301)]
    reports = [report for _, report in said if report is not None]
    firsts = {each.first_request_at for report in reports for each in report.backends}
    return sum(sample is not None for sample, _ in said), len(reports), firsts


def test_unknown_is_no_sample_but_reports_go_on() -> None:
    known, unknown = looked(1), looked(None)

    assert known[0] > 0
    assert unknown[0] == 0
    assert unknown[1] == known[1] > 1
    assert (known[2], unknown[2]) == ({0.1}, {None})
