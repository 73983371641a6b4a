"""Every marked text has its translation, and the catalogue holds nothing else."""

import gettext

import pytest
from django.contrib import admin
from django.utils import translation

from dashboards import texts

languages = pytest.mark.parametrize("language", list(texts.LANGUAGES))


@languages
def test_no_text_lacks_a_translation(language: str) -> None:
    assert texts.gaps(language) == []


@languages
def test_nothing_is_translated_that_nobody_says(language: str) -> None:
    assert texts.leftovers(language) == []


def test_texts_of_templates_and_of_code_are_both_found() -> None:
    said = texts.marked()
    assert "Overview" in said
    assert "Skip to content" in said


@languages
def test_gettext_reads_what_was_compiled(language: str) -> None:
    texts.compile_all()
    with texts.po_path(language).with_suffix(".mo").open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("Overview") == "总览"


def test_the_administration_speaks_chinese_of_models_fields_and_choices() -> None:
    with translation.override("zh-hans"):
        names = {
            str(one)
            for model in admin.site._registry
            for one in (
                model._meta.app_config.verbose_name,
                model._meta.verbose_name_plural,
                *(field.verbose_name for field in model._meta.fields),
                *(field.help_text for field in model._meta.fields if field.help_text),
                *(
                    label
                    for field in model._meta.fields
                    for value, label in (field.choices if isinstance(field.choices, list) else ())
                    if str(label) != str(value)
                ),
            )
        }
    assert {name for name in names if name.isascii()} <= {"API", "ID", "id", "Vigil"}
