"""What Caddy's answers say."""

import pytest

from actuators.balancers.caddy_counts import Counts, read_counts, read_upstreams

METRICS = """\
# TYPE caddy_http_request_errors_total counter
caddy_http_request_errors_total{handler="reverse_proxy",server="shop-web"} 2
caddy_http_requests_in_flight{handler="reverse_proxy",server="shop-web"} 3
caddy_http_requests_in_flight{handler="static_response",server="check:shop-web"} 1
caddy_http_requests_in_flight{handler="reverse_proxy",server="blog"} 70
caddy_http_requests_total{handler="reverse_proxy",server="shop-web"} 1.234567e+06
caddy_http_requests_total{handler="subroute",server="shop-web"} 5
caddy_http_requests_total{handler="static_response",server="check:shop-web"} 40
caddy_http_requests_total{handler="error",server="check:shop-web"} 2
process_start_time_seconds 1.7953454743e+09
"""


def test_a_cluster_is_read_out_of_the_metrics() -> None:
    assert read_counts(METRICS, "shop-web") == Counts(
        started=1795345474.3, requests=1234567, in_flight=3, checks=42, checking=1
    )


def test_a_server_that_nobody_asked_yet_has_true_zeros() -> None:
    counts = read_counts(METRICS, "new")

    assert (counts.requests, counts.in_flight, counts.checks, counts.checking) == (0, 0, 0, 0)


def test_other_text_is_no_metrics() -> None:
    with pytest.raises(ValueError, match="without process_start_time_seconds"):
        read_counts("<html>", "shop-web")


def test_upstreams_are_read_by_address() -> None:
    body = '[{"address":"127.0.0.1:9001","num_requests":2,"fails":0},{"address":"127.0.0.1:9002","num_requests":0}]'

    assert read_upstreams(body) == {"127.0.0.1:9001": 2, "127.0.0.1:9002": 0}


@pytest.mark.parametrize("body", ["", "{}x", "[{}]", "[1]", "7", '[{"address":"a:1","num_requests":"many"}]'])
def test_other_text_is_no_upstreams(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_upstreams(body)
