"""What no document shows alone: references, room, unique names. All problems at once."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

from config import check_applications, check_groups, check_networks
from config.application import Application
from config.application_policy import ApplicationPolicy
from config.definition import DEFAULT_TENANT
from config.deployment import DeploymentPolicy
from config.errors import Problem, did_you_mean
from config.findings import Document, Findings
from config.group import CartridgeGroup
from config.index import D, Entry, Identity, Index
from config.kubernetes import KubernetesCluster
from config.network import NetworkPartition
from config.signup import ApplicationSignUp, DomainMapping
from config.tenant import Tenant


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check."""

    problems: list[Problem]
    warnings: list[Problem]
    resolved: tuple[Entry[Application], ...]
    """The applications in which nothing is wrong."""


def check(index: Index, broken: frozenset[Identity], *, strict: bool) -> Checked:
    """Check a whole catalogue.

    ``broken`` names what exists and is wrong itself. Not ``strict``: alternatives are put up with.
    """
    findings = Findings(index, broken, strict)
    _tenants(findings)
    for cluster in index.entries(KubernetesCluster):
        check_networks.kubernetes_cluster(findings.at(cluster))
    for network in index.entries(NetworkPartition):
        check_networks.network_partition(findings.at(network))
    unusable = {
        deployment.definition.identity
        for deployment in index.entries(DeploymentPolicy)
        if not _is_sound(findings, check_networks.deployment_policy, deployment)
    }
    for policy in index.entries(ApplicationPolicy):
        check_networks.application_policy(findings.at(policy))
    for group in index.entries(CartridgeGroup):
        check_groups.cartridge_group(findings.at(group))
    check_groups.circles(findings)
    resolved = tuple(each for each in index.entries(Application) if _resolves(findings, each, unusable))
    for sign_up in index.entries(ApplicationSignUp):
        _sign_up(findings.at(sign_up))
    for mapping in index.entries(DomainMapping):
        _domain_mapping(findings.at(mapping))
    return Checked(findings.problems, findings.warnings, resolved)


def _resolves(findings: Findings, entry: Entry[Application], unusable: Collection[Identity]) -> bool:
    """Check an application; say whether nothing is wrong in it, and in the deployment policies that it uses."""
    sound = _is_sound(findings, check_applications.application, entry)
    kind, tenant = DeploymentPolicy.KIND, entry.definition.tenant
    used = {(kind, tenant, name) for place in entry.definition.places() for _, name in place.policies}
    return sound and used.isdisjoint(unusable)


def _is_sound(findings: Findings, look: Callable[[Document[D]], None], entry: Entry[D]) -> bool:
    """Check a document; say whether nothing is wrong with it."""
    before = len(findings.problems)
    look(findings.at(entry))
    return len(findings.problems) == before


def _tenants(findings: Findings) -> None:
    """Tell of tenants that no document declares, once any is declared."""
    known = {each.tenant_domain for each in findings.index.all(Tenant)} | {DEFAULT_TENANT}
    for key, each in findings.index.definitions.items() if len(known) > 1 else ():
        if each.tenant not in known:
            document = findings.at(Entry(findings.index.files[key], each))
            document.doubt(("tenant",), each.tenant, "no tenant document declares it")
    _quotas(findings)
    for entry in findings.index.entries(Tenant):
        if entry.definition.tenant != DEFAULT_TENANT:
            findings.at(entry).wrong(("tenant",), entry.definition.tenant, f"must be '{DEFAULT_TENANT}'")


def _quotas(findings: Findings) -> None:
    """Check that no tenant has more applications than its quota allows."""
    count = Counter(each.tenant for each in findings.index.all(Application))
    for entry in findings.index.entries(Tenant):
        quota, name = entry.definition.quota, entry.definition.tenant_domain
        if quota and quota.applications is not None and count[name] > quota.applications:
            bound = f"must be at least {count[name]}, the applications of tenant '{name}'"
            findings.at(entry).wrong(("quota", "applications"), quota.applications, bound)


def _sign_up(document: Document[ApplicationSignUp]) -> None:
    """Check that the application exists, of the tenant or of the default one, and takes sign-ups."""
    tenant, name = document.definition.tenant, document.definition.application_id or ""
    found = document.index.get(Application, tenant, name) or document.index.get(Application, DEFAULT_TENANT, name)
    if found is None:
        document.find(Application, name, ("applicationId",))
    elif not found.multi_tenant:
        document.doubt(("applicationId",), name, "not a multi-tenant application: the sign-up has no effect")


def _domain_mapping(document: Document[DomainMapping]) -> None:
    """Check that the clusters exist, and that nobody else has a domain name."""
    name = document.definition.application_id or ""
    found = document.find(Application, name, ("applicationId",))
    aliases = {place.use.subscribable_info.alias for place in found.places()} if found else set()
    domains = document.findings.domains
    for i, each in enumerate(document.definition.domain_mappings):
        path = ("domainMappings", i)
        if found and each.cartridge_alias not in aliases:
            hint = did_you_mean(each.cartridge_alias, aliases)
            document.wrong((*path, "cartridgeAlias"), each.cartridge_alias, f"no such cluster of '{name}'", hint)
        taken = domains.setdefault(each.domain_name.lower(), document.file)
        if taken != document.file:
            document.against((*path, "domainName"), each.domain_name, f"also mapped in {taken}")
    document.unique(
        (("domainMappings", i, "domainName"), each.domain_name.lower() + each.context_path.rstrip("/"))
        for i, each in enumerate(document.definition.domain_mappings)
    )
