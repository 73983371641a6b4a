"""What single sign-on says about roles: a claim of the identity provider becomes memberships of projects.

A rule is ``VALUE=PROJECT:ROLE``; ``*`` stands for every value, or for every project. The strongest match wins.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from monitor.core.env import BadSettingError
from monitor.store import access
from monitor.store.models import Membership, Project, Role

ANY = "*"


@dataclass(frozen=True, slots=True)
class Grant:
    """Whoever's claim holds ``value`` is ``role`` in ``project``."""

    value: str
    project: str
    role: Role


def grants(pairs: Iterable[tuple[str, str]]) -> list[Grant]:
    """The rules of the setting; raises BadSettingError with the rule and the remedy."""
    found = []
    for value, given in pairs:
        project, _, role = given.rpartition(":")
        if not project or role not in Role.values:
            message = f"VIGIL_OIDC_ROLES: {value}={given}: not VALUE=PROJECT:ROLE; roles are {', '.join(Role.values)}"
            raise BadSettingError(message)
        found.append(Grant(value, project, Role(role)))
    return found


def values(claims: Mapping[str, Any], name: str) -> set[str]:
    """The texts that a claim holds, whether it is one text or a list; a claim of claims is a path with dots."""
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return {found}
    return {one for one in found if isinstance(one, str)} if isinstance(found, Sequence) else set()


def wanted(rules: Iterable[Grant], held: set[str], slugs: Iterable[str]) -> dict[str, Role]:
    """The role in each project that the claim's values earn."""
    earned: dict[str, Role] = {}
    matching = [rule for rule in rules if rule.value == ANY or rule.value in held]
    for slug in slugs:
        roles = [rule.role for rule in matching if rule.project in {ANY, slug}]
        if roles:
            earned[slug] = max(roles, key=access.RANK.__getitem__)
    return earned


@transaction.atomic
def keep_in_step(user: User, rules: Sequence[Grant], held: set[str]) -> dict[str, Role]:
    """Set the memberships that sign-on gave to what the claim says now; those given by hand stay as they are."""
    projects = {project.slug: project for project in Project.objects.filter(deleted_at=None)}
    earned = wanted(rules, held, projects)
    mine = Membership.objects.filter(user=user)
    by_hand = set(mine.filter(from_sign_on=False).values_list("project__slug", flat=True))
    mine.filter(from_sign_on=True).exclude(project__slug__in=earned).delete()
    for slug, role in earned.items():
        if slug not in by_hand:
            Membership.objects.update_or_create(
                user=user, project=projects[slug], defaults={"role": role, "from_sign_on": True}
            )
    if any(access.RANK[role] >= access.RANK[Role.EDITOR] for role in earned.values()) and not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])
    return earned
