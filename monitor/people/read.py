"""Who may open which project: what the pages may know about people, and nothing else of the store."""

import datetime as dt
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ValidationError

from monitor.store import access
from monitor.store.models import Project, Role

__all__ = ["BadProjectError", "Person", "Place", "Role", "create", "may_create", "number", "place", "places"]

Person = AbstractBaseUser | AnonymousUser


@dataclass(frozen=True, slots=True)
class Place:
    """A project as a person sees it. ``role`` is what the person is there."""

    id: int
    slug: str
    name: str
    demo: bool
    role: str

    def allows(self, least: str) -> bool:
        """Whether the person is at least ``least`` here."""
        return access.RANK[Role(self.role)] >= access.RANK[Role(least)]


def places(person: Person) -> list[Place]:
    """The projects of a person, in the order of the menu."""
    return [place for project in access.projects_for(person) if (place := _place(person, project))]


def place(person: Person, slug: str) -> Place | None:
    """The project of that slug (the first one without a slug); None when the person may not enter it."""
    project = access.project_for(person, slug)
    return _place(person, project) if project else None


def _place(person: Person, project: Project) -> Place | None:
    role = access.role_in(person, project)
    if role is None:
        return None
    return Place(project.id, project.slug, project.name or project.slug, project.demo, str(role))


class BadProjectError(ValueError):
    """A project that can't be made so; says what is wrong."""


def may_create(person: Person) -> bool:
    """Whether the person may make projects: who rules the whole installation."""
    return bool(getattr(person, "is_superuser", False))


def create(slug: str, name: str, *, now: dt.datetime) -> int:
    """A new project; its id. Raises BadProjectError."""
    project = Project(slug=slug, name=name, created_at=now)
    try:
        project.full_clean()
    except ValidationError as error:
        raise BadProjectError("; ".join(error.messages)) from error
    project.save()
    return int(project.pk)


def number(slug: str) -> int | None:
    """The project of that slug, for commands; None when there is none."""
    return Project.objects.filter(slug=slug, deleted_at=None).values_list("pk", flat=True).first()
