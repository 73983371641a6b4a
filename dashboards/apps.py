from django.apps import AppConfig


class DashboardsConfig(AppConfig):
    name = "dashboards"
    verbose_name = "Dashboards"

    def ready(self) -> None:
        from monitor.people import trail

        # what stood on a board is in its versions; they go with it, and who removed it stays
        trail.follow([(self.get_model("Dashboard"), ("document",))])
