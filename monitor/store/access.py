"""Who may see which project. The few functions through which every door asks."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from monitor.store.models import Membership, Project, Role

RANK = {Role.VIEWER: 0, Role.LABELLER: 1, Role.EDITOR: 2, Role.ADMIN: 3}


def projects_for(user: AbstractBaseUser | AnonymousUser) -> list[Project]:
    """The live projects of a person, in the order of the menu; a superuser sees all."""
    alive = Project.objects.filter(deleted_at=None)
    if getattr(user, "is_superuser", False):
        return list(alive)
    return list(alive.filter(memberships__user_id=user.pk)) if user.is_authenticated else []


def project_for(user: AbstractBaseUser | AnonymousUser, slug: str) -> Project | None:
    """The project of that slug if the person may enter it; without a slug, the first one."""
    mine = projects_for(user)
    if not slug:
        return mine[0] if mine else None
    return next((project for project in mine if project.slug == slug), None)


def role_in(user: AbstractBaseUser | AnonymousUser, project: Project) -> Role | None:
    """What the person is in the project; None for a stranger."""
    if getattr(user, "is_superuser", False):
        return Role.ADMIN
    row = (
        Membership.objects.filter(user_id=user.pk, project=project).first() if user.is_authenticated else None
    )
    return Role(row.role) if row else None


def may(user: AbstractBaseUser | AnonymousUser, project: Project, least: Role) -> bool:
    """Whether the person is at least ``least`` in the project."""
    role = role_in(user, project)
    return role is not None and RANK[role] >= RANK[least]
