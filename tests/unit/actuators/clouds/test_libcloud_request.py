"""What is asked of a cloud for one member; and how an instance says whose it is."""

import pytest

from actuators.clouds.libcloud_labels import labels, port_of, token, where_of
from actuators.clouds.libcloud_request import Request, request
from actuators.ports import InvalidRequestError
from config.accounts import Account
from streams.records.action import Launch
from tests.clouds import a_place

ACCOUNT = Account(driver="ec2", owner="ours", regions=("eu-west-1",), properties={"instanceType": "t3.micro"})


def asked(account: Account = ACCOUNT, *, image: str = "ami-1", **properties: str) -> Request:
    return request(account, a_place(), Launch(image=image, properties=properties, ports=[80, 81]), settings={})


def test_the_accounts_properties_stand_where_the_launch_says_nothing() -> None:
    assert asked().size == "t3.micro"
    assert asked(instanceType="t3.large").size == "t3.large"


def test_stratos_names_are_understood() -> None:
    wanted = asked(securityGroups="web, ssh", keyPair="ops", availabilityZone="a", autoAssignIp="true")

    assert (wanted.groups, wanted.key, wanted.zone, wanted.public) == (["web", "ssh"], "ops", "a", True)


def test_an_image_may_name_its_region() -> None:
    two = Account(driver="ec2", owner="ours", regions=("eu-west-1", "us-east-1"), properties={"instanceType": "x"})
    wanted = asked(two, image="us-east-1/ami-7")

    assert (wanted.region, wanted.image) == ("us-east-1", "ami-7")


@pytest.mark.parametrize(
    ("account", "image", "properties", "said"),
    [
        pytest.param(ACCOUNT, "", {}, "imageId is missing, in cartridge and partition here/p1", id="no image"),
        pytest.param(Account(driver="ec2", owner="o"), "a", {}, "instanceType is missing", id="no size"),
        pytest.param(ACCOUNT, "a", {"region": "mars"}, "region = 'mars'.*: eu-west-1", id="a region nobody looks at"),
    ],
)
def test_what_is_missing_is_named(account: Account, image: str, properties: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        asked(account, image=image, **properties)


def test_one_member_has_one_token_and_no_other_has_it() -> None:
    tokens = [token("ours", "web-1"), token("ours", "web-1"), token("ours", "web-2"), token("theirs", "web-1")]

    assert len(set(tokens)) == 3
    assert all(len(each) <= 64 for each in tokens)


def test_tags_say_whose_it_is_and_say_it_again() -> None:
    tags = labels("ours", a_place(), 8080)

    assert (where_of(tags, "ours"), port_of(tags)) == (a_place(), 8080)


@pytest.mark.parametrize("missing", sorted(labels("ours", a_place(), 80).keys() - {"pileus:port"}))
def test_without_each_of_our_tags_it_is_not_ours(missing: str) -> None:
    tags = labels("ours", a_place(), 80)
    del tags[missing]

    assert where_of(tags, "ours") is None


@pytest.mark.parametrize("said", ["", "many", "-1", "٣"])
def test_a_port_that_is_none_is_not_known(said: str) -> None:
    assert port_of({"pileus:port": said}) == 0
