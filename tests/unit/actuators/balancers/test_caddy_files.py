"""The files that say who is routed, and the adapter on top of them while no Caddy answers."""

import json
from pathlib import Path

import pytest

from actuators.balancers.caddy import CaddyBalancer
from actuators.balancers.caddy_config import Frontend, caddy_config
from actuators.balancers.caddy_files import MemberFiles
from actuators.ports import BalancerError, Target
from tests.clouds import free_ports

ADDRESSES = ["127.0.0.1:9001", "127.0.0.1:9002"]
ONE = Target(member="web-1", host="127.0.0.1", port=9001)
TWO = Target(member="web-2", host="127.0.0.1", port=9002)


@pytest.fixture
def files(tmp_path: Path) -> MemberFiles:
    files = MemberFiles(tmp_path, "shop-web")
    files.create()
    return files


@pytest.fixture
def balancer(tmp_path: Path) -> CaddyBalancer:
    (admin,) = free_ports(1)
    frontend = Frontend(listen="127.0.0.1:8080", check="127.0.0.1:8081", ports=[9001, 9002])
    config = caddy_config({"shop-web": frontend}, admin=f"127.0.0.1:{admin}", root=str(tmp_path / "routed"))
    (tmp_path / "caddy.json").write_text(json.dumps(config))
    return CaddyBalancer(tmp_path)


def routed(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (directory / "routed" / "shop-web").iterdir()}


def test_a_member_that_enters_has_a_file_with_its_name(files: MemberFiles, tmp_path: Path) -> None:
    files.enter(ONE)

    assert routed(tmp_path) == {"127.0.0.1:9001": "web-1"}
    assert (files.routed(ADDRESSES), files.leaving(ADDRESSES)) == ({ADDRESSES[0]: ONE}, {})


def test_a_member_that_leaves_is_remembered_until_it_is_forgotten(files: MemberFiles) -> None:
    files.enter(ONE)
    files.leave(ADDRESSES[0])
    assert (files.routed(ADDRESSES), files.leaving(ADDRESSES)) == ({}, {ADDRESSES[0]: ONE})

    files.forget(ADDRESSES[0])
    assert files.leaving(ADDRESSES) == {}


def test_a_member_that_comes_back_does_not_leave_any_more(files: MemberFiles) -> None:
    files.enter(ONE)
    files.leave(ADDRESSES[0])
    files.enter(ONE)

    assert (files.routed(ADDRESSES), files.leaving(ADDRESSES)) == ({ADDRESSES[0]: ONE}, {})


def test_leaving_and_forgetting_who_is_not_there_changes_nothing(files: MemberFiles) -> None:
    files.leave(ADDRESSES[0])
    files.forget(ADDRESSES[0])

    assert (files.routed(ADDRESSES), files.leaving(ADDRESSES)) == ({}, {})


def test_other_files_are_left_alone(files: MemberFiles, tmp_path: Path) -> None:
    (tmp_path / "routed" / "shop-web" / "README").write_text("x")

    assert files.routed(ADDRESSES) == {}


def test_a_directory_that_is_gone_is_an_error_not_an_empty_one(files: MemberFiles) -> None:
    files.root.rmdir()

    with pytest.raises(BalancerError, match="caddy: cannot read"):
        files.routed(ADDRESSES)
    with pytest.raises(BalancerError, match=r"cannot route web-1 at 127\.0\.0\.1:9001"):
        files.enter(ONE)


async def test_a_target_that_was_not_declared_is_refused_and_the_others_are_applied(
    balancer: CaddyBalancer, tmp_path: Path
) -> None:
    stray = Target(member="web-9", host="127.0.0.1", port=9009)

    with pytest.raises(BalancerError, match=r"web-9 at 127\.0\.0\.1:9009 is outside 127\.0\.0\.1:9001\.\.9002"):
        await balancer.apply("shop-web", [stray, ONE])

    assert routed(tmp_path) == {"127.0.0.1:9001": "web-1"}


async def test_two_members_at_one_address_are_refused(balancer: CaddyBalancer) -> None:
    twin = Target(member="web-2", host="127.0.0.1", port=9001)

    with pytest.raises(BalancerError, match=r"web-2 at 127\.0\.0\.1:9001 is where web-1 is"):
        await balancer.apply("shop-web", [twin, ONE])


async def test_what_was_changed_by_hand_is_put_right(balancer: CaddyBalancer, tmp_path: Path) -> None:
    await balancer.apply("shop-web", [ONE])
    (tmp_path / "routed" / "shop-web" / ADDRESSES[0]).unlink()
    (tmp_path / "routed" / "shop-web" / ADDRESSES[1]).write_text("web-7")

    await balancer.apply("shop-web", [ONE])

    assert routed(tmp_path) == {"127.0.0.1:9001": "web-1"}


async def test_a_new_member_takes_over_the_address_of_an_old_one(balancer: CaddyBalancer, tmp_path: Path) -> None:
    await balancer.apply("shop-web", [ONE])
    await balancer.apply("shop-web", [Target(member="web-8", host="127.0.0.1", port=9001), TWO])

    assert routed(tmp_path) == {"127.0.0.1:9001": "web-8", "127.0.0.1:9002": "web-2"}


async def test_no_caddy_is_an_error(balancer: CaddyBalancer) -> None:
    with pytest.raises(BalancerError, match=r"caddy at 127\.0\.0\.1:\d+ does not answer"):
        await balancer.traffic("shop-web")
    balancer.close()


@pytest.mark.parametrize("text", [None, "", "{}", '{"admin": {"listen": "a:1"}}'])
def test_a_directory_without_a_usable_configuration_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "caddy.json").write_text(text)

    with pytest.raises(BalancerError, match="caddy: cannot read"):
        CaddyBalancer(tmp_path)
