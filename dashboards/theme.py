"""What the theme of the administration says in English alone, marked so that it is translated with all else."""

from django.utils.translation import gettext_noop as _

SAID = (
    _("All applications"), _("Apply Filters"), _("Choose file to upload"), _("Click to cancel"), _("Dark"),
    _("Expand row"), _("False"), _("Filters"), _("General"), _("Go back"), _("Light"), _("More actions"),
    _("Next"), _("No data"), _("No results found"), _("Please correct the errors below."), _("Previous"),
    _("Reset filters"), _("Return to site"), _("Run"), _("Search apps and models..."), _("Select action"),
    _("Select action to run"), _("Select all rows"), _("Select record"), _("Select value"), _("Submit"),
    _("System"), _("This item will be deleted."),
    _("This page yielded into no results. Create a new item or reset your filters."),
    _("Toggle password visibility"), _("True"), _("Type to search"), _("Welcome back to"),
    _("You have been successfully logged out from the administration"), _("entries"),
    _("No recent searches"), _("No results matching your query"), _("Recent searches"), _("Loading more results..."),
    _("Click to download"), _("Date"), _("Time"),
    _("After you've created a user, you’ll be able to edit more user options."),
    _(
        "Raw passwords are not stored, so there is no way to see this user’s password, but you can change the password"
        ' using <a href="{}" class="text-primary-600 dark:text-primary-500">this form</a>.'
    ),
)  # fmt: skip
