"""What is asked of a cloud for one member, from the launch's properties. Pure.

The names are Stratos' (``instanceType``, ``keyPair``, ``securityGroups``, ``region``, ``zone``), lists with commas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from actuators.clouds.libcloud_labels import labels, token
from actuators.clouds.user_data import payload, user_data
from actuators.ports import InvalidRequestError, Where
from config.accounts import Account
from streams.records.action import Launch


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One instance, as every dialect understands it."""

    name: str
    region: str
    zone: str
    image: str
    size: str
    key: str
    groups: Sequence[str]
    """Security groups: names, or ids where the cloud knows them by id."""
    subnet: str
    networks: Sequence[str]
    public: bool
    """True when it is to have a public address."""
    profile: str
    """What the instance itself may do at the cloud (EC2's instance profile)."""
    user_data: str
    labels: Mapping[str, str]
    token: str


def request(account: Account, where: Where, launch: Launch, *, settings: Mapping[str, str]) -> Request:
    """Return what is asked for a member.

    Raises
    ------
    InvalidRequestError
        Image or size is missing, the region is not the account's, there is no port, or the user data cannot be.
    """
    given = account.properties | launch.properties
    region, image = _region(account, given, launch.image or given.get("imageId", ""), where)
    port = launch.ports[0] if launch.ports else 0
    environment = payload(where, launch, port=port, settings=settings)
    return Request(
        name=where.member,
        region=region,
        zone=given.get("zone") or given.get("availabilityZone", ""),
        image=_needed(image, "imageId", where),
        size=_needed(given.get("instanceType", ""), "instanceType", where),
        key=given.get("keyPair", ""),
        groups=_list(given, "securityGroups") or _list(given, "securityGroupIds"),
        subnet=given.get("subnetId", ""),
        networks=_list(given, "networks"),
        public=given.get("autoAssignIp", "").lower() == "true",
        profile=given.get("instanceProfile", ""),
        user_data=user_data(
            given.get("userData", account.user_data),
            launch,
            environment,
            agent=account.agent,
            install=account.install,
        ),
        labels=labels(account.owner, where, port),
        token=token(account.owner, where.member),
    )


def _region(account: Account, given: Mapping[str, str], image: str, where: Where) -> tuple[str, str]:
    """Return region and image; Stratos writes them as one: ``eu-west-1/ami-1``."""
    before, slash, after = image.partition("/")
    written = before if slash and before in account.regions else ""
    region = given.get("region") or written or (account.regions[0] if len(account.regions) == 1 else "")
    if region not in account.regions:
        known = ", ".join(account.regions)
        raise InvalidRequestError(f"member {where.member}: region = {region!r}: must be one of the account's: {known}")
    return region, after if written else image


def _needed(value: str, name: str, where: Where) -> str:
    if not value:
        place = f"{where.network_partition}/{where.partition}"
        raise InvalidRequestError(f"member {where.member}: {name} is missing, in cartridge and partition {place}")
    return value


def _list(given: Mapping[str, str], name: str) -> list[str]:
    return [each.strip() for each in given.get(name, "").split(",") if each.strip()]
