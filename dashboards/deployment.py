"""The fold of what is deployed: instances, applications, requests for more room. No clock, no I/O."""

from dashboards import model as size
from dashboards.model import Declared, Model, Name
from streams.records.instance import BurstRequest, Deployed, Instance, Level, Phase

DEPTH = 32
"""Slashes in the name of an instance at most: so deep may groups stand in each other."""


def has_place(instance: Instance) -> bool:
    """Return whether an instance stands below the parent that it names, so that instances make trees of known depth."""
    name, parent = instance.instance, instance.parent
    if not name or name.count("/") > DEPTH:
        return False
    return not parent if instance.level is Level.APPLICATION else parent != "" and name.startswith(f"{parent}/")


def note(model: Model, record: Instance | Deployed | BurstRequest) -> bool:
    """Fold one record in; ``False`` when an older epoch wrote it, or when there is no room."""
    match record:
        case Instance():
            return _instance(model, record)
        case Deployed():
            return _deployed(model, record)
        case BurstRequest():
            return _burst(model, record)


def forget(model: Model, key: str) -> Name | None:
    """Remove what a tombstone names: an instance, or ``<tenant>/<application>``; return of which application."""
    if (instance := model.instances.pop(key, None)) is not None:
        return instance.tenant, instance.application
    tenant, _, application = key.partition("/")
    return (tenant, application) if model.declared.pop((tenant, application), None) else None


def forget_cluster(model: Model, cluster: str) -> None:
    """Forget a cluster. What is still read of it does not bring it back: only its announcement does."""
    model.clusters.pop(cluster, None)
    for key in [key for key in model.reports if key[1] == cluster]:
        del model.reports[key]
    _end(model, _cluster_key(cluster), 0)


def expect_cluster(model: Model, cluster: str) -> None:
    """Note that a cluster is announced: what is read of it counts again."""
    model.ended.pop(_cluster_key(cluster), None)


def is_gone(model: Model, cluster: str) -> bool:
    """Return whether the cluster was terminated and not announced anew."""
    return _cluster_key(cluster) in model.ended


def _instance(model: Model, given: Instance) -> bool:
    """Keep the newest record of an instance that is not terminated."""
    name = given.instance
    known = model.instances.get(name)
    if given.epoch < (known.epoch if known else model.ended.get(name, 0)):
        return False
    if given.phase is Phase.TERMINATED:
        model.instances.pop(name, None)
        _end(model, name, given.epoch)
        return known is not None
    if known is None and len(model.instances) >= size.INSTANCES:
        model.overflow += 1
        return False
    model.ended.pop(name, None)
    model.instances[name] = given
    return True


def _deployed(model: Model, given: Deployed) -> bool:
    """Keep that an application is deployed, and how large it is."""
    of = (given.tenant, given.application)
    ended = f"application {given.tenant}/{given.application}"
    known = model.declared.get(of)
    if given.epoch < (known.epoch if known else model.ended.get(ended, 0)):
        return False
    model.declared.pop(of, None)
    if given.spec is None:
        model.bursts.pop(of, None)
        _end(model, ended, given.epoch)
        return known is not None
    parts = sum(len(group.children) for group in given.spec.root.groups())
    model.ended.pop(ended, None)
    model.declared[of] = Declared(given.at, given.epoch, given.spec.network_partitions, parts)
    if len(model.declared) > size.APPLICATIONS:
        model.declared.popitem(last=False)
    return True


def _burst(model: Model, given: BurstRequest) -> bool:
    """Keep the newest request of an application."""
    of = (given.tenant, given.application)
    known = model.bursts.pop(of, None)
    if known is not None and given.epoch < known.epoch:
        model.bursts[of] = known
        return False
    model.bursts[of] = given
    if len(model.bursts) > size.APPLICATIONS:
        model.bursts.popitem(last=False)
    return True


def _cluster_key(cluster: str) -> str:
    """Return under which key of ``ended`` a cluster stands."""
    return f"cluster {cluster}"


def _end(model: Model, key: str, epoch: int) -> None:
    """Remember the epoch of what ended."""
    model.ended[key] = epoch
    model.ended.move_to_end(key)
    if len(model.ended) > size.ENDED:
        model.ended.popitem(last=False)
