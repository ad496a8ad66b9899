"""A composite application: a web cluster, and a group of a database and an application in it."""

from typing import Any

from tests.unit.config.documents import APPLICATION_FILE, Documents, shop


def a_use(alias: str, *, least: int = 1, most: int = 2, deployment: str | None = "both", **more: Any) -> dict[str, Any]:
    """Return one cluster of cartridge ``web``."""
    info = {"alias": alias, "autoscalingPolicy": "fast"} | ({"deploymentPolicy": deployment} if deployment else {})
    return {"type": "web", "cartridgeMin": least, "cartridgeMax": most, "subscribableInfo": info} | more


def a_group(alias: str, *uses: dict[str, Any], name: str = "pair", **more: Any) -> dict[str, Any]:
    """Return a group of an application."""
    return {"name": name, "alias": alias, "cartridges": list(uses)} | more


def orders(*lists: str) -> list[dict[str, Any]]:
    """Return lists of aliases: ``orders("cartridge.a group.b")``."""
    return [{"aliases": each.split()} for each in lists]


def composite(**components: Any) -> Documents:
    """Return valid documents: cluster ``front``; group ``back`` of ``db`` and ``api``; ``components`` replaced."""
    documents = shop()
    documents["group.json"] = {
        "name": "pair",
        "cartridges": ["web"],
        "dependencies": {"startupOrders": orders("cartridge.db cartridge.api")},
    }
    documents[APPLICATION_FILE]["components"] = {
        "cartridges": [a_use("front")],
        "groups": [a_group("back", a_use("db"), a_use("api"))],
        "dependencies": {"startupOrders": orders("group.back cartridge.front")},
    } | components
    return documents
