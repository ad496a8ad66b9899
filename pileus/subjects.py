"""What commands about shadows are about: a policy in force, who uses it, and the one that decides beside it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.autoscaling import AutoscalingPolicy
from config.cluster import ClusterSpec
from config.errors import Problem, did_you_mean
from config.index import Identity
from config.parse import Parsed, Source, parse
from pileus.declare import Proposal, propose, together
from predictors.registry import PREDICTORS
from streams.records.control import Shadow

KIND = AutoscalingPolicy.KIND


@dataclass(frozen=True, slots=True)
class Subject:
    """A policy in force."""

    policy: AutoscalingPolicy
    clusters: tuple[ClusterSpec, ...]
    """All that use it."""

    def order(self, orders: Iterable[Shadow]) -> Shadow | None:
        """Return the shadow that stands beside it."""
        mine = (o for o in orders if (o.tenant, o.policy) == (self.policy.tenant, self.policy.id))
        return next((order for order in mine if order.document is not None), None)


class NotFoundError(Exception):
    """There is no such policy or cluster; the message says what was probably meant."""


def policy_named(name: str, stored: Mapping[Identity, Parsed], *, tenant: str) -> Subject:
    """Return the policy of an id.

    Raises
    ------
    NotFoundError
        There is none.
    """
    found = stored.get((KIND, tenant, name))
    if found is None or not isinstance(found.definition, AutoscalingPolicy):
        known = [each for kind, of, each in stored if (kind, of) == (KIND, tenant)]
        near = did_you_mean(name, known)
        whose = "" if tenant == "default" else f" of tenant {tenant}"
        raise NotFoundError(f"no {KIND} {name}{whose}{near and f', {near}'}")
    used = (each for each in together(stored.values())[0].clusters() if each.tenant == tenant)
    return Subject(found.definition, tuple(each for each in used if each.policy.policy == name))


def subject_named(name: str, stored: Mapping[Identity, Parsed], *, tenant: str) -> tuple[Subject, str]:
    """Return the policy of a cluster (its id, or ``APPLICATION/ALIAS``) and that cluster's id; or a policy and no id.

    Raises
    ------
    NotFoundError
        There is neither a cluster nor a policy of that name.
    """
    clusters = [each for each in together(stored.values())[0].clusters() if each.tenant == tenant]
    for each in clusters:
        if name in {each.cluster, f"{each.application}/{each.alias}"}:
            return policy_named(each.policy.policy, stored, tenant=tenant), each.cluster
    if (KIND, tenant, name) in stored:
        return policy_named(name, stored, tenant=tenant), ""
    known = [
        *(each.cluster for each in clusters),
        *(of for kind, whose, of in stored if (kind, whose) == (KIND, tenant)),
    ]
    near = did_you_mean(name, known)
    raise NotFoundError(f"no cluster and no {KIND} {name}{near and f', {near}'}")


def candidate(
    subject: Subject,
    given: Sequence[Source],
    stored: Mapping[Identity, Parsed],
    *,
    other: str = "",
    predictor: str = "",
) -> AutoscalingPolicy | tuple[Problem, ...]:
    """Return the policy that is to decide beside another one, or what is wrong with what was given.

    It is the only policy of ``given`` (documents of a file), the one in force that ``other`` names, or the subject's
    own; with another ``predictor`` if one is named.
    """
    parsed = [parse(source) for source in given]
    if problems := tuple(problem for each in parsed for problem in each.problems):
        return problems
    policy = subject.policy
    if given:
        found = [each.definition for each in parsed if isinstance(each.definition, AutoscalingPolicy)]
        if len(found) != 1:
            return (Problem(file=given[0].file, bound=f"must hold one {KIND}, it holds {len(found)}"),)
        policy = found[0]
    elif other:
        try:
            policy = policy_named(other, stored, tenant=subject.policy.tenant).policy
        except NotFoundError as error:
            return (Problem(file=other, bound=f"must be a file or an {KIND} in force: {error}"),)
    return _predicting(policy, predictor) if predictor else policy


def _predicting(policy: AutoscalingPolicy, predictor: str) -> AutoscalingPolicy | tuple[Problem, ...]:
    """Return a policy with another predictor."""
    if predictor not in PREDICTORS:
        near = did_you_mean(predictor, PREDICTORS)
        bound = f"must be one of {', '.join(PREDICTORS)}"
        return (Problem(file="--predictor", value=predictor, bound=bound, hint=near),)
    document = policy.document()
    document["prediction"] = document.get("prediction", {}) | {"predictor": predictor}
    return parsed_policy(document, policy.id)


def parsed_policy(document: Mapping[str, Any], name: str) -> AutoscalingPolicy | tuple[Problem, ...]:
    """Return the policy of a document."""
    found = parse(Source(f"{KIND} {name}", dict(document), KIND))
    if isinstance(found.definition, AutoscalingPolicy):
        return found.definition
    return found.problems or (Problem(file=f"{KIND} {name}", bound=f"must be of kind {KIND}"),)


def promoted(subject: Subject, policy: AutoscalingPolicy, stored: Mapping[Identity, Parsed]) -> Proposal:
    """Return what it would be to put a policy in force in the place of another, checked as ``pileus apply`` does."""
    document = policy.document() | {"id": subject.policy.id, "tenant": subject.policy.tenant}
    return propose([Source(f"{KIND} {subject.policy.id}", document)], stored)
