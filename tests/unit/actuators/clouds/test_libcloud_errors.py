"""What clouds say, by what to do about it: words of EC2, Nova, CloudStack, GCE and Azure, and of no cloud at all."""

from typing import Any

import pytest
from libcloud.common.exceptions import BaseHTTPError, RateLimitReachedError
from libcloud.common.types import InvalidCredsError, LibcloudError, MalformedResponseError, ProviderError

from actuators.clouds.libcloud_errors import LONGEST, is_gone, translated
from actuators.ports import (
    CloudError,
    CredentialsError,
    InvalidRequestError,
    OutOfCapacityError,
    QuotaExceededError,
    TransientCloudError,
)

http: Any = BaseHTTPError
limited: Any = RateLimitReachedError
provider: Any = ProviderError
credentials: Any = InvalidCredsError
libcloud_error: Any = LibcloudError
malformed: Any = MalformedResponseError
"""libcloud has no types."""


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        pytest.param(http(403, "Quota exceeded for instances"), QuotaExceededError, id="Nova: quota is a 403"),
        pytest.param(http(403, "Policy doesn't allow it"), CredentialsError, id="Nova: no right is one too"),
        pytest.param(http(500, "No valid host was found"), OutOfCapacityError, id="Nova: no host"),
        pytest.param(http(409, "Conflict"), TransientCloudError, id="Nova: busy"),
        pytest.param(limited(headers={}), TransientCloudError, id="429"),
        pytest.param(provider("no capacity", 535), OutOfCapacityError, id="CloudStack: no capacity"),
        pytest.param(Exception("Unable to create a deployment for VM"), OutOfCapacityError, id="CloudStack: a job"),
        pytest.param(provider("Unable to find zone", 431), InvalidRequestError, id="CloudStack: a parameter"),
        pytest.param(credentials("no"), CredentialsError, id="bad credentials"),
        pytest.param(libcloud_error("ZONE_RESOURCE_POOL_EXHAUSTED"), OutOfCapacityError, id="GCE: zone is full"),
        pytest.param(libcloud_error("QUOTA_EXCEEDED"), QuotaExceededError, id="GCE: quota"),
        pytest.param(http(409, "SkuNotAvailable"), TransientCloudError, id="a conflict may pass"),
        pytest.param(http(400, "SkuNotAvailable"), OutOfCapacityError, id="Azure: no such size there now"),
        pytest.param(malformed("no XML", body="<html>"), TransientCloudError, id="a gateway's page"),
        pytest.param(ConnectionResetError("reset"), TransientCloudError, id="the way to the cloud"),
        pytest.param(TimeoutError("in time"), TransientCloudError, id="no answer"),
        pytest.param(KeyError("quota"), TransientCloudError, id="a driver's own fault is not the cloud's word"),
    ],
)
def test_a_fault_is_told_by_what_to_do(raised: Exception, kind: type[CloudError]) -> None:
    assert type(translated(raised, "launch web-1")) is kind


def test_a_message_says_what_was_asked_in_one_line_and_no_secret() -> None:
    raised = http(400, "bad\n  request of hunter2 " + "x" * 1000)

    said = str(translated(raised, "launch web-1", secrets=["hunter2", ""]))

    assert said.startswith("launch web-1: bad request of *** xxx")
    assert len(said) <= LONGEST + 20


@pytest.mark.parametrize(
    ("raised", "gone"),
    [
        (http(404, "not here"), True),
        (http(400, "InvalidInstanceID.NotFound: i-1"), True),
        (http(500, "NotFound"), False),
        (http(400, "InvalidParameter"), False),
        (TimeoutError("not found"), False),
    ],
)
def test_gone_is_what_the_cloud_says_is_gone(raised: Exception, gone: bool) -> None:  # noqa: FBT001 - a column
    assert is_gone(raised) is gone
